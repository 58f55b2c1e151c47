//! The engines that decide beside the rules, where the configuration names some.

mod cedar;
mod opa;
mod rego;

use std::{fmt, sync::Arc};

use mcpo2_core::Digest;
use mcpo2_policy::{All, Engine, Policy, RemoteEngine};

use crate::config;

/// Engines that are ready to decide.
#[derive(Clone, Default)]
pub(crate) struct Engines {
    written: config::Engines,
    local: Vec<Local>,
    remote: Option<Arc<dyn RemoteEngine>>,
}

/// An engine in this process.
#[derive(Clone)]
pub(crate) struct Local {
    /// Its key in the configuration.
    pub(crate) name: &'static str,
    pub(crate) engine: Arc<dyn Engine>,
}

/// Why an engine cannot decide, and which key below `engines` says so.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Fault {
    pub(crate) key: String,
    pub(crate) message: String,
}

impl Fault {
    fn at(key: impl Into<String>, message: impl fmt::Display) -> Self {
        Self {
            key: key.into(),
            message: message.to_string(),
        }
    }

    #[cfg(not(all(feature = "cedar", feature = "rego")))]
    fn built_without(feature: &str) -> Self {
        Self::at(
            feature,
            format_args!("this program is built without the feature `{feature}`"),
        )
    }
}

impl Engines {
    /// Reads their policies. Nobody is asked for anything over a network yet.
    pub(crate) fn open(written: &config::Engines) -> Result<Self, Vec<Fault>> {
        let (mut local, mut faults) = (Vec::new(), Vec::new());
        let rego = written.rego.as_ref().map(rego::open);
        let cedar = written.cedar.as_ref().map(cedar::open);
        for (name, opened) in [("rego", rego), ("cedar", cedar)] {
            match opened {
                Some(Ok(engine)) => local.push(Local { name, engine }),
                Some(Err(fault)) => faults.push(fault),
                None => {}
            }
        }
        let remote = written.opa.as_ref().map(opa::open).transpose();
        let remote = remote.unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        match faults.is_empty() {
            true => Ok(Self {
                written: written.clone(),
                local,
                remote,
            }),
            false => Err(faults),
        }
    }

    /// Whether they are what is written there. What their files say now is not looked at.
    pub(crate) fn are_of(&self, written: &config::Engines) -> bool {
        self.written == *written
    }

    /// Whether these decide as those do.
    pub(crate) fn decide_like(&self, others: &Self) -> bool {
        self.written == others.written && self.digests().eq(others.digests())
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.local.is_empty() && self.remote.is_none()
    }

    /// Those in this process.
    pub(crate) fn local(&self) -> &[Local] {
        &self.local
    }

    /// The one that has to be waited for.
    pub(crate) fn remote(&self) -> Option<&Arc<dyn RemoteEngine>> {
        self.remote.as_ref()
    }

    /// These rules and those in this process; none where the rules decide alone.
    pub(crate) fn beside(&self, rules: &Arc<Policy>) -> Option<Arc<All>> {
        if self.local.is_empty() {
            return None;
        }
        let rules: Arc<dyn Engine> = Arc::<Policy>::clone(rules);
        let local = self.local.iter().map(|local| Arc::clone(&local.engine));
        Some(Arc::new(All::of(
            [rules].into_iter().chain(local).collect(),
        )))
    }

    fn digests(&self) -> impl Iterator<Item = Digest> {
        let remote = self.remote.iter().map(|engine| engine.digest());
        let local = self.local.iter().map(|local| local.engine.digest());
        local.chain(remote)
    }
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.digests()).finish()
    }
}
