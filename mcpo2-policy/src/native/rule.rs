use mcpo2_core::{Approval, Effect, Obligations, RuleId};

use super::{Matched, condition::Condition};
use crate::{config::LevelConfig, query::Query};

/// A compiled rule: it matches where all its conditions do.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) effect: Effect,
    pub(crate) origin: Origin,
    pub(crate) conditions: Conditions,
    /// None where it obliges to nothing, as most do: then nothing else is looked at.
    pub(crate) obligations: Option<Box<Obligations>>,
    /// Who approves; none unless the effect asks for it.
    pub(crate) approval: Option<Box<Approval>>,
    pub(crate) words: Words,
}

/// The conditions of a rule: those that the index settles first, and then those that have to be
/// asked, which are on the situation, on arguments, and exceptions.
#[derive(Debug)]
pub(crate) struct Conditions {
    all: Box<[Condition]>,
    settled: usize,
}

impl Conditions {
    pub(crate) fn new(all: Vec<Condition>) -> Self {
        let settled = all.iter().take_while(|condition| condition.is_settled());
        Self {
            settled: settled.count(),
            all: all.into(),
        }
    }

    /// Those that the index leaves open, but for the URIs of resources.
    pub(crate) fn open(&self) -> &[Condition] {
        self.all.get(self.settled..).unwrap_or_default()
    }
}

impl std::ops::Deref for Conditions {
    type Target = [Condition];

    fn deref(&self) -> &[Condition] {
        &self.all
    }
}

/// Whose rule it is, and whether it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) level: LevelConfig,
    pub(crate) shadow: bool,
}

/// What a rule says of itself.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) reason: Option<Box<str>>,
    pub(crate) public_code: Option<Box<str>>,
}

impl Rule {
    pub(crate) fn matched(&self, query: &Query<'_>) -> Matched {
        matched(&self.conditions, query, self.effect)
    }

    /// Whether it matches a call.
    pub(crate) fn matches(&self, query: &Query<'_>) -> bool {
        self.matched(query).by_call(self.effect)
    }

    /// The conditions for which it does not match.
    pub(crate) fn missed(&self, query: &Query<'_>) -> impl Iterator<Item = &Condition> {
        let misses = |condition: &&Condition| {
            let matched = condition.matched(query, self.effect);
            !matched.by_call(self.effect)
        };
        self.conditions.iter().filter(misses)
    }
}

/// Whether all these conditions let a rule of this effect match.
fn matched(conditions: &[Condition], query: &Query<'_>, effect: Effect) -> Matched {
    let mut least = Matched::Yes;
    for condition in conditions {
        least = least.min(condition.matched(query, effect));
        if least == Matched::No {
            break;
        }
    }
    least
}
