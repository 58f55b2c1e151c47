use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A BLAKE3 digest of 32 bytes, written `b3:` and 64 hexadecimal digits.
///
/// ```
/// use mcpo2_core::Digest;
/// let digest = Digest::of(b"abc");
/// assert!(digest.to_string().starts_with("b3:6437b3ac38465133"));
/// assert_eq!(digest.to_string().parse(), Ok(digest));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// The text is not `b3:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is `b3:` and 64 hexadecimal digits")]
pub struct DigestError;

impl Digest {
    /// The length of its text, in bytes.
    pub const TEXT_LEN: usize = 67;

    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The digest with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its text, as bytes of ASCII.
    #[must_use]
    pub fn to_ascii(&self) -> [u8; Self::TEXT_LEN] {
        let mut text = [0; Self::TEXT_LEN];
        if let Some((prefix, digits)) = text.split_first_chunk_mut() {
            *prefix = *b"b3:";
            for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(&self.0) {
                *pair = [digit(byte >> 4), digit(byte & 15)];
            }
        }
        text
    }

    /// The first twelve hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().skip(3).take(12).collect()
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

/// The text of a digest, without an allocation. Aligned, so that UTF-8 is checked in words.
#[repr(align(8))]
struct Text([u8; Digest::TEXT_LEN]);

impl Text {
    fn as_str(&self) -> &str {
        // It is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Arithmetic, and no table: the compiler does all digits of a digest at once.
const fn digit(nibble: u8) -> u8 {
    b'0' + nibble + if nibble > 9 { b'a' - b'9' - 1 } else { 0 }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Text(self.to_ascii()).as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let hex = text.strip_prefix("b3:").ok_or(DigestError)?;
        let hash = blake3::Hash::from_hex(hex).map_err(|_| DigestError)?;
        Ok(hash.into())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(Text(self.to_ascii()).as_str())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_the_text_of_its_bytes() {
        for byte in 0..=u8::MAX {
            let bytes = std::array::from_fn(|at| byte.wrapping_add(u8::try_from(at).unwrap()));
            let digest = Digest::from_bytes(bytes);
            let text = format!("b3:{}", blake3::Hash::from_bytes(bytes).to_hex());
            assert_eq!(digest.to_string(), text);
            assert_eq!(digest.to_ascii(), text.as_bytes());
            assert_eq!(serde_json::to_value(digest).unwrap(), text);
        }
    }
}
