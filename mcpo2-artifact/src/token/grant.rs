use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcpo2_core::{Decision, TenantId};

use super::{
    access::Access,
    claims::Claims,
    key::KeyId,
    name::TokenId,
    object::Object,
    refused::{Reason, Refused},
    time::seconds,
    uses::Uses,
    verb::Verb,
};
use crate::range::Ranges;

/// What a verified reference grants to who presented it, for one verb. It opens nothing yet: the
/// policy has to [decide](Grant::decide) on this read.
///
/// The only way here is [`Verifier::verify`](super::Verifier::verify).
///
/// ```compile_fail,E0308
/// use mcpo2_artifact::token::{Access, Grant};
/// fn read(_: &Access) {}
/// fn without_policy(grant: &Grant) {
///     read(grant);
/// }
/// ```
#[derive(Debug)]
#[must_use = "the policy has to decide on it"]
pub struct Grant {
    pub(super) claims: Claims,
    pub(super) verb: Verb,
    pub(super) ranges: Ranges,
    pub(super) expires: u64,
    pub(super) uses: Arc<Uses>,
}

impl Grant {
    /// Applies the policy's decision on this read: the only way to an [`Access`].
    ///
    /// # Errors
    ///
    /// [`Reason::Policy`] unless it allows. One who would have to approve cannot be asked here.
    pub fn decide(self, decision: Decision) -> Result<Access, Refused> {
        match decision {
            Decision::Allow(obligations) => Ok(Access::new(self, obligations)),
            Decision::Deny(_) | Decision::Ask(_) => Err(Refused::new(Reason::Policy)),
        }
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> &Object {
        &self.claims.object
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.claims.tenant
    }

    /// What may be done with it.
    #[must_use]
    pub fn verb(&self) -> &Verb {
        &self.verb
    }

    /// The bytes that may be read, which may lie behind the end of the object.
    #[must_use]
    pub fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    /// How many bytes may still be read, all readers together; none where there is no limit.
    #[must_use]
    pub fn bytes_left(&self) -> Option<u64> {
        self.uses.left(&self.claims).1
    }

    /// Whether it is read only so often, or only so many bytes of it.
    pub(crate) fn is_counted(&self) -> bool {
        self.uses.left(&self.claims) != (None, None)
    }

    /// How much longer it holds.
    #[must_use]
    pub fn expires_in(&self, now: SystemTime) -> Duration {
        Duration::from_secs(self.expires.saturating_sub(seconds(now)))
    }

    /// Whether any principal of the tenant could have presented it, as far as its issuer was
    /// concerned.
    #[must_use]
    pub fn is_bearer(&self) -> bool {
        self.claims.audience.is_bearer()
    }

    /// The id of the reference, for the audit.
    #[must_use]
    pub fn id(&self) -> TokenId {
        self.claims.id
    }

    /// The key that signed it, for the audit.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.claims.key
    }

    /// The revision of the policy that allowed to sign it.
    #[must_use]
    pub fn policy_revision(&self) -> u64 {
        self.claims.policy_revision
    }
}
