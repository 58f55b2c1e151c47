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
    /// It depends on arguments that are not there yet, as in a list.
    Open,
    /// It holds.
    True,
}

impl Truth {
    pub(crate) fn of(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }

    /// That any of these holds. What is unknown stays so unless another one holds.
    pub(crate) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::False, |one, two| {
            use Truth::{False, Open, True, Unknown};
            match (one, two) {
                (True, _) | (_, True) => True,
                (Unknown, _) | (_, Unknown) => Unknown,
                (Open, _) | (_, Open) => Open,
                (False, False) => False,
            }
        })
    }

    /// What it means for a rule of this effect.
    pub(crate) fn for_effect(self, effect: Effect) -> Matched {
        match (self, effect) {
            (Self::False, _) | (Self::Unknown, Effect::Allow) => Matched::No,
            (Self::Open, _) => Matched::Open,
            (Self::True, _) | (Self::Unknown, Effect::RequireApproval | Effect::Deny) => {
                Matched::Yes
            }
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
