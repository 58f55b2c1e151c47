use mcpo2_core::{Effect, RuleId};
use serde::Serialize;

use crate::{
    Query, Truth,
    engine::{Outcome, Rule},
};

/// Why a policy decides a query as it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The effect.
    pub effect: Effect,
    /// The rules that made it; none where no rule allowed it.
    pub rules: Vec<RuleId>,
    /// The reason, for the operator.
    pub reason: Box<str>,
    /// What each rule says, by id.
    pub considered: Vec<Explained>,
}

/// What one rule says of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explained {
    /// The rule.
    pub rule: RuleId,
    /// What it would do.
    pub effect: Effect,
    /// The first condition for which it does not match; none where it matches.
    pub missed: Option<Missed>,
    /// The fields whose conditions cannot be known.
    pub unknown: Vec<String>,
}

/// A condition for which a rule does not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Missed {
    /// The field of the rule.
    pub field: String,
    /// Whether the condition is false, or only not known to hold.
    pub truth: Truth,
}

pub(crate) fn explanation(outcome: Outcome<'_>, rules: &[Rule], query: &Query<'_>) -> Explanation {
    Explanation {
        effect: outcome.effect,
        rules: outcome.rules,
        reason: outcome.reason.into(),
        considered: rules.iter().map(|rule| explained(rule, query)).collect(),
    }
}

fn explained(rule: &Rule, query: &Query<'_>) -> Explained {
    let conditions = rule.conditions.iter();
    let unknown = conditions.filter(|condition| condition.holds(query) == Truth::Unknown);
    Explained {
        rule: rule.id.clone(),
        effect: rule.effect,
        unknown: unknown.map(|condition| condition.field()).collect(),
        missed: rule.missed(query).map(|condition| Missed {
            field: condition.field(),
            truth: condition.holds(query),
        }),
    }
}
