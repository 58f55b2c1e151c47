use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::{
    parts::{Parts, Scheme},
    secret::Secret,
};

/// What readers in another trust domain verify references with: a key of Ed25519, whose text is
/// base64.
///
/// ```
/// use mcpo2_artifact::token::{Keys, PublicKey, Secret};
/// let ours = Keys::signing(&Secret::random()?);
/// let text = ours.public_key().map(|key| key.to_string()).unwrap_or_default();
/// let theirs = Keys::verifying(text.parse::<PublicKey>()?);
/// assert!(theirs.ids().eq(ours.ids()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// A text is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a public key is 32 bytes in base64, a point that is not weak")]
pub struct InvalidPublicKey;

impl PublicKey {
    pub(super) fn bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(super) fn verifies(&self, parts: &Parts<'_>) -> bool {
        let signature = Signature::from_slice(parts.tag);
        parts.scheme == Scheme::Signed
            && signature.is_ok_and(|it| self.0.verify_strict(&message(parts.payload), &it).is_ok())
    }
}

impl FromStr for PublicKey {
    type Err = InvalidPublicKey;

    fn from_str(text: &str) -> Result<Self, InvalidPublicKey> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| InvalidPublicKey)?;
        let bytes = bytes.try_into().map_err(|_| InvalidPublicKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| InvalidPublicKey)?;
        match key.is_weak() {
            true => Err(InvalidPublicKey),
            false => Ok(Self(key)),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// It wipes itself when dropped.
#[derive(Clone)]
pub(super) struct Pair(SigningKey);

impl Pair {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(SigningKey::from_bytes(secret.bytes()))
    }

    pub(super) fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(super) fn sign(&self, payload: &[u8]) -> [u8; 64] {
        self.0.sign(&message(payload)).to_bytes()
    }
}

/// A digest that stands for nothing but a reference, in case the key signs other things too.
fn message(payload: &[u8]) -> [u8; 32] {
    blake3::derive_key(
        "mcpo2-artifact 2026 reference signed with Ed25519 v1",
        payload,
    )
}
