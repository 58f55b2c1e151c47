//! One signature below a note.

use std::{fmt, str::FromStr};

use crate::{
    key::{KeyId, KeyName, VerifierKey},
    note::NoteError,
    text,
};

/// A signature of a note: `— <name of the key> <base64 of its id and the signature>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    name: KeyName,
    id: KeyId,
    signature: Box<[u8]>,
}

impl SignatureLine {
    /// A signature by the key of this name and id.
    #[must_use]
    pub fn new(name: KeyName, id: KeyId, signature: &[u8]) -> Self {
        let signature = signature.into();
        Self {
            name,
            id,
            signature,
        }
    }

    /// The name of the key that is said to have signed.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of that key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The signature, whose form depends on the algorithm of the key.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whether it says that this key made it.
    #[must_use]
    pub fn names(&self, key: &VerifierKey) -> bool {
        self.name == *key.name() && self.id == key.id()
    }
}

/// Reads a line without its line feed.
impl FromStr for SignatureLine {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        const ERROR: NoteError = NoteError::Signature(0);
        let line = line.strip_prefix("— ").ok_or(ERROR)?;
        let (name, signature) = line.split_once(' ').ok_or(ERROR)?;
        let name = name.parse().map_err(|_| ERROR)?;
        let signature = text::base64(signature).ok_or(ERROR)?;
        match signature.split_first_chunk() {
            Some((id, signature)) if !signature.is_empty() => {
                Ok(Self::new(name, KeyId::from_bytes(*id), signature))
            }
            _ => Err(ERROR),
        }
    }
}

/// Writes a line without its line feed.
impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_bytes(), &*self.signature].concat();
        write!(f, "— {} {}", self.name, text::to_base64(bytes))
    }
}
