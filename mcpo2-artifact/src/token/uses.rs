use std::{
    collections::{BTreeSet, HashMap},
    num::{NonZeroU32, NonZeroU64},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use super::{claims::Claims, key::KeyId, name::TokenId, refused::Reason, time::seconds};

/// Counts the uses and bytes of those references that have only so many.
///
/// A reference and all that is made of it count together. It takes an entry from its first use
/// until it expires; where there is no room for one more, it is refused. Share one of these between
/// all that verify with the same keys: two count apart.
#[derive(Debug)]
pub struct Uses {
    capacity: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<Id, Count>,
    queue: BTreeSet<(u64, Id)>,
    /// The latest time that was told, in seconds since 1970.
    latest: u64,
}

/// Ids are random, but another issuer may choose them.
type Id = (KeyId, TokenId);

/// What is taken, whether spent or reserved.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    uses: u32,
    bytes: u64,
}

impl Default for Uses {
    /// Room for 65,536 references.
    fn default() -> Self {
        Self::new(64 * 1024)
    }
}

impl Uses {
    /// Room for so many references at once.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            table: Mutex::default(),
        }
    }

    /// How many references are counted now.
    #[must_use]
    pub fn counted(&self) -> usize {
        self.table().entries.len()
    }

    /// How many uses and bytes are left; none where there is no limit.
    pub(super) fn left(&self, claims: &Claims) -> (Option<u32>, Option<u64>) {
        let (uses, bytes) = (claims.terms.uses, claims.terms.max_bytes);
        if uses.is_none() && bytes.is_none() {
            return (None, None);
        }
        let table = self.table();
        let count = table.entries.get(&id(claims));
        let (used, read) = count.map_or((0, 0), |count| (count.uses, count.bytes));
        (
            uses.map(|most| most.get().saturating_sub(used)),
            bytes.map(|most| most.get().saturating_sub(read)),
        )
    }

    /// Takes a use and these bytes, or nothing.
    pub(super) fn reserve(
        self: &Arc<Self>,
        claims: &Claims,
        bytes: u64,
        now: SystemTime,
    ) -> Result<Reservation, Reason> {
        let counted = claims.terms.uses.is_some() || claims.terms.max_bytes.is_some();
        if counted {
            let mut table = self.table();
            table.expire(seconds(now));
            table.take(claims, bytes, self.capacity)?;
        }
        Ok(Reservation {
            uses: counted.then(|| (Arc::clone(self), id(claims))),
            bytes,
            used: false,
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn expire(&mut self, now: u64) {
        self.latest = self.latest.max(now);
        while let Some((expires, id)) = self.queue.first().copied()
            && expires <= self.latest
        {
            self.queue.remove(&(expires, id));
            self.entries.remove(&id);
        }
    }

    fn take(&mut self, claims: &Claims, bytes: u64, capacity: usize) -> Result<(), Reason> {
        let (id, expires) = (id(claims), claims.terms.expires);
        // Its count may have been dropped by a clock that was ahead.
        if expires <= self.latest {
            return Err(Reason::Expired);
        }
        let full = self.entries.len() >= capacity;
        let count = self.entries.get(&id).copied();
        if full && count.is_none() {
            return Err(Reason::Full);
        }
        let count = count.unwrap_or_default();
        let uses = count.uses.saturating_add(1);
        let read = count.bytes.checked_add(bytes).ok_or(Reason::Bytes)?;
        if uses > claims.terms.uses.map_or(u32::MAX, NonZeroU32::get) {
            return Err(Reason::Uses);
        }
        if read > claims.terms.max_bytes.map_or(u64::MAX, NonZeroU64::get) {
            return Err(Reason::Bytes);
        }
        self.queue.insert((expires, id));
        self.entries.insert(id, Count { uses, bytes: read });
        Ok(())
    }

    fn give_back(&mut self, id: &Id, uses: u32, bytes: u64) {
        if let Some(count) = self.entries.get_mut(id) {
            count.uses = count.uses.saturating_sub(uses);
            count.bytes = count.bytes.saturating_sub(bytes);
        }
    }
}

fn id(claims: &Claims) -> Id {
    (claims.key, claims.id)
}

/// A use and bytes that are taken; when dropped, what was not spent is given back.
#[derive(Debug)]
pub(super) struct Reservation {
    uses: Option<(Arc<Uses>, Id)>,
    bytes: u64,
    used: bool,
}

impl Reservation {
    /// Spends the use, and these bytes of those that are taken; nothing where there are not as
    /// many.
    pub(super) fn spend(&mut self, bytes: u64) -> Result<(), Reason> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Reason::Bytes)?;
        self.used = true;
        Ok(())
    }

    pub(super) fn left(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some((uses, id)) = &self.uses {
            uses.table()
                .give_back(id, u32::from(!self.used), self.bytes);
        }
    }
}
