use std::{
    num::{NonZeroU32, NonZeroU64},
    time::{Duration, SystemTime},
};

use mcpo2_core::TenantId;

use super::{audience::Audience, object::Object, verb::Verbs};
use crate::range::Ranges;

/// What a reference is to say, before an [`Issuer`](super::Issuer) signs it.
///
/// Unless it is said otherwise it allows to [stat](super::Verb::Stat) and [read](super::Verb::Read)
/// all bytes, from now on for 15 minutes or as long as the issuer allows, if that is shorter.
///
/// ```
/// use std::time::Duration;
/// use mcpo2_artifact::{range::Ranges, token::{Audience, Mint, Object, Verbs}};
/// use mcpo2_core::Digest;
/// let audience = Audience::client("ci".parse()?);
/// let mint = Mint::new("acme".parse()?, Object::Blob(Digest::of(b"a log")), audience)
///     .with_ranges(Ranges::one(0..4096))
///     .with_verbs(Verbs::NONE.read())
///     .expires_in(Duration::from_secs(60))
///     .with_uses(3.try_into()?);
/// # let _ = mint;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is signed yet"]
pub struct Mint {
    pub(super) tenant: TenantId,
    pub(super) object: Object,
    pub(super) audience: Audience,
    pub(super) ranges: Ranges,
    pub(super) verbs: Verbs,
    pub(super) not_before: Option<SystemTime>,
    pub(super) lifetime: Option<Duration>,
    pub(super) max_bytes: Option<NonZeroU64>,
    pub(super) uses: Option<NonZeroU32>,
    pub(super) policy_revision: u64,
}

impl Mint {
    /// For this object of this tenant, and this audience, which has to be of the same tenant.
    pub fn new(tenant: TenantId, object: Object, audience: Audience) -> Self {
        Self {
            tenant,
            object,
            audience,
            ranges: Ranges::all(),
            verbs: Verbs::NONE.stat().read(),
            not_before: None,
            lifetime: None,
            max_bytes: None,
            uses: None,
            policy_revision: 0,
        }
    }

    /// These bytes only.
    pub fn with_ranges(mut self, ranges: Ranges) -> Self {
        self.ranges = ranges;
        self
    }

    /// These verbs in place of those that it has.
    pub fn with_verbs(mut self, verbs: Verbs) -> Self {
        self.verbs = verbs;
        self
    }

    /// Not before this time. One that has passed makes up for clocks that differ.
    pub fn not_before(mut self, time: SystemTime) -> Self {
        self.not_before = Some(time);
        self
    }

    /// For this long from when it is signed, in whole seconds.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// This many bytes, all reads of it and of what is made of it together.
    pub fn with_max_bytes(mut self, bytes: NonZeroU64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// This often, it and what is made of it together.
    pub fn with_uses(mut self, uses: NonZeroU32) -> Self {
        self.uses = Some(uses);
        self
    }

    /// The revision of the policy that allowed it, a number that only grows. Verifiers can refuse
    /// those of earlier ones ([`Revocations::require_policy`](super::Revocations::require_policy)).
    pub fn with_policy_revision(mut self, revision: u64) -> Self {
        self.policy_revision = revision;
        self
    }
}
