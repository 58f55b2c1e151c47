use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::{Duration, Instant, SystemTime},
};

use mcpo2_core::Digest;
use mcpo2_route::Session;
use mcpo2_seal::KeyRing;

use super::{Missing, Open, ended::Ended};
use crate::config;

/// The hash of an id, which tells sessions apart.
pub(super) type Key = [u8; 32];

/// The sessions that live here, and the ids of those that have ended.
#[derive(Debug, Default)]
pub(super) struct Table {
    live: HashMap<Key, Live>,
    of: HashMap<Digest, usize>,
    ended: Ended,
}

/// A session that lives here.
#[derive(Debug)]
pub(super) struct Live {
    open: Open,
    owner: Digest,
    used: Instant,
    expires: SystemTime,
    /// The keys that its id was opened with. They need not be kept for that.
    checked: Weak<KeyRing>,
}

/// What there is under an id, for one caller.
pub(super) enum Entry<'a> {
    /// A session of theirs. It counts as used now.
    Live(&'a mut Live),
    /// One that has ended, or that is another's.
    NotTheirs,
    /// Nothing.
    None,
}

/// Sessions that were taken out.
#[derive(Debug, Default)]
pub(crate) struct Reaped {
    /// Nobody has used them for long. Their ids still hold.
    pub(crate) idle: Vec<Open>,
    /// Their time is up.
    pub(crate) expired: Vec<Open>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there is room for one more of this owner.
    pub(super) fn room(&self, owner: &Digest, limits: &config::Sessions) -> Result<(), Missing> {
        let theirs = self.of.get(owner).copied().unwrap_or(0);
        match () {
            () if theirs >= limits.per_principal => Err(Missing::TooMany),
            () if self.live.len() >= limits.max => Err(Missing::Full),
            () => Ok(()),
        }
    }

    pub(super) fn insert(
        &mut self,
        key: Key,
        live: Live,
        limits: &config::Sessions,
    ) -> Result<(), Missing> {
        self.room(&live.owner, limits)?;
        *self.of.entry(live.owner).or_default() += 1;
        self.live.insert(key, live);
        Ok(())
    }

    pub(super) fn entry(&mut self, key: &Key, owner: &Digest) -> Entry<'_> {
        if self.ended.contains(key) {
            return Entry::NotTheirs;
        }
        match self.live.get_mut(key) {
            Some(live) if live.owner == *owner => {
                live.used = Instant::now();
                Entry::Live(live)
            }
            Some(_) => Entry::NotTheirs,
            None => Entry::None,
        }
    }

    /// Takes one out, and remembers that it has ended for as long as its id would hold.
    pub(super) fn end(&mut self, key: &Key) -> Option<Open> {
        let expires = self.live.get(key)?.expires;
        self.ended.insert(*key, expires);
        self.drop_one(key)
    }

    /// Takes one out.
    pub(super) fn drop_one(&mut self, key: &Key) -> Option<Open> {
        let live = self.live.remove(key)?;
        if let Some(count) = self.of.get_mut(&live.owner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of.remove(&live.owner);
            }
        }
        live.open.ended.cancel();
        Some(live.open)
    }

    pub(super) fn reap(&mut self, idle: Duration, now: SystemTime) -> Reaped {
        self.ended.forget_expired(now);
        Reaped {
            expired: self.drop_all(|live| live.expires <= now),
            idle: self.drop_all(|live| live.is_idle(idle)),
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Session>> {
        let live = self.live.values();
        live.map(|live| Arc::clone(&live.open.session)).collect()
    }

    pub(super) fn drain(&mut self) -> Vec<Open> {
        self.drop_all(|_| true)
    }

    fn drop_all(&mut self, which: impl Fn(&Live) -> bool) -> Vec<Open> {
        let live = self.live.iter();
        let gone: Vec<Key> = live
            .filter(|(_, live)| which(live))
            .map(|(key, _)| *key)
            .collect();
        gone.iter().filter_map(|key| self.drop_one(key)).collect()
    }
}

impl Live {
    /// A session of this owner until it expires, whose id these keys open.
    pub(super) fn new(open: Open, owner: Digest, expires: SystemTime, ring: &Arc<KeyRing>) -> Self {
        Self {
            open,
            owner,
            used: Instant::now(),
            expires,
            checked: Arc::downgrade(ring),
        }
    }

    pub(super) fn open(&self) -> Open {
        self.open.clone()
    }

    pub(super) fn expires(&self) -> SystemTime {
        self.expires
    }

    pub(super) fn is_checked_by(&self, ring: &Arc<KeyRing>) -> bool {
        std::ptr::eq(self.checked.as_ptr(), Arc::as_ptr(ring))
    }

    pub(super) fn checked_by(&mut self, ring: &Arc<KeyRing>) {
        self.checked = Arc::downgrade(ring);
    }

    /// Whether nobody has used it for this long, nor does so now.
    fn is_idle(&self, idle: Duration) -> bool {
        self.used.elapsed() >= idle && Arc::strong_count(&self.open.session) == 1
    }
}
