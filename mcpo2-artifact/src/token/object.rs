use std::{fmt, str::FromStr};

use mcpo2_core::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    codec::{Malformed, Reader, Wire, put_text},
    name::InvalidName,
};
use crate::manifest::RelPath;

/// What a reference names. Its text is `b3:…` for a blob, `b3:…/` for a manifest and
/// `b3:…/src/lib.rs` for one of its entries.
///
/// ```
/// use mcpo2_artifact::token::Object;
/// use mcpo2_core::Digest;
/// let object = Object::Entry { root: Digest::of(b"a tree"), path: "src/lib.rs".parse()? };
/// assert!(object.to_string().ends_with("/src/lib.rs"));
/// assert_eq!(object.to_string().parse(), Ok(object));
/// # Ok::<(), mcpo2_artifact::manifest::InvalidPath>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Object {
    /// The bytes with this digest.
    Blob(Digest),
    /// The manifest with this root, and all that it lists.
    Manifest(Digest),
    /// One entry of a manifest.
    Entry {
        /// The root of the manifest.
        root: Digest,
        /// The path of the entry.
        path: RelPath,
    },
}

impl Object {
    /// The digest of a blob, or the root of a manifest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        match self {
            Self::Blob(digest) | Self::Manifest(digest) | Self::Entry { root: digest, .. } => {
                digest
            }
        }
    }
}

impl Wire for Object {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Blob(_) => 1,
            Self::Manifest(_) => 2,
            Self::Entry { .. } => 3,
        });
        out.extend_from_slice(self.digest().as_bytes());
        if let Self::Entry { path, .. } = self {
            put_text(out, path.as_str());
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let kind = from.byte()?;
        let digest = Digest::from_bytes(from.array()?);
        match kind {
            1 => Ok(Self::Blob(digest)),
            2 => Ok(Self::Manifest(digest)),
            3 => Ok(Self::Entry {
                root: digest,
                path: from.parse()?,
            }),
            _ => Err(Malformed),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blob(digest) => write!(f, "{digest}"),
            Self::Manifest(root) => write!(f, "{root}/"),
            Self::Entry { root, path } => write!(f, "{root}/{}", path.as_str()),
        }
    }
}

impl FromStr for Object {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (digest, path) = match text.split_once('/') {
            Some((digest, path)) => (digest, Some(path)),
            None => (text, None),
        };
        let root: Digest = digest.parse().map_err(|_| InvalidName)?;
        match path {
            None => Ok(Self::Blob(root)),
            Some("") => Ok(Self::Manifest(root)),
            Some(path) => Ok(Self::Entry {
                root,
                path: path.parse().map_err(|_| InvalidName)?,
            }),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
