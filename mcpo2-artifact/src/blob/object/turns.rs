use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use futures_util::lock::{Mutex as AsyncMutex, OwnedMutexGuard};
use object_store::path::Path;

/// Who may make an object: one at a time of each name, so that the next finds it.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<Path, Weak<AsyncMutex<()>>>>);

impl Turns {
    /// A turn that ends when it is dropped.
    pub(super) async fn take(&self, path: &Path) -> OwnedMutexGuard<()> {
        self.lock(path).lock_owned().await
    }

    fn lock(&self, path: &Path) -> Arc<AsyncMutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(path).and_then(Weak::upgrade) {
            return lock;
        }
        // So that it holds those that go on, and not all that ever did.
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(path.clone(), Arc::downgrade(&lock));
        lock
    }
}
