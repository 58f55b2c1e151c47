use mcpo2_core::{Approval, Digest, Effect, Obligations, RuleId, Shadow};
use serde::Serialize;

use crate::{
    Engine, LevelConfig, Policy, Query, Truth,
    native::{Outcome, Rule},
};

/// How many rules that came near are told of.
const NEAR: usize = 16;

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
    /// The level that decided.
    pub level: LevelConfig,
    /// What the caller learns of a denial, if anything.
    pub public_code: Option<Box<str>>,
    /// What has to be done for the call to go on.
    #[serde(flatten)]
    pub owed: Owed,
    /// What rules in shadow mode would have changed.
    pub shadow: Option<Shadow>,
    /// The rules that match, by id, those that were outdone included.
    pub matched: Vec<Explained>,
    /// The rules that came nearest without matching, nearest first.
    pub near: Vec<Explained>,
    /// The digest of the policy.
    pub bundle: Digest,
}

/// What has to be done for a call to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Owed {
    /// What the platform owes.
    pub obligations: Obligations,
    /// The groups that have to approve.
    pub approval: Vec<Box<str>>,
}

/// What one rule says of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explained {
    /// The rule.
    pub rule: RuleId,
    /// What it would do.
    pub effect: Effect,
    /// Whose rule it is.
    pub level: LevelConfig,
    /// Whether it is in shadow mode, and decides nothing.
    pub shadow: bool,
    /// The conditions for which it does not match; none where it matches.
    pub missed: Vec<Missed>,
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

pub(crate) fn explanation(
    outcome: Outcome,
    shadow: Option<Shadow>,
    policy: &Policy,
    query: &Query<'_>,
) -> Explanation {
    let all = policy.rules().iter();
    let (matched, mut near): (Vec<_>, Vec<_>) = all
        .map(|rule| explained(rule, query))
        .partition(|rule| rule.missed.is_empty());
    near.sort_by(|one, two| {
        let distance = |rule: &Explained| rule.missed.len();
        distance(one)
            .cmp(&distance(two))
            .then_with(|| one.rule.cmp(&two.rule))
    });
    near.truncate(NEAR);
    let groups = outcome.approval.iter().flat_map(Approval::groups);
    Explanation {
        effect: outcome.effect,
        owed: Owed {
            approval: groups.map(Into::into).collect(),
            obligations: outcome.obligations,
        },
        rules: outcome.rules,
        reason: outcome.reason.into(),
        level: outcome.level,
        public_code: outcome.public_code,
        shadow,
        matched,
        near,
        bundle: policy.digest(),
    }
}

fn explained(rule: &Rule, query: &Query<'_>) -> Explained {
    let conditions = rule.conditions.iter();
    let unknown = conditions.filter(|condition| condition.holds(query) == Truth::Unknown);
    let missed = rule.missed(query).map(|condition| Missed {
        field: condition.field(),
        truth: condition.holds(query),
    });
    Explained {
        rule: rule.id.clone(),
        effect: rule.effect,
        level: rule.origin.level,
        shadow: rule.origin.shadow,
        unknown: unknown.map(|condition| condition.field()).collect(),
        missed: missed.collect(),
    }
}
