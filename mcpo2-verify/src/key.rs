//! Keys that verify notes, as <https://c2sp.org/signed-note> names and writes them.

use std::{fmt, str::FromStr};

use ed25519_dalek::VerifyingKey;

use crate::text;

mod name;

pub use name::{KeyId, KeyName};

/// What a key signs, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 over the text of a note (0x01): what logs sign with.
    Ed25519,
    /// Ed25519 over a checkpoint and the time (0x04): what witnesses sign with.
    Cosignature,
}

/// A public key with the name under which it signs.
///
/// Its text, the "vkey", is `<name>+<id in hex>+<base64 of algorithm and key>`.
///
/// ```
/// use mcpo2_verify::key::VerifierKey;
///
/// let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
/// let key: VerifierKey = vkey.parse()?;
/// assert_eq!(key.name().as_str(), "example.com/foo");
/// assert_eq!(key.to_string(), vkey);
/// # Ok::<(), mcpo2_verify::key::KeyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    algorithm: Algorithm,
    public: VerifyingKey,
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The name is empty, too long, or has a space, a control character or a `+`.
    #[error("name of a key is empty, too long, or has a space, a control character or a plus")]
    Name,
    /// It is not a name, eight hexadecimal digits and base64 with `+` between them.
    #[error("verifier key is not a name, an id and a key with a plus between them")]
    Form,
    /// Its algorithm is one that is not verified here.
    #[error("algorithm {0:#04x} of a verifier key is not verified here")]
    Algorithm(u8),
    /// It is no point of the curve, or one of those with which a signature fits many texts.
    #[error("public key is not usable")]
    Public,
    /// The id is not the one that follows from name, algorithm and key.
    #[error("id of a verifier key does not fit it")]
    Id,
}

impl Algorithm {
    /// The byte by which notes tell algorithms.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, KeyError> {
        match byte {
            0x01 => Ok(Self::Ed25519),
            0x04 => Ok(Self::Cosignature),
            _ => Err(KeyError::Algorithm(byte)),
        }
    }
}

impl VerifierKey {
    /// The key of a log: 32 bytes as RFC 8032 encodes a public key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Public`] if no signature should be believed by this key.
    pub fn new(name: KeyName, public: &[u8; 32]) -> Result<Self, KeyError> {
        Self::with_algorithm(name, Algorithm::Ed25519, public)
    }

    /// The key of a witness.
    ///
    /// # Errors
    ///
    /// [`KeyError::Public`] as for [`VerifierKey::new`].
    pub fn cosigner(name: KeyName, public: &[u8; 32]) -> Result<Self, KeyError> {
        Self::with_algorithm(name, Algorithm::Cosignature, public)
    }

    fn with_algorithm(
        name: KeyName,
        algorithm: Algorithm,
        public: &[u8; 32],
    ) -> Result<Self, KeyError> {
        let id = KeyId::of(&name, algorithm, public);
        let public = VerifyingKey::from_bytes(public).map_err(|_| KeyError::Public)?;
        if public.is_weak() {
            return Err(KeyError::Public);
        }
        Ok(Self {
            name,
            id,
            algorithm,
            public,
        })
    }

    /// Its name; for a log, the origin.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What tells it from other keys of its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key itself.
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        self.public.as_bytes()
    }

    /// Whether this key made `signature` over `message`. Encodings and keys with which one
    /// signature fits several texts are refused.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.public.verify_strict(message, &signature).is_ok()
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(vkey: &str) -> Result<Self, KeyError> {
        // Base64 has plus signs too: the name ends at the first, the id at the second.
        let (name, rest) = vkey.split_once('+').ok_or(KeyError::Form)?;
        let (id, material) = rest.split_once('+').ok_or(KeyError::Form)?;
        let (name, id): (KeyName, KeyId) = (name.parse()?, id.parse()?);
        let material = text::base64(material).ok_or(KeyError::Form)?;
        let (algorithm, public) = material.split_first().ok_or(KeyError::Form)?;
        let algorithm = Algorithm::from_byte(*algorithm)?;
        let public = public.try_into().map_err(|_| KeyError::Form)?;
        let key = Self::with_algorithm(name, algorithm, public)?;
        match key.id == id {
            true => Ok(key),
            false => Err(KeyError::Id),
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.algorithm.byte()], self.public().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, text::to_base64(material))
    }
}

#[cfg(test)]
mod tests;
