use std::borrow::Cow;

use crate::RuleId;

mod approval;
mod obligations;

pub use self::{
    approval::Approval,
    obligations::{Durability, Duty, Loudness, Obligations},
};

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

/// Why a call is denied. The caller learns none of it but the public code, if it has one: what is
/// denied looks unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    rules: Vec<RuleId>,
    reason: Cow<'static, str>,
    public_code: Option<Box<str>>,
}

impl Denial {
    /// A denial by these rules; none means that no rule allowed it. The reason is the operator's.
    #[must_use]
    pub fn new(rules: Vec<RuleId>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            rules,
            reason: reason.into(),
            public_code: None,
        }
    }

    /// The same, of which the caller may learn this code, where it may know what it asked for.
    #[must_use]
    pub fn with_public_code(mut self, code: impl Into<Box<str>>) -> Self {
        self.public_code = Some(code.into());
        self
    }

    /// The same, of which the caller learns nothing.
    #[must_use]
    pub fn without_public_code(mut self) -> Self {
        self.public_code = None;
        self
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

    /// What the caller may learn of it; with none, what is denied looks unknown.
    #[must_use]
    pub fn public_code(&self) -> Option<&str> {
        self.public_code.as_deref()
    }
}
