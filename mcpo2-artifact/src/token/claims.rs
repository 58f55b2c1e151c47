use std::num::{NonZeroU32, NonZeroU64};

use mcpo2_core::TenantId;

use super::{
    audience::Audience,
    codec::{Malformed, Reader, Wire, put_number, put_text},
    key::KeyId,
    name::{Authority, TokenId},
    object::Object,
    time::MAX_LIFETIME,
    verb::Verbs,
};
use crate::range::Ranges;

/// What a token says, before its caveats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) key: KeyId,
    pub(super) authority: Authority,
    pub(super) tenant: TenantId,
    pub(super) id: TokenId,
    pub(super) audience: Audience,
    pub(super) object: Object,
    pub(super) terms: Terms,
    /// Where the revocations stood when it was signed.
    pub(super) epoch: u64,
    pub(super) policy_revision: u64,
}

/// How far it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) ranges: Ranges,
    pub(super) verbs: Verbs,
    /// Seconds since 1970.
    pub(super) not_before: u64,
    /// Seconds since 1970; at this time it is over.
    pub(super) expires: u64,
    pub(super) max_bytes: Option<NonZeroU64>,
    pub(super) uses: Option<NonZeroU32>,
}

impl Wire for Claims {
    fn put(&self, out: &mut Vec<u8>) {
        self.key.put(out);
        self.authority.put(out);
        put_text(out, self.tenant.as_str());
        self.id.put(out);
        self.audience.put(out);
        self.object.put(out);
        self.terms.put(out);
        put_number(out, self.epoch);
        put_number(out, self.policy_revision);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            key: Wire::take(from)?,
            authority: Wire::take(from)?,
            tenant: from.parse()?,
            id: Wire::take(from)?,
            audience: Wire::take(from)?,
            object: Wire::take(from)?,
            terms: Wire::take(from)?,
            epoch: from.number()?,
            policy_revision: from.number()?,
        })
    }
}

impl Wire for Terms {
    fn put(&self, out: &mut Vec<u8>) {
        self.ranges.put(out);
        self.verbs.put(out);
        put_number(out, self.not_before);
        put_number(out, self.expires.saturating_sub(self.not_before));
        put_number(out, self.max_bytes.map_or(0, NonZeroU64::get));
        put_number(out, self.uses.map_or(0, |uses| u64::from(uses.get())));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (ranges, verbs) = (Wire::take(from)?, Wire::take(from)?);
        let (not_before, lifetime) = (from.number()?, from.number()?);
        // No issuer signs what holds longer, so no verifier has to think of it.
        if !(1..=MAX_LIFETIME.as_secs()).contains(&lifetime) {
            return Err(Malformed);
        }
        let expires = not_before.checked_add(lifetime).ok_or(Malformed)?;
        let (max_bytes, uses) = (from.number()?, from.number()?);
        Ok(Self {
            ranges,
            verbs,
            not_before,
            expires,
            max_bytes: NonZeroU64::new(max_bytes),
            uses: NonZeroU32::new(uses.try_into().map_err(|_| Malformed)?),
        })
    }
}
