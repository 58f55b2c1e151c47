use mcpo2_core::Effect;
use serde::Serialize;

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It does not hold.
    False,
    /// It cannot be known: then `allow` does not match, and `require_approval` and `deny` do.
    Unknown,
    /// It depends on arguments that are not there yet, as in a list. Of a call they are: what is
    /// still open then is as good as unknown.
    Open,
    /// It holds.
    True,
}

use Truth::{False, Open, True, Unknown};

impl Truth {
    pub(crate) fn of(holds: bool) -> Self {
        if holds { True } else { False }
    }

    /// That any of these holds. What is open or unknown stays so unless another one holds.
    pub(crate) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(False, |one, two| match (one, two) {
            (True, _) | (_, True) => True,
            (Open, _) | (_, Open) => Open,
            (Unknown, _) | (_, Unknown) => Unknown,
            (False, False) => False,
        })
    }

    /// That all of these hold. What is open or unknown stays so unless another one does not hold.
    pub(crate) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        Self::any(truths.into_iter().map(Self::not)).not()
    }

    /// That it does not hold.
    pub(crate) fn not(self) -> Self {
        match self {
            False => True,
            True => False,
            Unknown | Open => self,
        }
    }

    /// What it means for a rule of this effect.
    pub(crate) fn for_effect(self, effect: Effect) -> Matched {
        match (self, effect) {
            (False, _) | (Unknown, Effect::Allow) => Matched::No,
            (Open, _) => Matched::Open,
            (True, _) | (Unknown, Effect::RequireApproval | Effect::Deny) => Matched::Yes,
        }
    }
}

/// Whether a rule matches, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Matched {
    No,
    Open,
    Yes,
}

impl Matched {
    /// Whether it matches a call: what is still open there cannot be known.
    pub(crate) fn by_call(self, effect: Effect) -> bool {
        match self {
            Self::No => false,
            Self::Open => effect != Effect::Allow,
            Self::Yes => true,
        }
    }
}
