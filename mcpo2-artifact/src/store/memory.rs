use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Key, Store, StoreError, StoreErrorKind};

/// Keeps objects in memory, up to a number of bytes.
pub struct MemoryStore {
    capacity: u64,
    objects: Mutex<Objects>,
}

#[derive(Default)]
struct Objects {
    by_key: HashMap<Key, Bytes>,
    bytes: u64,
}

impl MemoryStore {
    /// A store with room for this many bytes.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        Self {
            capacity,
            objects: Mutex::default(),
        }
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects {
    fn remove(&mut self, key: &Key) {
        if let Some(old) = self.by_key.remove(key) {
            self.bytes = self.bytes.saturating_sub(length(&old));
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        let mut objects = self.objects();
        objects.remove(key);
        let total = objects.bytes.saturating_add(length(&bytes));
        if total > self.capacity {
            return Err(StoreError::new(StoreErrorKind::Full));
        }
        objects.bytes = total;
        objects.by_key.insert(*key, bytes);
        Ok(())
    }

    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let objects = self.objects();
        let Some(object) = objects.by_key.get(key) else {
            return Err(StoreError::new(StoreErrorKind::NotFound));
        };
        let end = position(range.end).min(object.len());
        let start = position(range.start).min(end);
        Ok(object.slice(start..end))
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.objects().remove(key);
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("capacity", &self.capacity)
            .field("bytes", &self.objects().bytes)
            .finish_non_exhaustive()
    }
}

fn length(bytes: &Bytes) -> u64 {
    bytes.len().try_into().unwrap_or(u64::MAX)
}

fn position(offset: u64) -> usize {
    offset.try_into().unwrap_or(usize::MAX)
}
