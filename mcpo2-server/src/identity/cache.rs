use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use mcpo2_core::Principal;

/// How many tokens one generation holds.
const GENERATION: usize = 4096;

/// Verified tokens, by their BLAKE3 hash: at most two generations of them, each until it expires.
///
/// When the young generation is full it becomes the old one, and what was old is forgotten; what
/// is used in between comes back. So the bound costs no search.
#[derive(Default)]
pub(super) struct Cache(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<[u8; 32], Verified>,
    old: HashMap<[u8; 32], Verified>,
}

#[derive(Clone)]
struct Verified {
    principal: Arc<Principal>,
    /// Until when it is good, in seconds since 1970; the leeway is in it.
    until: u64,
}

impl Cache {
    /// Whose the token is, if it was verified before and is still good.
    pub(super) fn find(&self, token: &str, now: u64) -> Option<Arc<Principal>> {
        let key = *blake3::hash(token.as_bytes()).as_bytes();
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = match generations.young.get(&key) {
            Some(verified) => verified.clone(),
            None => {
                let verified = generations.old.remove(&key)?;
                generations.insert(key, verified.clone());
                verified
            }
        };
        (now < verified.until).then_some(verified.principal)
    }

    /// Remembers whose a verified token is.
    pub(super) fn insert(&self, token: &str, principal: Arc<Principal>, until: u64) {
        let key = *blake3::hash(token.as_bytes()).as_bytes();
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.insert(key, Verified { principal, until });
    }
}

impl Generations {
    fn insert(&mut self, key: [u8; 32], verified: Verified) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, verified);
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use mcpo2_core::AuthMethod;

    use super::*;

    #[test]
    fn it_is_bounded_and_forgets_what_expired() {
        let cache = Cache::default();
        let ada = Principal::new(
            "acme".parse().unwrap(),
            "ada".parse().unwrap(),
            AuthMethod::Jwt,
        );
        let ada = Arc::new(ada);
        for n in 0..3 * GENERATION {
            cache.insert(&n.to_string(), Arc::clone(&ada), 100);
            assert!(
                cache.find("0", 99).is_some() == (n < 3 * GENERATION),
                "the one in use stays"
            );
        }
        assert!(cache.find("1", 99).is_none(), "one that is not used goes");
        assert!(cache.find("0", 100).is_none(), "none outlives its token");
        let generations = cache.0.lock().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION);
    }
}
