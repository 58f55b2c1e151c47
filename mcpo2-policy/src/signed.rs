//! Detached signatures over the exact bytes of a file, in the format of minisign.
//!
//! Only signatures over the BLAKE2b-512 digest of the file (`ED`, what `minisign -S` makes since
//! 0.10) are taken: those of the legacy form are not. A signature says who wrote the bytes, and not
//! that they are the newest: whoever can put an older file and its signature back can undo a
//! change.
//!
//! ```
//! use mcpo2_policy::signed::{PublicKey, verify};
//!
//! let key: PublicKey = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".parse()?;
//! let signature = "untrusted comment: signature from minisign secret key
//! RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
//! trusted comment: timestamp:1556193335\tfile:test
//! y/rUw2y8/hOUYjZU71eHp/Wo1KZ40fGy2VJEDl34XMJM+TX48Ss/17u3IvIfbVR1FkZZSNCisQbuQY+bHwhEBg==
//! ";
//! assert_eq!(verify(b"test", signature, &[key.clone()])?.to_string(), "E7620F1842B4E81F");
//! assert!(verify(b"tset", signature, &[key]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use minisign_verify as minisign;

/// A key that verifies signatures: the second line of a `minisign.pub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    key: minisign::PublicKey,
}

/// The id of a key, as minisign shows it. It tells keys apart, and proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 8]);

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// It is no signature.
    Malformed,
    /// It is over the file itself and not over its digest, as those before minisign 0.10.
    Legacy,
    /// It was made by a key that is not among those that count.
    UnknownKey(KeyId),
    /// It is not over these bytes, or its trusted comment was changed.
    Mismatch(KeyId),
}

/// Verifies that `signature`, the text of a `.minisig` file, was made over these bytes by one of
/// these keys.
///
/// # Errors
///
/// [`SignatureError`] says why it does not hold.
pub fn verify(bytes: &[u8], signature: &str, keys: &[PublicKey]) -> Result<KeyId, SignatureError> {
    let id = key_id(signature, "ED")?;
    let signature = minisign::Signature::decode(signature);
    let signature = signature.map_err(|_| SignatureError::Malformed)?;
    let mut of_id = keys.iter().filter(|key| key.id == id).peekable();
    if of_id.peek().is_none() {
        return Err(SignatureError::UnknownKey(id));
    }
    // Two keys could have one id: it is chosen by whoever makes them.
    match of_id.any(|key| key.key.verify(bytes, &signature, false).is_ok()) {
        true => Ok(id),
        false => Err(SignatureError::Mismatch(id)),
    }
}

/// The id of the key by which a signature says that it was made.
fn key_id(signature: &str, algorithm: &str) -> Result<KeyId, SignatureError> {
    let line = signature.lines().nth(1).ok_or(SignatureError::Malformed)?;
    let bytes = STANDARD.decode(line.trim_end());
    let bytes = bytes.map_err(|_| SignatureError::Malformed)?;
    match (bytes.first_chunk::<2>(), KeyId::of(&bytes)) {
        (Some(found), Some(id)) if found == algorithm.as_bytes() => Ok(id),
        (Some(b"Ed"), Some(_)) => Err(SignatureError::Legacy),
        _ => Err(SignatureError::Malformed),
    }
}

impl PublicKey {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }
}

/// Reads the line of base64 that minisign shows and keeps.
impl FromStr for PublicKey {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let malformed = || SignatureError::Malformed;
        let bytes = STANDARD.decode(text).map_err(|_| malformed())?;
        let key = minisign::PublicKey::from_base64(text).map_err(|_| malformed())?;
        let id = KeyId::of(&bytes).ok_or_else(malformed)?;
        Ok(Self { id, key })
    }
}

impl KeyId {
    /// Behind the two bytes of the algorithm.
    fn of(bytes: &[u8]) -> Option<Self> {
        let (_, rest) = bytes.split_first_chunk::<2>()?;
        rest.first_chunk().copied().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not in the format of minisign"),
            Self::Legacy => f.write_str("a legacy signature: sign with minisign 0.10 or newer"),
            Self::UnknownKey(id) => write!(f, "made by key {id}, which is not among the keys"),
            Self::Mismatch(id) => write!(f, "key {id} did not sign these bytes"),
        }
    }
}

impl std::error::Error for SignatureError {}
