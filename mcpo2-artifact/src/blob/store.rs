use std::{
    fmt,
    ops::Range,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{BlobError, BlobName, Kind, Space};
use crate::Key;

/// Keeps objects that never change under names that tell nothing.
///
/// What is in them, whose they are and how long they live is the concern of the
/// [`Depot`](super::Depot). What is put is durable and seen by every later call. An implementor runs
/// [`conformance::check`](super::conformance::check).
///
/// # Cancellation
///
/// A future may be dropped at any time. After a dropped [`put`](Self::put) or
/// [`delete`](Self::delete) the object may or may not be there, but never in part.
#[async_trait]
pub trait BlobStore: Send + Sync + fmt::Debug + 'static {
    /// Keeps these bytes, unless something is under this name already.
    ///
    /// # Errors
    ///
    /// [`Full`](super::BlobErrorKind::Full) where there is no room, or
    /// [`Io`](super::BlobErrorKind::Io): then the object may be there nevertheless.
    async fn put(&self, name: &BlobName, bytes: Bytes) -> Result<Put, BlobError>;

    /// Begins an object of this many bytes that come in parts. Nothing is seen of it until it is
    /// finished.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    async fn writer(&self, name: &BlobName, size: u64) -> Result<Box<dyn BlobWriter>, BlobError>;

    /// The bytes of this range, or as many as there are of it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::BlobErrorKind::NotFound) where nothing is under this name.
    async fn read(&self, name: &BlobName, range: Range<u64>) -> Result<Bytes, BlobError>;

    /// How long the object is and since when it is there, if it is.
    ///
    /// # Errors
    ///
    /// [`Io`](super::BlobErrorKind::Io) where that cannot be told.
    async fn head(&self, name: &BlobName) -> Result<Option<Head>, BlobError>;

    /// Forgets what is under this name; nothing may be.
    ///
    /// # Errors
    ///
    /// [`Io`](super::BlobErrorKind::Io), and then it may still be there.
    async fn delete(&self, name: &BlobName) -> Result<(), BlobError>;

    /// The objects of this space and kind behind this key, in the order of their keys: all of them,
    /// or the first `limit`, which is not zero.
    ///
    /// # Errors
    ///
    /// [`Io`](super::BlobErrorKind::Io).
    async fn list(
        &self,
        space: &Space,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, BlobError>;

    /// The spaces that have objects, in their order; those that had some once may be among them.
    ///
    /// # Errors
    ///
    /// [`Io`](super::BlobErrorKind::Io).
    async fn spaces(&self) -> Result<Vec<Space>, BlobError>;

    /// A URL by which anybody reads the whole object for this long, where the store can make one.
    ///
    /// # Errors
    ///
    /// [`Io`](super::BlobErrorKind::Io) where it could and did not.
    async fn presign(&self, name: &BlobName, valid: Duration) -> Result<Option<String>, BlobError> {
        let _ = (name, valid);
        Ok(None)
    }
}

/// An object that comes in parts. Dropped before it is finished, it leaves nothing that is seen.
#[async_trait]
pub trait BlobWriter: Send + fmt::Debug {
    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// As [`BlobStore::put`]; and [`Mismatch`](super::BlobErrorKind::Mismatch) where they are more
    /// than were announced. After an error the writer is of no more use.
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError>;

    /// Makes it an object, unless something is under its name by now.
    ///
    /// # Errors
    ///
    /// As [`BlobStore::put`]; and [`Mismatch`](super::BlobErrorKind::Mismatch) where bytes are
    /// missing.
    async fn finish(self: Box<Self>) -> Result<Put, BlobError>;
}

/// What a put found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Put {
    /// Nothing: now the object is there.
    Created,
    /// An object of this name. It was left as it is.
    Present,
}

/// What a store says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its length, in bytes.
    pub size: u64,
    /// When it was put, by the clock of the store.
    pub modified: SystemTime,
}

/// An object of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Which it is.
    pub key: Key,
    /// What the store says of it.
    pub head: Head,
}
