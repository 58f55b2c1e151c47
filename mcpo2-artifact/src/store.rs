//! Where the bytes of artifacts are kept.

mod dir;
mod memory;

pub use dir::DirStore;
pub use memory::MemoryStore;

use std::{error::Error as StdError, fmt, ops::Range};

use async_trait::async_trait;
use bytes::Bytes;
use mcpo2_core::BoxError;

/// Keeps bytes under keys.
///
/// Whose they are, how long they live and whether they are still the same is the concern of
/// [`Artifacts`](crate::Artifacts): a store never sees a reference or a principal. An implementor
/// runs [`conformance::check`](crate::conformance::check).
///
/// # Cancellation
///
/// A future may be dropped at any time. After a dropped `put` the object may or may not be there,
/// but never in part.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// Keeps these bytes, in place of what was there under this key.
    ///
    /// They are all of their buffer, so that keeping them keeps nothing else.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Full`] where there is no room, [`StoreErrorKind::Io`] for all else. Nothing
    /// is kept then, and what was there under this key may be gone.
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError>;

    /// The bytes of this range, or as many as there are of it.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::NotFound`] where nothing is under this key.
    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Forgets what is under this key; nothing may be.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Io`], and then it may still be there.
    async fn remove(&self, key: &Key) -> Result<(), StoreError>;
}

/// The only name by which a store knows an object: 32 bytes that tell nothing of its reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Key {
    /// 64 lower-case hexadecimal digits, fit for a file name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// What went wrong in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Nothing is under this key.
    NotFound,
    /// There is no room.
    Full,
    /// The medium failed.
    Io,
}

/// Why a store did not do what was asked.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<BoxError>,
}

impl StoreError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// The same, and what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::NotFound => "no such object",
            StoreErrorKind::Full => "no room in the store",
            StoreErrorKind::Io => "the medium of the store failed",
        })
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn StdError + 'static))
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error.kind() {
            ErrorKind::NotFound => StoreErrorKind::NotFound,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreErrorKind::Full,
            _ => StoreErrorKind::Io,
        };
        Self::new(kind).with_source(error)
    }
}
