//! What keys are told apart by.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

use crate::key::{Algorithm, KeyError};

/// The name of a key: not empty, at most 255 bytes, without spaces, control characters and `+`.
///
/// For a log it is its origin, such as `acme.example/mcpo2/prod-eu`. Two names are one only if
/// their bytes are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(Box<str>);

/// Tells keys of one name apart. It is short, and proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl KeyName {
    /// The most bytes of a name.
    pub const MAX_BYTES: usize = 255;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyId {
    /// The id of a key, which follows from its name, what it signs and itself.
    #[must_use]
    pub fn of(name: &KeyName, algorithm: Algorithm, public: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(name.as_str());
        hash.update([b'\n', algorithm.byte()]);
        hash.update(public);
        let [a, b, c, d, ..]: [u8; 32] = hash.finalize().into();
        Self([a, b, c, d])
    }

    /// The id from the four bytes that stand before a signature.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes that stand before a signature.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        let wrong = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > Self::MAX_BYTES || name.contains(wrong) {
            return Err(KeyError::Name);
        }
        Ok(Self(name.into()))
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(hex: &str) -> Result<Self, KeyError> {
        let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if hex.len() != 8 || !hex.bytes().all(lower) {
            return Err(KeyError::Form);
        }
        let id = u32::from_str_radix(hex, 16).map_err(|_| KeyError::Form)?;
        Ok(Self(id.to_be_bytes()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}
