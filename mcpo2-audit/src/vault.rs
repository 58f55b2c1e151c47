//! Personal values, sealed under keys that can be destroyed.
//!
//! A record holds commitments to them; the values and their salts stand beside it, encrypted with
//! the key of the person whom they are of. Keys are in `vault/keys`, and nowhere else. Who
//! erases a person destroys that one key, and with it all that was recorded of them, in every copy.

mod keys;
mod person;
mod seal;

pub(crate) use keys::{Keys, Subject, append, make_room};
pub(crate) use person::Person;
pub(crate) use seal::{Personal, open};

use seal::{Bound, Salts};

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Error, secret};

/// What seals the personal values of records, for all threads that make some.
pub(crate) struct Vault {
    salts: Salts,
    tags: [u8; 32],
    tenants: [u8; 32],
    keys: Mutex<Keys>,
}

impl Vault {
    /// With the keys that are there already, and the secrets that lookups and the tags of tenants
    /// are keyed with.
    pub(crate) fn new(keys: Keys, tags: [u8; 32], tenants: [u8; 32]) -> Result<Self, Error> {
        Ok(Self {
            salts: Salts::new(secret::random()?),
            tags,
            tenants,
            keys: Mutex::new(keys),
        })
    }

    /// The person of this tenant and id; one who was not known gets a new key.
    pub(crate) fn person(&self, tenant: &str, id: &str) -> Result<Arc<Person>, Error> {
        let mut keys = self.keys();
        if let Some(known) = keys.recent(tenant, id) {
            return Ok(known);
        }
        let tag = blake3::keyed_hash(&self.tenants, tenant.as_bytes()).into();
        let subject = keys.subject(self.lookup(tenant, id))?;
        let person = Arc::new(Person::new((tenant, id), tag, subject));
        keys.remember(&person);
        Ok(person)
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

    /// Commits to what is personal in one record.
    pub(crate) fn bind<'a>(&self, personal: &'a Personal) -> Bound<'a> {
        Bound::new(&self.salts, personal)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erased_person_is_another_and_their_key_is_kept_nowhere() {
        let vault = Vault::new(Keys::default(), [1; 32], [2; 32]).unwrap();
        let ada = vault.person("acme", "ada").unwrap();
        // Before there is anybody else, who may take her slot.
        assert!(Arc::ptr_eq(&ada, &vault.person("acme", "ada").unwrap()));
        let eve = vault.person("acme", "eve").unwrap();
        assert_eq!(ada.tenant, eve.tenant);
        let (before, kept) = (ada.pseudonym.clone(), Arc::downgrade(&ada));
        drop(ada);
        assert!(vault.keys().forget(&vault.lookup("acme", "ada")));
        assert!(kept.upgrade().is_none(), "her key is in memory");
        let after = vault.person("acme", "ada").unwrap();
        assert_ne!(after.pseudonym, before);
        let again = vault.person("acme", "eve").unwrap();
        assert_eq!(again.pseudonym, eve.pseudonym);
    }
}
