use futures_util::lock::{Mutex, MutexGuard};

use crate::Key;

const EACH: usize = 16;

/// The right to change an object, until it is dropped.
pub(crate) type Turn<'a> = MutexGuard<'a, ()>;

/// Who may change an object: one at a time of those whose keys fall on one lock.
#[derive(Debug)]
pub(crate) struct Turns {
    locks: [[Mutex<()>; EACH]; EACH],
    /// INVARIANT: never used. It stands where the compiler does not see that there is a lock.
    spare: Mutex<()>,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self {
            locks: std::array::from_fn(|_| std::array::from_fn(|_| Mutex::new(()))),
            spare: Mutex::new(()),
        }
    }

    pub(crate) async fn take(&self, key: &Key) -> Turn<'_> {
        let [first, ..] = *key.as_bytes();
        let (row, column) = (usize::from(first >> 4), usize::from(first & 15));
        let lock = self.locks.get(row).and_then(|row| row.get(column));
        lock.unwrap_or(&self.spare).lock().await
    }
}
