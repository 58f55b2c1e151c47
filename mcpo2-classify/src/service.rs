use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use mcpo2_core::{Basis, Call, Classified, Directory, Fact, Method};

use crate::{Report, Rules};

/// Finds the family of a call and records what it rests on.
#[derive(Debug, Clone)]
pub struct ClassifyService<S> {
    inner: S,
    engine: Arc<Engine>,
}

pub(crate) struct Engine {
    pub(crate) rules: Arc<Rules>,
    pub(crate) directory: Arc<dyn Directory>,
}

impl<S> ClassifyService<S> {
    pub(crate) fn new(inner: S, engine: Arc<Engine>) -> Self {
        Self { inner, engine }
    }
}

impl<S: Service<Call>> Service<Call> for ClassifyService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> S::Future {
        let call = self.engine.classify(call);
        self.inner.call(call)
    }
}

impl Engine {
    fn classify(&self, call: Call) -> Call {
        let report = self.rules.report_on(call.request());
        let facts = call.item().and_then(|item| self.directory.describe(item));
        let registered = facts.map(|facts| facts.family().clone());
        let spoken = report.family().cloned();
        let (family, basis, conflict) = match registered {
            // INVARIANT: what is registered decides alone. Text is a cross-check, never a switch.
            Some(family) => {
                let conflict = spoken.filter(|spoken| *spoken != family);
                (Some(family), Basis::Registry, conflict)
            }
            None if *call.method() == Method::ToolsCall && spoken.is_some() => {
                (spoken, Basis::Rules, None)
            }
            None => (None, Basis::Nothing, None),
        };
        call.trail().record(Fact::Classified(Classified {
            family: family.clone(),
            basis,
            conflict,
            evidence: evidence(&report),
            ruleset: self.rules.digest(),
        }));
        match family {
            Some(family) => call.with_family(family),
            None => call,
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("ruleset", &self.rules.digest())
            .finish_non_exhaustive()
    }
}

fn evidence(report: &Report) -> Vec<Box<str>> {
    let ids = report.evidence.iter().map(|evidence| evidence.rule.clone());
    ids.collect()
}
