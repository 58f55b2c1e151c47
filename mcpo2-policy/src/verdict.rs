use std::borrow::Cow;

use mcpo2_core::{
    Approval, Decided, Decision, Denial, Digest, Effect, Obligations, RuleId, Shadow,
};
use serde::Serialize;

use crate::{native::rule_id, reserved};

/// A decision, and what the trail says of it.
///
/// It is made whole, so that what is recorded is what was decided.
#[derive(Debug, Clone)]
#[must_use = "a verdict that is not applied decides nothing"]
pub struct Verdict {
    decision: Decision,
    decided: Decided,
}

impl Verdict {
    /// Allowed by these rules of `bundle`; the reason is the operator's.
    pub fn allow(
        rules: Vec<RuleId>,
        reason: impl Into<Cow<'static, str>>,
        obligations: Obligations,
        bundle: Digest,
    ) -> Self {
        let decided = Decided {
            effect: Effect::Allow,
            rules,
            reason: reason.into(),
            bundle,
            shadow: None,
        };
        Self {
            decision: Decision::Allow(obligations),
            decided,
        }
    }

    /// Denied by `bundle`.
    pub fn deny(denial: Denial, bundle: Digest) -> Self {
        let reason = denial.reason().to_owned().into();
        Self::denied(denial, reason, bundle)
    }

    /// The same, where the reason is at hand, and may cost nothing to copy.
    pub(crate) fn denied(denial: Denial, reason: Cow<'static, str>, bundle: Digest) -> Self {
        let decided = Decided {
            effect: Effect::Deny,
            rules: denial.rules().to_vec(),
            reason,
            bundle,
            shadow: None,
        };
        Self {
            decision: Decision::Deny(denial),
            decided,
        }
    }

    /// Allowed by `bundle` once somebody has approved; the reason is the operator's.
    pub fn ask(approval: Approval, reason: impl Into<Cow<'static, str>>, bundle: Digest) -> Self {
        let decided = Decided {
            effect: Effect::RequireApproval,
            rules: approval.rules().to_vec(),
            reason: reason.into(),
            bundle,
            shadow: None,
        };
        Self {
            decision: Decision::Ask(approval),
            decided,
        }
    }

    /// Denied, because the engine could not decide: the only answer that an error has.
    pub fn eval_error(reason: impl Into<Cow<'static, str>>, bundle: Digest) -> Self {
        let rules = rule_id(reserved::EVAL_ERROR).into_iter().collect();
        Self::deny(Denial::new(rules, reason), bundle)
    }

    /// The same, and what rules in shadow mode would have made of it.
    pub fn with_shadow(mut self, shadow: Option<Shadow>) -> Self {
        self.decided.shadow = shadow;
        self
    }

    /// The same, where what `owed` has to be blotted out is so as well.
    pub(crate) fn blotting(mut self, owed: &Obligations) -> Self {
        if let Decision::Allow(all) = &mut self.decision {
            all.redact.extend(owed.redact.iter().cloned());
        }
        self
    }

    /// The same, of which the caller learns nothing.
    pub(crate) fn without_public_code(mut self) -> Self {
        self.decision = match self.decision {
            Decision::Deny(denial) => Decision::Deny(denial.without_public_code()),
            other => other,
        };
        self
    }

    /// The decision.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What the trail says of it.
    #[must_use]
    pub fn decided(&self) -> &Decided {
        &self.decided
    }

    /// Both, for what applies the one and records the other.
    pub fn into_parts(self) -> (Decision, Decided) {
        (self.decision, self.decided)
    }
}

/// Whether a caller sees an item in a list, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// It may not be used, whatever the arguments.
    Denied,
    /// Whether it may be used depends on the arguments.
    DependsOnArguments,
    /// It may be used, with any arguments, or once somebody has approved.
    Allowed,
}
