use std::fmt;

use crate::Error;

/// Why a reference opens nothing. It has one text for all, which is fit for whoever presented it.
///
/// ```
/// use mcpo2_artifact::token::{Bearer, Reason};
/// use mcpo2_core::{Decision, Denial};
/// let denied = Decision::Deny(Denial::new(vec![], "no bearers here"));
/// let refused = Bearer::decide(denied).unwrap_err();
/// assert_eq!(refused.to_string(), "no such artifact");
/// assert_eq!(refused.reason(), Reason::Policy);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such artifact")]
pub struct Refused(Reason);

/// Why, for the audit. Who presented the reference must not learn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It is no text that an issuer writes.
    Malformed,
    /// Its key is not in the ring.
    UnknownKey,
    /// Its tag is not by its key.
    Forged,
    /// Another gateway signed it.
    Authority,
    /// Who presents it is of another tenant.
    Tenant,
    /// It is for somebody else, another client or another run.
    Audience,
    /// It does not hold yet.
    Early,
    /// It has expired.
    Expired,
    /// It, its object, tenant or key is revoked, or was signed before what is known of that.
    Revoked,
    /// It does not allow this verb.
    Verb,
    /// The bytes are not among those that it grants, or it grants none.
    Range,
    /// It was used as often as it may be.
    Uses,
    /// As much was read as it allows, or what is asked for is more.
    Bytes,
    /// There is no room to count one more reference.
    Full,
    /// The policy does not allow it.
    Policy,
}

impl Refused {
    pub(super) fn new(reason: Reason) -> Self {
        Self(reason)
    }

    /// Why, for the audit.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0
    }
}

impl Reason {
    /// Its name, for records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::Forged => "forged",
            Self::Authority => "authority",
            Self::Tenant => "tenant",
            Self::Audience => "audience",
            Self::Early => "early",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Verb => "verb",
            Self::Range => "range",
            Self::Uses => "uses",
            Self::Bytes => "bytes",
            Self::Full => "full",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Debug for Refused {
    /// Without the reason, which somebody might print to whom it is not for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused(..)")
    }
}

/// The reason is the source, which only the operator sees.
impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::not_found("no such artifact").with_source(refused.reason().as_str())
    }
}
