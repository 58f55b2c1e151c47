//! Personal values, sealed under keys that can be destroyed.
//!
//! A record holds commitments to them; the values and their salts stand beside it, encrypted with
//! the key of the person whom they are of. Keys are in `vault/keys`, and nowhere else. Who
//! erases a person destroys that one key, and with it all that was recorded of them, in every copy.

mod keys;
mod seal;

pub(crate) use keys::{Keys, Subject, append, make_room};
pub(crate) use seal::{Personal, Sealed, open};

use seal::{Salts, seal};

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Error, RecordId, secret};

/// What seals the personal values of records, for all threads that make some.
pub(crate) struct Vault {
    salts: Salts,
    tags: [u8; 32],
    keys: Mutex<Keys>,
}

impl Vault {
    /// With the keys that are there already, and the secret that lookups are keyed with.
    pub(crate) fn new(keys: Keys, tags: [u8; 32]) -> Result<Self, Error> {
        Ok(Self {
            salts: Salts::new(secret::random()?),
            tags,
            keys: Mutex::new(keys),
        })
    }

    /// The person of this tenant and id; one who was not known gets a new key.
    pub(crate) fn subject(&self, tenant: &str, id: &str) -> Result<Subject, Error> {
        self.keys().subject(self.lookup(tenant, id))
    }

    /// By what a person is found, without saying who it is.
    pub(crate) fn lookup(&self, tenant: &str, id: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.tags);
        hasher
            .update(tenant.as_bytes())
            .update(&[0])
            .update(id.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// Seals what is personal in one record.
    pub(crate) fn seal(&self, subject: &Subject, id: RecordId, personal: &Personal) -> Sealed {
        seal(&self.salts, subject, id, personal)
    }

    pub(crate) fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

/// Keys by the tags that vault frames name, for who reads.
pub(crate) type ByTag = HashMap<[u8; 16], [u8; 32]>;
