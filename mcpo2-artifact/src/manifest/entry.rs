use mcpo2_core::Digest;
use serde::Serialize;

use super::{
    Malformed, ManifestError, RelPath,
    tree::{self, Hash},
    wire::{Reader, put_bytes, put_number},
};

/// A path and what stands there: one leaf of a [`Manifest`](super::Manifest).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Entry {
    path: RelPath,
    #[serde(flatten)]
    content: Content,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// A regular file.
    File {
        /// Whether it may be run.
        mode: Mode,
        /// Its length, in bytes.
        size: u64,
        /// The digest of its bytes.
        digest: Digest,
    },
    /// A symbolic link, which nothing here follows.
    Symlink {
        /// What it says, which may lead anywhere: 1 to [`Content::MAX_TARGET`] bytes without a NUL.
        target: Box<str>,
    },
    /// Another repository of git at a revision, which nothing here enters.
    Submodule {
        /// The name of its commit: 40 or 64 lower-case hexadecimal digits.
        revision: Box<str>,
    },
}

/// Whether a file may be run: all that is kept of its permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It may not.
    Plain,
    /// It may, by its owner.
    Executable,
}

impl Entry {
    /// An entry; its content is checked where a manifest is made of it.
    #[must_use]
    pub fn new(path: RelPath, content: Content) -> Self {
        Self { path, content }
    }

    /// Where it stands.
    #[must_use]
    pub fn path(&self) -> &RelPath {
        &self.path
    }

    /// What stands there.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The length of a file, in bytes; 0 for what is none.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self.content {
            Content::File { size, .. } => size,
            _ => 0,
        }
    }

    /// The digest of a file's bytes; none for what is no file.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self.content {
            Content::File { digest, .. } => Some(digest),
            _ => None,
        }
    }

    /// The hash of the entry in the tree of its manifest.
    ///
    /// It is of the path and of the content, so it names this entry in other manifests too, and in
    /// [`Derived`](super::Derived).
    #[must_use]
    pub fn leaf(&self) -> Digest {
        Digest::from_bytes(self.leaf_hash(&mut Vec::new()))
    }

    /// The same; `room` is written over.
    pub(super) fn leaf_hash(&self, room: &mut Vec<u8>) -> Hash {
        room.clear();
        self.write(room);
        tree::leaf(room)
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.push(self.content.tag());
        put_bytes(to, self.path.as_str().as_bytes());
        match &self.content {
            Content::File { size, digest, .. } => {
                put_number(to, *size);
                to.extend_from_slice(digest.as_bytes());
            }
            Content::Symlink { target: text } | Content::Submodule { revision: text } => {
                put_bytes(to, text.as_bytes());
            }
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, ManifestError> {
        let tag = from.byte()?;
        let path = RelPath::try_from(from.bytes(RelPath::MAX_BYTES)?)?;
        let entry = Self::new(path, Content::read(tag, from)?);
        entry.check()?;
        Ok(entry)
    }

    pub(super) fn check(&self) -> Result<(), ManifestError> {
        let path = || self.path.clone();
        match &self.content {
            Content::Symlink { target } if !is_target(target) => {
                Err(ManifestError::Target { path: path() })
            }
            Content::Submodule { revision } if !is_revision(revision) => {
                Err(ManifestError::Revision { path: path() })
            }
            _ => Ok(()),
        }
    }
}

impl Content {
    /// The most bytes of a symbolic link's target.
    pub const MAX_TARGET: usize = 4096;

    const PLAIN: u8 = 0;
    const EXECUTABLE: u8 = 1;
    const SYMLINK: u8 = 2;
    const SUBMODULE: u8 = 3;

    fn tag(&self) -> u8 {
        match self {
            Self::File { mode, .. } => match mode {
                Mode::Plain => Self::PLAIN,
                Mode::Executable => Self::EXECUTABLE,
            },
            Self::Symlink { .. } => Self::SYMLINK,
            Self::Submodule { .. } => Self::SUBMODULE,
        }
    }

    fn read(tag: u8, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mode = match tag {
            Self::PLAIN => Mode::Plain,
            Self::EXECUTABLE => Mode::Executable,
            Self::SYMLINK => {
                let target = from.text(Self::MAX_TARGET)?.into();
                return Ok(Self::Symlink { target });
            }
            Self::SUBMODULE => {
                let revision = from.text(64)?.into();
                return Ok(Self::Submodule { revision });
            }
            _ => return Err(Malformed::Kind),
        };
        let size = from.number()?;
        let digest = Digest::from_bytes(from.array()?);
        Ok(Self::File { mode, size, digest })
    }
}

fn is_target(text: &str) -> bool {
    (1..=Content::MAX_TARGET).contains(&text.len()) && !text.contains('\0')
}

fn is_revision(text: &str) -> bool {
    let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    matches!(text.len(), 40 | 64) && digits
}
