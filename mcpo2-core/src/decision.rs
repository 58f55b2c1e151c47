use std::{borrow::Cow, num::NonZeroU64};

use crate::RuleId;

/// What a policy says of a call.
///
/// It has no default: an engine that cannot decide says [`Deny`](Decision::Deny).
#[derive(Debug, Clone)]
#[must_use = "a decision that is not applied decides nothing"]
pub enum Decision {
    /// The call may go on, under these obligations.
    Allow(Obligations),
    /// It may not.
    Deny(Denial),
    /// It may, once somebody has approved it.
    Ask(Approval),
}

/// What the platform owes when a call is allowed: the layers below discharge it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obligations {
    /// The preamble profile that must apply, by id.
    pub preamble: Option<Box<str>>,
    /// The result may be at most this long, in bytes, before it becomes a reference.
    pub max_result_bytes: Option<NonZeroU64>,
}

impl Obligations {
    /// Both together, the stricter of each; none where their preambles differ.
    #[must_use]
    pub fn join(self, other: Self) -> Option<Self> {
        let preamble = match (self.preamble, other.preamble) {
            (Some(one), Some(two)) if one != two => return None,
            (one, two) => one.or(two),
        };
        let max_result_bytes = match (self.max_result_bytes, other.max_result_bytes) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Some(Self {
            preamble,
            max_result_bytes,
        })
    }
}

/// Why a call is denied. The caller learns none of it: what is denied looks unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    rules: Vec<RuleId>,
    reason: Cow<'static, str>,
}

impl Denial {
    /// A denial by these rules; none means that no rule allowed it. The reason is the operator's.
    #[must_use]
    pub fn new(rules: Vec<RuleId>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            rules,
            reason: reason.into(),
        }
    }

    /// The rules that denied.
    #[must_use]
    pub fn rules(&self) -> &[RuleId] {
        &self.rules
    }

    /// The reason, for the operator.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Whose approval a call waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    rules: Vec<RuleId>,
    group: Box<str>,
}

impl Approval {
    /// An approval by somebody of this group, asked for by these rules.
    #[must_use]
    pub fn new(rules: Vec<RuleId>, group: impl Into<Box<str>>) -> Self {
        Self {
            rules,
            group: group.into(),
        }
    }

    /// The rules that ask.
    #[must_use]
    pub fn rules(&self) -> &[RuleId] {
        &self.rules
    }

    /// The group of approvers.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }
}
