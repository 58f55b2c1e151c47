//! What every engine promises, for those who write one to run.
//!
//! [`check`] asks an engine about samples; [`check_rules`] builds engines of small policies, where
//! an engine can be made of a [`Config`](crate::Config).
//!
//! ```
//! use mcpo2_policy::{Config, Policy, conformance};
//!
//! conformance::check(&Policy::allow_all(), &conformance::samples())?;
//! conformance::check_rules(|config: &Config| config.clone().compile().unwrap())?;
//! # Ok::<(), conformance::Broken>(())
//! ```

use std::{collections::HashMap, fmt};

use mcpo2_core::{Decision, Effect, Item};

use crate::{Engine, Query, Situation, Verdict, Visibility};

mod rules;
mod sample;

pub use self::{
    rules::check_rules,
    sample::{Sample, samples},
};

/// A promise that an engine does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    law: &'static str,
    detail: String,
}

impl Broken {
    fn new(law: &'static str, detail: impl fmt::Debug) -> Self {
        Self {
            law,
            detail: format!("{detail:?}"),
        }
    }

    /// What it promises.
    #[must_use]
    pub fn law(&self) -> &'static str {
        self.law
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.detail)
    }
}

impl std::error::Error for Broken {}

/// Whether an engine keeps, on these samples, what engines promise whatever their rules are.
///
/// # Errors
///
/// The first promise that is [`Broken`].
pub fn check(engine: &dyn Engine, samples: &[Sample]) -> Result<(), Broken> {
    same_digest(engine)?;
    for sample in samples {
        says_something(engine, sample)?;
        is_deterministic(engine, sample)?;
        hides_nothing_allowed(engine, sample)?;
        keys_tell_situations_apart(engine, sample)?;
    }
    lists_as_it_shows(engine, samples)
}

fn holds(is_so: bool, law: &'static str, detail: impl fmt::Debug) -> Result<(), Broken> {
    match is_so {
        true => Ok(()),
        false => Err(Broken::new(law, detail)),
    }
}

fn same_digest(engine: &dyn Engine) -> Result<(), Broken> {
    let digest = engine.digest();
    holds(
        digest == engine.digest(),
        "the digest stays the same",
        digest,
    )
}

/// What is recorded is what is decided, by which rules and under which digest.
fn says_something(engine: &dyn Engine, sample: &Sample) -> Result<(), Broken> {
    let verdict = engine.decide(&sample.query());
    let decided = verdict.decided();
    let (effect, named) = match verdict.decision() {
        Decision::Allow(_) => (Effect::Allow, !decided.rules.is_empty()),
        Decision::Ask(approval) => (
            Effect::RequireApproval,
            !approval.rules().is_empty() && approval.groups().next().is_some(),
        ),
        Decision::Deny(_) => (Effect::Deny, true),
    };
    holds(
        named,
        "what is allowed or asked for is so by a rule",
        (&verdict, sample),
    )?;
    holds(
        decided.effect == effect,
        "what is recorded is what is decided",
        (&verdict, sample),
    )?;
    let reason = !decided.reason.is_empty() || effect != Effect::Deny;
    holds(reason, "a denial has a reason", (&verdict, sample))?;
    let bundle = decided.bundle == engine.digest();
    holds(
        bundle,
        "a verdict names the digest of the engine",
        (&verdict, sample),
    )
}

fn is_deterministic(engine: &dyn Engine, sample: &Sample) -> Result<(), Broken> {
    let told = |verdict: Verdict| format!("{:?}", verdict.into_parts());
    let (one, two) = (
        told(engine.decide(&sample.query())),
        told(engine.decide(&sample.query())),
    );
    holds(one == two, "the same is decided each time", (one, two))?;
    let shown = || engine.visible(&sample.listed());
    holds(shown() == shown(), "the same is shown each time", sample)
}

fn hides_nothing_allowed(engine: &dyn Engine, sample: &Sample) -> Result<(), Broken> {
    // A list knows nothing of the request that will be, and nothing of what the classifier finds.
    if !sample.is_listable() {
        return Ok(());
    }
    let passes = engine.decide(&sample.query()).decided().effect != Effect::Deny;
    let shown = engine.visible(&sample.listed());
    let hides = passes && shown == Visibility::Denied;
    holds(
        !hides,
        "a list hides nothing that some arguments get allowed",
        sample,
    )?;
    let promises = !passes && shown == Visibility::Allowed;
    holds(
        !promises,
        "what a list shows without condition is not denied",
        sample,
    )
}

fn keys_tell_situations_apart(engine: &dyn Engine, sample: &Sample) -> Result<(), Broken> {
    let mut seen: HashMap<Box<[u8]>, (Visibility, Situation)> = HashMap::new();
    for situation in sample::situations() {
        // As a list asks: for all of its items together.
        let nothing = Item::new(sample.item().kind(), "");
        let list = Query::listed(&nothing, sample.principal()).with_situation(&situation);
        let Some(key) = engine.situation_key(&list) else {
            continue;
        };
        let shown = engine.visible(&sample.listed().with_situation(&situation));
        if let Some((before, other)) = seen.get(&key) {
            let same = *before == shown;
            let law = "a list is the same in situations that have the same key";
            holds(same, law, (sample, &situation, other))?;
        }
        seen.insert(key, (shown, situation));
    }
    Ok(())
}

fn lists_as_it_shows(engine: &dyn Engine, samples: &[Sample]) -> Result<(), Broken> {
    let Some(first) = samples.first() else {
        return Ok(());
    };
    let items: Vec<&Item> = samples.iter().map(Sample::item).collect();
    let query = |item| Query::listed(item, first.principal());
    let together = engine.visible_of(&mut items.iter().copied(), &|item| query(item));
    let each: Vec<_> = items
        .iter()
        .map(|item| engine.visible(&query(item)))
        .collect();
    holds(
        together == each,
        "a list shows what is visible one by one",
        (&together, &each),
    )?;
    let all = each.iter().all(|shown| *shown == Visibility::Allowed);
    let uniform = !engine.is_uniform() || all;
    holds(
        uniform,
        "where everything is visible, nothing is hidden",
        each,
    )
}
