use std::fmt;

use crate::Key;

/// The part of a store that is a tenant's, by 16 bytes that do not tell which tenant it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Space([u8; 16]);

impl Space {
    /// The space with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The space that is written so: 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Space({self})")
    }
}

/// What an object of a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Content, a chunk of it, or what large content is verified and put together with.
    Blob,
    /// A list of blobs that live together: what a session committed.
    Root,
    /// A reason for a root to live.
    Pin,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Blob, Self::Root, Self::Pin];

    /// One letter, for paths.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Blob => "b",
            Self::Root => "r",
            Self::Pin => "p",
        }
    }
}

/// The only name by which a [`BlobStore`](super::BlobStore) knows an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobName {
    /// Whose it is.
    pub space: Space,
    /// What it is.
    pub kind: Kind,
    /// Which it is: a keyed hash, so that it tells nothing.
    pub key: Key,
}

impl BlobName {
    /// The name of these parts.
    #[must_use]
    pub const fn new(space: Space, kind: Kind, key: Key) -> Self {
        Self { space, kind, key }
    }
}

/// The key that is written so: 64 lower-case hexadecimal digits.
pub(crate) fn key_from_hex(text: &str) -> Option<Key> {
    from_hex(text).map(Key::from_bytes)
}

pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N.checked_mul(2)? {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair.map(digit);
        *byte = (high? << 4) | low?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}
