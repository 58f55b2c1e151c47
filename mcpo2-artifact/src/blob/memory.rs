use std::{
    collections::BTreeMap,
    fmt,
    ops::{Bound, Range},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{
    BlobError, BlobErrorKind, BlobName, BlobStore, BlobWriter, Head, Kind, Listed, Put, Space,
};
use crate::{Clock, Key, SystemClock};

/// Keeps blobs in memory, up to a number of bytes.
#[derive(Clone)]
pub struct MemoryBlobs {
    capacity: u64,
    clock: Arc<dyn Clock>,
    objects: Arc<Mutex<Objects>>,
}

#[derive(Default)]
struct Objects {
    by_name: BTreeMap<BlobName, (Bytes, SystemTime)>,
    bytes: u64,
}

impl MemoryBlobs {
    /// A store with room for this many bytes.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        Self {
            capacity,
            clock: Arc::new(SystemClock),
            objects: Arc::default(),
        }
    }

    /// The same, with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, name: &BlobName, bytes: Bytes) -> Result<Put, BlobError> {
        let mut objects = self.objects();
        if objects.by_name.contains_key(name) {
            return Ok(Put::Present);
        }
        let total = objects.bytes.saturating_add(length(&bytes));
        if total > self.capacity {
            return Err(BlobErrorKind::Full.into());
        }
        objects.bytes = total;
        objects.by_name.insert(*name, (bytes, self.clock.now()));
        Ok(Put::Created)
    }
}

#[async_trait]
impl BlobStore for MemoryBlobs {
    async fn put(&self, name: &BlobName, bytes: Bytes) -> Result<Put, BlobError> {
        self.insert(name, bytes)
    }

    async fn writer(&self, name: &BlobName, size: u64) -> Result<Box<dyn BlobWriter>, BlobError> {
        if size > self.capacity {
            return Err(BlobErrorKind::Full.into());
        }
        Ok(Box::new(Writer {
            store: self.clone(),
            name: *name,
            size,
            bytes: BytesMut::new(),
        }))
    }

    async fn read(&self, name: &BlobName, range: Range<u64>) -> Result<Bytes, BlobError> {
        let objects = self.objects();
        let (bytes, _) = objects.by_name.get(name).ok_or(BlobErrorKind::NotFound)?;
        let end = position(range.end).min(bytes.len());
        Ok(bytes.slice(position(range.start).min(end)..end))
    }

    async fn head(&self, name: &BlobName) -> Result<Option<Head>, BlobError> {
        Ok(self.objects().by_name.get(name).map(head))
    }

    async fn delete(&self, name: &BlobName) -> Result<(), BlobError> {
        let mut objects = self.objects();
        if let Some((bytes, _)) = objects.by_name.remove(name) {
            objects.bytes = objects.bytes.saturating_sub(length(&bytes));
        }
        Ok(())
    }

    async fn list(
        &self,
        space: &Space,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, BlobError> {
        let name = |key| BlobName::new(*space, kind, key);
        let first = match after {
            Some(key) => Bound::Excluded(name(*key)),
            None => Bound::Included(name(Key::from_bytes([0; 32]))),
        };
        let last = Bound::Included(name(Key::from_bytes([255; 32])));
        let objects = self.objects();
        let found = objects.by_name.range((first, last)).take(limit);
        let listed = found.map(|(name, object)| Listed {
            key: name.key,
            head: head(object),
        });
        Ok(listed.collect())
    }

    async fn spaces(&self) -> Result<Vec<Space>, BlobError> {
        let mut spaces: Vec<_> = (self.objects().by_name.keys())
            .map(|name| name.space)
            .collect();
        spaces.dedup();
        Ok(spaces)
    }
}

impl fmt::Debug for MemoryBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBlobs")
            .field("capacity", &self.capacity)
            .field("bytes", &self.objects().bytes)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Writer {
    store: MemoryBlobs,
    name: BlobName,
    size: u64,
    bytes: BytesMut,
}

#[async_trait]
impl BlobWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        let total = self.bytes.len().saturating_add(bytes.len());
        if total > position(self.size) {
            return Err(BlobErrorKind::Mismatch.into());
        }
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Put, BlobError> {
        if self.bytes.len() != position(self.size) {
            return Err(BlobErrorKind::Mismatch.into());
        }
        self.store.insert(&self.name, self.bytes.freeze())
    }
}

fn head((bytes, modified): &(Bytes, SystemTime)) -> Head {
    Head {
        size: length(bytes),
        modified: *modified,
    }
}

fn length(bytes: &Bytes) -> u64 {
    bytes.len().try_into().unwrap_or(u64::MAX)
}

fn position(offset: u64) -> usize {
    offset.try_into().unwrap_or(usize::MAX)
}
