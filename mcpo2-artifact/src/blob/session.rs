use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use mcpo2_core::Digest;

use super::{
    BlobError, BlobErrorKind, ContentWriter, Kind, RootRecord, TenantBlobs, Usage,
    encode::Encoder,
    hold::{Hold, Reservation},
    room::Room,
};
use crate::Key;

/// Why and how long what was committed lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep<'a> {
    /// At least until this time; up to ten minutes longer.
    Until(SystemTime),
    /// Until it is [unpinned](TenantBlobs::unpin) by this name.
    Pinned(&'a str),
}

/// A lease: no sweep takes what it has put or found, as long as it lives.
///
/// Several threads may put at once. Dropped without a commit, it leaves blobs that nothing keeps, for
/// the next sweep; another session finds them until then.
pub struct Session {
    blobs: TenantBlobs,
    held: Mutex<Held>,
}

struct Held {
    members: HashMap<Key, Hold>,
    /// Of all content, whether there is still room reserved for it or not.
    bytes: u64,
    logical: Reservation,
}

impl Session {
    pub(crate) async fn begin(blobs: TenantBlobs) -> Result<Self, BlobError> {
        let logical = blobs.space().reserve(Usage::default()).await?;
        let held = Held {
            members: HashMap::new(),
            bytes: 0,
            logical,
        };
        Ok(Self {
            blobs,
            held: Mutex::new(held),
        })
    }

    /// Puts content, unless the tenant has it, and gives its digest.
    ///
    /// # Errors
    ///
    /// [`Quota`](BlobErrorKind::Quota), [`Full`](BlobErrorKind::Full), and what else the store says.
    ///
    /// # Cancellation
    ///
    /// The content may have been stored or not; the books are right at any rate.
    pub async fn put(&self, content: Bytes) -> Result<Digest, BlobError> {
        let size = content.len().try_into().unwrap_or(u64::MAX);
        let digest = Digest::of(&content);
        if self.has(&digest) {
            return Ok(digest);
        }
        let room = match Room::take(&self.blobs, &digest, size).await {
            Ok(room) => room,
            // What is there already needs no room.
            Err(error) if matches!(error.kind(), BlobErrorKind::Quota(_)) => {
                return match self.claim(&digest).await? {
                    Some(_) => Ok(digest),
                    None => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        if room.cutter.is_some() {
            let mut writer = ContentWriter::begin(self, digest, room).await?;
            writer.write(content).await?;
            writer.finish().await?;
            return Ok(digest);
        }
        let (mut encoder, mut stored) = Encoder::new(self.blobs.keys(), &room.key)?;
        let body = encoder.push(content)?;
        let end = encoder.finish()?;
        stored = match stored.is_empty() && end.rest.is_empty() {
            true => body,
            false => [stored, body, end.rest].concat().into(),
        };
        let space = self.blobs.space();
        if let (Some(tree), Some((place, reserved))) = (end.tree, room.tree) {
            space.put(place, tree, reserved).await?;
        }
        space.put((Kind::Blob, room.key), stored, room.blob).await?;
        self.adopt(room.holds, room.logical);
        Ok(digest)
    }

    /// A writer for content of this digest and length that comes in parts. It takes room for all of
    /// it: [`claim`](Self::claim) what may be there already.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put), and [`TooLarge`](BlobErrorKind::TooLarge).
    pub async fn writer(&self, digest: &Digest, size: u64) -> Result<ContentWriter<'_>, BlobError> {
        let room = Room::take(&self.blobs, digest, size).await?;
        ContentWriter::begin(self, *digest, room).await
    }

    /// Commits all that was put and claimed: from now on it lives as long as `keep` says. To commit
    /// the same under the same label again is to [keep](TenantBlobs::keep) it.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](BlobErrorKind::Mismatch) where the label stands for something else,
    /// [`Quota`](BlobErrorKind::Quota), and what the store says. It may be committed nevertheless;
    /// it can be tried again.
    pub async fn commit(&self, label: &str, keep: Keep<'_>) -> Result<(), BlobError> {
        self.commit_record(label, keep, self.record()).await
    }

    /// The same, and says which of the content is what the label is about: a manifest among its
    /// files. [`TenantBlobs::subject`] finds it by the label alone.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit), and [`NotFound`](BlobErrorKind::NotFound) where this session has
    /// not put or claimed the subject.
    pub async fn commit_about(
        &self,
        subject: &Digest,
        label: &str,
        keep: Keep<'_>,
    ) -> Result<(), BlobError> {
        if !self.has(subject) {
            return Err(BlobErrorKind::NotFound.into());
        }
        let masked = self.blobs.keys().mask(label, subject.as_bytes());
        let record = self.record().with_subject(masked);
        self.commit_record(label, keep, record).await
    }

    async fn commit_record(
        &self,
        label: &str,
        keep: Keep<'_>,
        record: RootRecord,
    ) -> Result<(), BlobError> {
        let space = self.blobs.space();
        let root = self.blobs.keys().root(label);
        let place = (Kind::Root, root);
        let _held = Hold::new(space, place);
        let bytes = record.to_bytes();
        let size: u64 = bytes.len().try_into().unwrap_or(u64::MAX);
        match space.store().read(&space.name(place), 0..u64::MAX).await {
            Ok(there) if there == bytes => return self.blobs.pin(&root, keep).await,
            Ok(_) => return Err(BlobErrorKind::Mismatch.into()),
            Err(error) if error.kind() == BlobErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let reserved = self.room_for(Usage::object(size)).await?;
        // The reason first: without one, the root would go with the next sweep.
        self.blobs.pin(&root, keep).await?;
        space.put(place, bytes, reserved).await?;
        Ok(())
    }

    pub(crate) fn blobs(&self) -> &TenantBlobs {
        &self.blobs
    }

    fn has(&self, digest: &Digest) -> bool {
        let keys = self.blobs.keys();
        let held = self.held();
        held.members.contains_key(&keys.blob(digest))
            || held.members.contains_key(&keys.index(digest))
    }

    pub(crate) fn adopt(&self, holds: Vec<Hold>, logical: Reservation) {
        let mut held = self.held();
        let mut new = false;
        for hold in holds {
            new |= held.members.insert(hold.place().1, hold).is_none();
        }
        if new {
            held.bytes = held.bytes.saturating_add(logical.amount().logical_bytes);
            held.logical.join(logical);
        }
    }

    /// Room for a root whose object needs this. What was reserved as content came goes into it; of a
    /// second root, nothing was.
    async fn room_for(&self, root: Usage) -> Result<Reservation, BlobError> {
        let (bytes, mut room) = {
            let mut held = self.held();
            (held.bytes, held.logical.split())
        };
        let missing = bytes.saturating_sub(room.amount().logical_bytes);
        let more = root.plus(Usage::logical(missing));
        room.join(self.blobs.space().reserve(more).await?);
        Ok(room)
    }

    fn record(&self) -> RootRecord {
        let held = self.held();
        let members = held.members.keys().copied().collect();
        RootRecord::new(held.bytes, members)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("blobs", &self.blobs)
            .field("members", &self.held().members.len())
            .finish_non_exhaustive()
    }
}
