use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    claims::{Claims, Terms},
    codec::{MAX_TOKEN, Wire},
    keys::Keys,
    mint::Mint,
    name::{Authority, TokenId},
    object::Object,
    reference::SignedReference,
    revoke::Revocations,
    time::{MAX_LIFETIME, seconds},
};

/// How long a reference holds where nobody says.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Signs references in the name of one gateway.
#[derive(Debug, Clone)]
pub struct Issuer {
    authority: Authority,
    keys: Arc<Keys>,
    revocations: Arc<Revocations>,
    limits: Limits,
}

/// How far the references of an issuer go at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For how long, at most [`MAX_LIFETIME`].
    pub lifetime: Duration,
    /// How many bytes. With none, a reference need not say.
    pub bytes: Option<NonZeroU64>,
    /// How often. With none, a reference need not say.
    pub uses: Option<NonZeroU32>,
}

/// Why a reference is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// It would hold for longer than allowed, or not at all.
    #[error("the reference would hold for longer than allowed, or not at all")]
    Lifetime,
    /// It would grant no byte, or bytes of a manifest, which has none.
    #[error("the reference would grant no byte, or bytes of a manifest")]
    Ranges,
    /// It would allow no verb.
    #[error("the reference would allow nothing")]
    Verbs,
    /// It would grant more bytes than allowed.
    #[error("the reference would grant more bytes than allowed")]
    Bytes,
    /// It could be used more often than allowed.
    #[error("the reference could be used more often than allowed")]
    Uses,
    /// It would be longer than [`MAX_TOKEN`]: a long path, many ranges, long names.
    #[error("the reference would be longer than 512 bytes")]
    TooLong,
    /// No key of the ring signs.
    #[error("no key signs")]
    NoKey,
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Random,
}

impl Default for Limits {
    /// A day, and neither bytes nor uses.
    fn default() -> Self {
        Self {
            lifetime: MAX_LIFETIME,
            bytes: None,
            uses: None,
        }
    }
}

impl Issuer {
    /// Signs with the first key of the ring. The revocations say of which epoch a reference is.
    #[must_use]
    pub fn new(
        authority: Authority,
        keys: Arc<Keys>,
        revocations: Arc<Revocations>,
        limits: Limits,
    ) -> Self {
        Self {
            authority,
            keys,
            revocations,
            limits,
        }
    }

    /// The name that it signs in.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Signs a reference, whose id nobody can guess.
    ///
    /// # Errors
    ///
    /// [`MintError`] where it goes further than the limits, would grant nothing, or does not fit.
    pub fn sign(&self, mint: Mint, now: SystemTime) -> Result<SignedReference, MintError> {
        let id = TokenId::random().map_err(|_| MintError::Random)?;
        self.sign_as(id, mint, now)
    }

    fn sign_as(
        &self,
        id: TokenId,
        mint: Mint,
        now: SystemTime,
    ) -> Result<SignedReference, MintError> {
        let key = self.keys.signs().ok_or(MintError::NoKey)?;
        let terms = self.limits.terms(&mint, now)?;
        let claims = Claims {
            key: key.id(),
            authority: self.authority.clone(),
            tenant: mint.tenant,
            id,
            audience: mint.audience,
            object: mint.object,
            terms,
            epoch: self.revocations.epoch(),
            policy_revision: mint.policy_revision,
        };
        let mut token = vec![key.scheme().version()];
        claims.put(&mut token);
        key.sign(&mut token);
        match token.len() <= MAX_TOKEN {
            true => Ok(SignedReference::new(&claims, claims.terms.expires, &token)),
            false => Err(MintError::TooLong),
        }
    }
}

impl Limits {
    fn terms(&self, mint: &Mint, now: SystemTime) -> Result<Terms, MintError> {
        let whole = mint.ranges.is_all();
        if mint.ranges.is_empty() || (matches!(mint.object, Object::Manifest(_)) && !whole) {
            return Err(MintError::Ranges);
        }
        if mint.verbs.is_empty() {
            return Err(MintError::Verbs);
        }
        let (not_before, expires) = self.window(mint, now)?;
        Ok(Terms {
            ranges: mint.ranges,
            verbs: mint.verbs.clone(),
            not_before,
            expires,
            max_bytes: within(mint.max_bytes, self.bytes).ok_or(MintError::Bytes)?,
            uses: within(mint.uses, self.uses).ok_or(MintError::Uses)?,
        })
    }

    /// From when until when, in seconds since 1970.
    fn window(&self, mint: &Mint, now: SystemTime) -> Result<(u64, u64), MintError> {
        let longest = self.lifetime.min(MAX_LIFETIME);
        let lifetime = mint.lifetime.unwrap_or(LIFETIME.min(longest));
        let signed = seconds(now);
        let not_before = mint.not_before.map_or(signed, seconds);
        let expires = signed.saturating_add(lifetime.as_secs());
        let holds = expires.saturating_sub(not_before);
        match lifetime <= longest
            && (1..=MAX_LIFETIME.as_secs()).contains(&holds)
            && signed < expires
        {
            true => Ok((not_before, expires)),
            false => Err(MintError::Lifetime),
        }
    }
}

/// What is asked for, or the limit where nothing is; none where it is more than the limit.
#[expect(clippy::option_option, reason = "the inner one is what the token says")]
fn within<T: Ord + Copy>(asked: Option<T>, limit: Option<T>) -> Option<Option<T>> {
    match (asked, limit) {
        (Some(asked), Some(limit)) => (asked <= limit).then_some(Some(asked)),
        (asked, limit) => Some(asked.or(limit)),
    }
}

#[cfg(test)]
mod tests {
    use mcpo2_core::{AuthMethod, Digest, Principal};

    use super::*;
    use crate::token::{Audience, Secret};

    /// A change of the bytes is a change of the version: references live across an upgrade.
    #[test]
    fn the_bytes_of_a_token_stay_as_they_are() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let keys = Arc::new(Keys::new(&Secret::new([7; 32])));
        let revocations = Arc::new(Revocations::new(now));
        let authority: Authority = "gw.example".parse().unwrap();
        let issuer = Issuer::new(authority, keys, revocations, Limits::default());
        let ada = Principal::new(
            "acme".parse().unwrap(),
            "ada".parse().unwrap(),
            AuthMethod::Host,
        );
        let object = Object::Blob(Digest::of(b"abc"));
        let mint = Mint::new(ada.tenant().clone(), object, Audience::principal(&ada));
        let signed = issuer.sign_as(TokenId([1; 16]), mint, now).unwrap();
        assert_eq!(signed.token(), GOLDEN);
    }

    const GOLDEN: &str = "\
        ATvh8SKai_Y8Cmd3LmV4YW1wbGUEYWNtZQEBAQEBAQEBAQEBAQEBAQEBNkMkzA_U9vDXVdV\
        bxkiHO89_OOtBuJ2XRqVkINwXgAgBZDezrDhGUTP_tjt1JzqNtUjFWEZdedsD_TWcbNW9nY\
        UAA4Ckp9oGhAcAAICA4sTyopkDAPgEHoHWeKI6PNtCaL3emHbjrOdhXK4n549RJ1vZ8QwU";
}
