use std::{collections::BTreeSet, sync::Arc};

use mcpo2_classify::Rules;
use mcpo2_core::Frame;
use mcpo2_policy::{Finders, Policy, PolicyLayer, RateLayer, RedactLayer, Tally};

use super::{BuildError, Generation, Lasting, Mode, because};
use crate::{config::Config, engines::Engines, stack::Permits, surroundings::Server};

/// What classifies, what permits, and what is found in results.
#[derive(Debug, Clone)]
pub(super) struct Verdicts {
    pub(super) rules: Arc<Rules>,
    pub(super) policy: Arc<Policy>,
    /// What decides beside the policy.
    pub(super) engines: Arc<Engines>,
    finders: Arc<Finders>,
    /// All that any rule could oblige to blot out; of other engines nobody knows, so with them it is
    /// all that can be found.
    redacts: Arc<BTreeSet<Box<str>>>,
}

impl Verdicts {
    /// Compiles what is written otherwise than before.
    pub(super) fn build(
        config: &Config,
        mode: Mode,
        before: Option<(&Config, &Self)>,
    ) -> Result<Self, BuildError> {
        let same = |is_same: fn(&Config, &Config) -> bool| {
            let before = before.filter(|(written, _)| is_same(written, config));
            before.map(|(_, verdicts)| verdicts)
        };
        let rules = match same(|one, two| one.classify == two.classify) {
            Some(before) => Arc::clone(&before.rules),
            None => config.rules().map_err(because("classify"))?,
        };
        let policy = match (mode, same(|one, two| one.policy == two.policy)) {
            (_, Some(before)) => Arc::clone(&before.policy),
            (Mode::Governed, None) => config.policy().map_err(because("policy"))?,
            (Mode::Observed, None) => Arc::new(Policy::allow_all()),
        };
        let engines = match mode {
            Mode::Governed => config.engines().map_err(because("engines"))?,
            Mode::Observed => Arc::default(),
        };
        let engines = match before {
            Some((_, before)) if before.engines.decide_like(&engines) => {
                Arc::clone(&before.engines)
            }
            _ => engines,
        };
        let finders = match same(|one, two| one.redact == two.redact) {
            Some(before) => Arc::clone(&before.finders),
            None => Arc::new(config.redact.compile().map_err(because("redact"))?),
        };
        let redacts = match engines.is_empty() {
            true => policy.redacts(),
            false => finders.names().map(Into::into).collect(),
        };
        Ok(Self {
            redacts: Arc::new(redacts),
            rules,
            policy,
            engines,
            finders,
        })
    }

    /// The layers that decide, and that discharge what was decided.
    pub(super) fn permits(
        &self,
        config: &Config,
        lasting: &Lasting,
    ) -> Result<Permits, BuildError> {
        let surroundings = Arc::new(Server::new(config.environment.as_deref()));
        let rates = config.rates.compile().map_err(because("rates"))?;
        let tally: Arc<dyn Tally> = Arc::<crate::telemetry::Metrics>::clone(&lasting.metrics);
        let policy = match self.engines.beside(&self.policy) {
            None => PolicyLayer::new(Arc::clone(&self.policy)),
            Some(all) => PolicyLayer::new(all),
        };
        Ok(Permits {
            policy: policy.with_surroundings(surroundings),
            remote: self.engines.remote().cloned(),
            rates: RateLayer::new(rates, Arc::clone(&lasting.buckets), Arc::clone(&tally)),
            redact: RedactLayer::new(Arc::clone(&self.finders)).with_tally(tally),
        })
    }

    /// What a module says outside of calls, or what a client fetches by resuming a stream: without
    /// all that any rule could oblige to blot out, as nobody knows by which it was allowed.
    pub(super) fn outside(&self, frame: Frame, lasting: &Lasting) -> Option<Frame> {
        if self.redacts.is_empty() {
            return Some(frame);
        }
        let tally = Arc::<crate::telemetry::Metrics>::clone(&lasting.metrics);
        let redact = RedactLayer::new(Arc::clone(&self.finders)).with_tally(tally);
        let frame = redact.frame(&self.redacts, frame);
        if frame.is_none() {
            tracing::warn!("an event outside of calls cannot be looked through, and is left out");
        }
        frame
    }
}

impl Generation {
    /// What it decides by, for the one behind it.
    pub(super) fn decided_by(&self) -> (&Config, &Verdicts) {
        (self.config(), self.verdicts())
    }
}
