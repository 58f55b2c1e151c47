use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::SystemTime,
};

use mcpo2_core::{Principal, PrincipalId, TenantId};

use crate::{Reference, object::Object};

/// What an entry takes beyond its object, so that many small ones are bounded too.
const OVERHEAD: u64 = 512;

/// What is kept, whose it is, and until when.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: HashMap<Reference, Entry>,
    queue: BTreeSet<(SystemTime, Reference)>,
    bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Entry {
    owner: (TenantId, PrincipalId),
    pub(crate) object: Arc<Object>,
    pub(crate) expires: SystemTime,
}

impl Entry {
    pub(crate) fn new(principal: &Principal, object: Arc<Object>, expires: SystemTime) -> Self {
        let owner = (principal.tenant().clone(), principal.id().clone());
        Self {
            owner,
            object,
            expires,
        }
    }

    fn is_of(&self, principal: &Principal) -> bool {
        self.owner.0 == *principal.tenant() && self.owner.1 == *principal.id()
    }
}

impl Index {
    /// Takes room for an entry; false where there is none.
    #[must_use]
    pub(crate) fn reserve(&mut self, reference: Reference, entry: Entry, limit: u64) -> bool {
        let bytes = self.bytes.saturating_add(charge(&entry));
        if bytes > limit {
            return false;
        }
        self.bytes = bytes;
        self.queue.insert((entry.expires, reference));
        self.entries.insert(reference, entry);
        true
    }

    /// The entry, if it is this caller's and has not expired.
    pub(crate) fn find(
        &self,
        reference: &Reference,
        principal: &Principal,
        now: SystemTime,
    ) -> Option<&Entry> {
        let entry = self.entries.get(reference)?;
        (entry.is_of(principal) && now < entry.expires).then_some(entry)
    }

    /// Lets an entry expire now. Its room is given back once its object is removed.
    pub(crate) fn abandon(&mut self, reference: &Reference) {
        if let Some(entry) = self.entries.get_mut(reference) {
            self.queue.remove(&(entry.expires, *reference));
            entry.expires = SystemTime::UNIX_EPOCH;
            self.queue.insert((entry.expires, *reference));
        }
    }

    /// Those that have expired, oldest first.
    pub(crate) fn expired(&self, now: SystemTime) -> Vec<Reference> {
        (self.queue.iter())
            .take_while(|(expires, _)| *expires <= now)
            .map(|(_, reference)| *reference)
            .collect()
    }

    /// Gives back the room of an entry whose object is removed.
    pub(crate) fn forget(&mut self, reference: &Reference) {
        if let Some(entry) = self.entries.remove(reference) {
            self.queue.remove(&(entry.expires, *reference));
            self.bytes = self.bytes.saturating_sub(charge(&entry));
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn charge(entry: &Entry) -> u64 {
    entry.object.size.saturating_add(OVERHEAD)
}
