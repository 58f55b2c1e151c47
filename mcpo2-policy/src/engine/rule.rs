use mcpo2_core::{Effect, Obligations, RuleId};

use super::{Matched, condition::Condition};
use crate::query::Query;

/// A compiled rule: it matches where all its conditions do.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) effect: Effect,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) obligations: Obligations,
    /// The group that approves; empty unless the effect asks for one.
    pub(crate) group: Box<str>,
    pub(crate) reason: Option<Box<str>>,
}

impl Rule {
    pub(crate) fn matched(&self, query: &Query<'_>) -> Matched {
        let conditions = self.conditions.iter();
        let mut least = Matched::Yes;
        for condition in conditions {
            least = least.min(condition.matched(query, self.effect));
            if least == Matched::No {
                break;
            }
        }
        least
    }

    /// Whether it matches a call: what is still open cannot be known any more.
    pub(crate) fn matches(&self, query: &Query<'_>) -> bool {
        match self.matched(query) {
            Matched::No => false,
            Matched::Open => self.effect != Effect::Allow,
            Matched::Yes => true,
        }
    }

    /// The first condition for which it does not match.
    pub(crate) fn missed(&self, query: &Query<'_>) -> Option<&Condition> {
        let misses = |condition: &&Condition| match condition.matched(query, self.effect) {
            Matched::No => true,
            Matched::Open => self.effect == Effect::Allow,
            Matched::Yes => false,
        };
        self.conditions.iter().find(misses)
    }
}
