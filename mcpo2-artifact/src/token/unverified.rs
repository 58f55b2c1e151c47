use std::{
    num::{NonZeroU32, NonZeroU64},
    time::SystemTime,
};

use mcpo2_core::TenantId;

use super::{
    audience::Audience,
    caveat::Caveat,
    claims::Claims,
    key::KeyId,
    object::Object,
    parts::{MAX_TEXT, Parts, Room, decode},
    reference::InvalidToken,
    time::time,
    verb::Verbs,
};
use crate::range::Ranges;

/// What a reference says of itself, for people who look at one. Anybody can write one that says the
/// same: only a [`Verifier`](super::Verifier) tells what is true.
///
/// ```
/// # use std::{sync::Arc, time::SystemTime};
/// # use mcpo2_artifact::token::*;
/// # use mcpo2_core::Digest;
/// # let now = SystemTime::now();
/// # let (keys, revocations) = (Arc::new(Keys::ephemeral()?), Arc::new(Revocations::new(now)));
/// # let issuer = Issuer::new("gw.example".parse()?, keys, revocations, Limits::default());
/// # let mint = Mint::new("acme".parse()?, Object::Blob(Digest::of(b"a")), Audience::client("ci".parse()?));
/// let reference = issuer.sign(mint, now)?.attenuate(&Caveat::Verbs(Verbs::NONE.read()))?;
/// let said = Unverified::from_token(reference.token())?;
/// assert_eq!(said.tenant().as_str(), "acme");
/// assert_eq!(said.verbs().to_string(), "stat, read");
/// assert_eq!(said.caveats().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    claims: Claims,
    caveats: Vec<Caveat>,
}

impl Unverified {
    /// Reads the token of a reference, without the URI around it.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`].
    pub fn from_token(token: &str) -> Result<Self, InvalidToken> {
        let mut room: Room = [0; MAX_TEXT / 4 * 3];
        let parts = decode(token, &mut room).and_then(Parts::parse);
        let parts = parts.map_err(|_| InvalidToken)?;
        let caveats = parts.caveats.into_iter().map(|(caveat, _)| caveat);
        Ok(Self {
            claims: parts.claims,
            caveats: caveats.collect(),
        })
    }

    /// The key that is said to have signed it.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.claims.key
    }

    /// Whose the object is.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.claims.tenant
    }

    /// Who may present it.
    #[must_use]
    pub fn audience(&self) -> &Audience {
        &self.claims.audience
    }

    /// What it names.
    #[must_use]
    pub fn object(&self) -> &Object {
        &self.claims.object
    }

    /// The bytes that may be read, before the caveats.
    #[must_use]
    pub fn ranges(&self) -> &Ranges {
        &self.claims.terms.ranges
    }

    /// What may be done, before the caveats.
    #[must_use]
    pub fn verbs(&self) -> &Verbs {
        &self.claims.terms.verbs
    }

    /// From when it holds; none where the system knows no such time. When it ends is
    /// [`SignedReference::expires`](super::SignedReference::expires).
    #[must_use]
    pub fn not_before(&self) -> Option<SystemTime> {
        time(self.claims.terms.not_before)
    }

    /// How many bytes may be read of it; none where they are not counted.
    #[must_use]
    pub fn max_bytes(&self) -> Option<NonZeroU64> {
        self.claims.terms.max_bytes
    }

    /// How often it may be used; none where that is not counted.
    #[must_use]
    pub fn uses(&self) -> Option<NonZeroU32> {
        self.claims.terms.uses
    }

    /// What holders took away from it, in their order.
    #[must_use]
    pub fn caveats(&self) -> &[Caveat] {
        &self.caveats
    }
}
