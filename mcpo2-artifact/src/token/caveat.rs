use std::time::SystemTime;

use mcpo2_core::{Digest, Principal};

use super::{
    codec::{Malformed, Reader, Wire, put_number},
    name::Label,
    time::seconds,
    verb::Verbs,
};
use crate::range::Ranges;

/// What a holder takes away from a reference before it hands it on.
///
/// Each is one more condition beside those that are there, so none can widen anything, and their
/// order does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "a token has few, and none is kept"
)]
pub enum Caveat {
    /// These bytes only.
    Ranges(Ranges),
    /// Before this time only, in seconds since 1970.
    Before(u64),
    /// For these verbs only.
    Verbs(Verbs),
    /// For this [`Principal::binding`] only.
    Principal(Digest),
    /// Through this client only.
    Client(Label),
    /// In this run of an agent only.
    Run(Label),
}

impl Caveat {
    /// Before this time only, to the second.
    #[must_use]
    pub fn before(time: SystemTime) -> Self {
        Self::Before(seconds(time))
    }

    /// For this principal only.
    #[must_use]
    pub fn principal(principal: &Principal) -> Self {
        Self::Principal(principal.binding())
    }

    /// Whether it can be written: no byte, or no verb, has no bytes of a token.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Ranges(ranges) => ranges.is_empty(),
            Self::Verbs(verbs) => verbs.is_empty(),
            _ => false,
        }
    }
}

impl Wire for Caveat {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ranges(ranges) => {
                out.push(1);
                ranges.put(out);
            }
            Self::Before(seconds) => {
                out.push(2);
                put_number(out, *seconds);
            }
            Self::Verbs(verbs) => {
                out.push(3);
                verbs.put(out);
            }
            Self::Principal(binding) => {
                out.push(4);
                out.extend_from_slice(binding.as_bytes());
            }
            Self::Client(label) => {
                out.push(5);
                label.put(out);
            }
            Self::Run(label) => {
                out.push(6);
                label.put(out);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match from.byte()? {
            1 => Ranges::take(from).map(Self::Ranges),
            2 => from.number().map(Self::Before),
            3 => Verbs::take(from).map(Self::Verbs),
            4 => from.array().map(Digest::from_bytes).map(Self::Principal),
            5 => Label::take(from).map(Self::Client),
            6 => Label::take(from).map(Self::Run),
            _ => Err(Malformed),
        }
    }
}
