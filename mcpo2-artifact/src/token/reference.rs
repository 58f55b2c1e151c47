use std::{fmt, str::FromStr, time::SystemTime};

use mcpo2_core::ARTIFACT_SCHEME;

use super::{
    caveat::Caveat,
    claims::Claims,
    codec::{MAX_TOKEN, Wire},
    key::next,
    name::{Authority, TokenId},
    parts::{MAX_TEXT, Parts, Room, Scheme, decode, encode},
    time::time,
};

/// A reference as a holder has it: `mcpo2+artifact://<authority>/r/<token>`.
///
/// What it says of itself is not verified; only a [`Verifier`](super::Verifier) can tell. Its text
/// is a secret of the holder's, so [`Debug`] shows the id alone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SignedReference {
    authority: Authority,
    id: TokenId,
    /// Seconds since 1970.
    expires: u64,
    token: Box<str>,
}

/// The text is no signed reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signed reference")]
pub struct InvalidToken;

/// Why a reference cannot be narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttenuateError {
    /// It would be longer than [`MAX_TOKEN`].
    #[error("the reference would be longer than 512 bytes")]
    TooLong,
    /// The caveat leaves no byte, or no verb.
    #[error("the caveat leaves nothing")]
    Empty,
    /// It is signed with Ed25519: ask the issuer for a narrower one.
    #[error("only the issuer can narrow a reference that is signed with Ed25519")]
    Signed,
}

impl SignedReference {
    pub(super) fn new(claims: &Claims, expires: u64, token: &[u8]) -> Self {
        Self {
            authority: claims.authority.clone(),
            id: claims.id,
            expires,
            token: encode(token).into(),
        }
    }

    /// Reads the token of a reference, without the URI around it.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`]. There is one way to write each token.
    pub fn from_token(token: &str) -> Result<Self, InvalidToken> {
        let mut room: Room = [0; MAX_TEXT / 4 * 3];
        let bytes = decode(token, &mut room).map_err(|_| InvalidToken)?;
        let parts = Parts::parse(bytes).map_err(|_| InvalidToken)?;
        let before = parts.caveats.iter().filter_map(|(caveat, _)| match caveat {
            Caveat::Before(seconds) => Some(*seconds),
            _ => None,
        });
        let expires = before.fold(parts.claims.terms.expires, u64::min);
        Ok(Self::new(&parts.claims, expires, bytes))
    }

    /// The gateway that signed it.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Its id, for the audit and to revoke it.
    #[must_use]
    pub fn id(&self) -> TokenId {
        self.id
    }

    /// When it expires; none where the system knows no such time.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        time(self.expires)
    }

    /// The token alone.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The URI.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{ARTIFACT_SCHEME}://{}/r/{}", self.authority, self.token)
    }

    /// The same reference, narrowed. It needs no key, and nothing of it can be taken back.
    ///
    /// # Errors
    ///
    /// [`AttenuateError`] where there is no room, nothing is left, or the reference is one of
    /// Ed25519.
    pub fn attenuate(&self, caveat: &Caveat) -> Result<Self, AttenuateError> {
        if caveat.is_empty() {
            return Err(AttenuateError::Empty);
        }
        let mut room: Room = [0; MAX_TEXT / 4 * 3];
        // INVARIANT: it was parsed before, or signed here, so it is read again.
        let bytes = decode(&self.token, &mut room).unwrap_or_default();
        if bytes.first() != Some(&Scheme::Keyed.version()) {
            return Err(AttenuateError::Signed);
        }
        let (body, tag) = bytes.split_last_chunk().ok_or(AttenuateError::Signed)?;
        let mut written = Vec::new();
        caveat.put(&mut written);
        let tag = next(&blake3::Hash::from_bytes(*tag), &written);
        let token = [body, &written, tag.as_bytes()].concat();
        if token.len() > MAX_TOKEN {
            return Err(AttenuateError::TooLong);
        }
        let expires = match caveat {
            Caveat::Before(seconds) => self.expires.min(*seconds),
            _ => self.expires,
        };
        Ok(Self {
            authority: self.authority.clone(),
            id: self.id,
            expires,
            token: encode(&token).into(),
        })
    }
}

impl FromStr for SignedReference {
    type Err = InvalidToken;

    /// Reads a URI without a query. [`Uri`](super::Uri) reads those with one, and those of
    /// references that are not signed.
    fn from_str(uri: &str) -> Result<Self, InvalidToken> {
        let rest = uri.strip_prefix(ARTIFACT_SCHEME).ok_or(InvalidToken)?;
        let rest = rest.strip_prefix("://").ok_or(InvalidToken)?;
        let (authority, token) = rest.split_once("/r/").ok_or(InvalidToken)?;
        let reference = Self::from_token(token)?;
        match reference.authority.as_str() == authority {
            true => Ok(reference),
            false => Err(InvalidToken),
        }
    }
}

impl fmt::Display for SignedReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri())
    }
}

impl fmt::Debug for SignedReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedReference({}, {})", self.authority, self.id)
    }
}
