//! Which key of a log signs a checkpoint of which size.
//!
//! A log lets its key go from time to time, so that who steals the one in use cannot rewrite what
//! stands below the keys before. Each key names the next in a note; the first must be known from
//! elsewhere.

use crate::{
    key::{Algorithm, KeyName, VerifierKey},
    note::{Note, NoteError},
    text,
};

const HEADER: &str = "mcpo2.dev/rotation/v1";

/// That checkpoints above a size are signed by a new key, and those up to it by the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    epoch: u64,
    size: u64,
    key: VerifierKey,
}

/// The keys of a log from its first on.
///
/// Who leaves notes out at the end shows fewer epochs, and a key that was let go would still be
/// believed: what tells is a checkpoint of a greater size that a witness signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epochs {
    genesis: VerifierKey,
    rotations: Vec<Rotation>,
}

/// Why a note is no rotation, or does not follow from those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// The note itself is wrong, or is not signed by the key before.
    #[error("note of a rotation is not usable")]
    Note(#[from] NoteError),
    /// Its text is not that of a rotation.
    #[error("note is no rotation")]
    Form,
    /// It is of another log.
    #[error("rotation is not of this log")]
    OtherOrigin,
    /// It does not have the number that follows.
    #[error("rotation is of epoch {found} where {expected} follows")]
    Epoch {
        /// The number that follows.
        expected: u64,
        /// The number it has.
        found: u64,
    },
    /// Its size is not above that of the rotation before.
    #[error("rotation at size {found} follows one at size {before}")]
    Size {
        /// The size of the rotation before it.
        before: u64,
        /// The size it has.
        found: u64,
    },
    /// Its key was in use before.
    #[error("rotation to a key that was in use before")]
    Reused,
}

impl Rotation {
    /// A rotation to this key, the first of which has the number 1.
    ///
    /// # Errors
    ///
    /// [`RotationError::Form`] if the number or the size is 0, or the key is that of a witness.
    pub fn new(epoch: u64, size: u64, key: VerifierKey) -> Result<Self, RotationError> {
        match epoch > 0 && size > 0 && key.algorithm() == Algorithm::Ed25519 {
            true => Ok(Self { epoch, size, key }),
            false => Err(RotationError::Form),
        }
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    ///
    /// [`RotationError::Form`] if it is another text.
    pub fn parse(text: &str) -> Result<Self, RotationError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(RotationError::Form);
        let (header, origin) = (line()?, line()?);
        let (epoch, size) = (text::decimal(line()?), text::decimal(line()?));
        let key: Result<VerifierKey, _> = line()?.parse();
        let (end, more) = (line()?, lines.next());
        let (Some(epoch), Some(size), Ok(key)) = (epoch, size, key) else {
            return Err(RotationError::Form);
        };
        let named = header == HEADER && origin == key.name().as_str();
        match named && end.is_empty() && more.is_none() {
            true => Self::new(epoch, size, key),
            false => Err(RotationError::Form),
        }
    }

    /// What the key before signs.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { epoch, size, key } = self;
        format!("{HEADER}\n{}\n{epoch}\n{size}\n{key}\n", key.name())
    }

    /// The identity of the log, which is the name of all its keys.
    #[must_use]
    pub fn origin(&self) -> &KeyName {
        self.key.name()
    }

    /// Its number, from 1 on.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The last size that is signed by the key before.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The new key.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }
}

impl Epochs {
    /// The epoch of the first key, which must be known from elsewhere.
    #[must_use]
    pub fn new(genesis: VerifierKey) -> Self {
        let rotations = Vec::new();
        Self { genesis, rotations }
    }

    /// Takes the note that follows, if the key in use until then signed it.
    ///
    /// # Errors
    ///
    /// [`RotationError`] says why it does not follow; what was known before is still known.
    pub fn rotate(&mut self, note: &Note) -> Result<&Rotation, RotationError> {
        note.verify(&[self.newest()])?;
        let rotation = Rotation::parse(note.text())?;
        self.follows(&rotation)?;
        self.rotations.push(rotation);
        self.rotations.last().ok_or(RotationError::Form)
    }

    fn follows(&self, rotation: &Rotation) -> Result<(), RotationError> {
        let last = self.rotations.last();
        let expected = last.map_or(0, Rotation::epoch).saturating_add(1);
        let before = last.map_or(0, Rotation::size);
        let (epoch, found) = (rotation.epoch, rotation.size);
        if rotation.origin() != self.genesis.name() {
            Err(RotationError::OtherOrigin)
        } else if epoch != expected {
            let found = epoch;
            Err(RotationError::Epoch { expected, found })
        } else if found <= before {
            Err(RotationError::Size { before, found })
        } else if self.keys().any(|key| *key == rotation.key) {
            Err(RotationError::Reused)
        } else {
            Ok(())
        }
    }

    /// The identity of the log.
    #[must_use]
    pub fn origin(&self) -> &KeyName {
        self.genesis.name()
    }

    /// The key that signs a checkpoint of this size.
    #[must_use]
    pub fn key(&self, size: u64) -> &VerifierKey {
        let below = self.rotations.partition_point(|past| past.size < size);
        let last = below
            .checked_sub(1)
            .and_then(|last| self.rotations.get(last));
        last.map_or(&self.genesis, Rotation::key)
    }

    /// The key of the newest epoch.
    #[must_use]
    pub fn newest(&self) -> &VerifierKey {
        self.rotations.last().map_or(&self.genesis, Rotation::key)
    }

    /// All keys, the first of the log first.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        std::iter::once(&self.genesis).chain(self.rotations.iter().map(Rotation::key))
    }

    /// The rotations in their order.
    #[must_use]
    pub fn rotations(&self) -> &[Rotation] {
        &self.rotations
    }
}

#[cfg(test)]
mod tests;
