use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mcpo2_core::{Principal, PrincipalId, TenantId};

use super::Gate;

/// What a call holds until it has ended.
#[derive(Debug)]
pub(super) enum Held {
    Nothing,
    Place(#[expect(dead_code, reason = "held for its drop")] Place),
    Stream(#[expect(dead_code, reason = "held for its drop")] StreamPlace),
}

/// A place among the calls at once. Dropping it gives it to the next.
#[derive(Debug)]
pub(super) struct Place {
    gate: Gate,
    tenant: TenantId,
}

impl Place {
    pub(super) fn new(gate: Gate, tenant: TenantId) -> Self {
        Self { gate, tenant }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.leave(&self.tenant);
    }
}

/// How many streams each caller has open.
#[derive(Debug, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<Caller, usize>>>);

type Caller = (TenantId, PrincipalId);

impl Streams {
    /// One more, if that is not over `most`.
    pub(super) fn enter(&self, principal: &Principal, most: usize) -> Option<StreamPlace> {
        let caller = (principal.tenant().clone(), principal.id().clone());
        let mut open = lock(&self.0);
        let theirs = open.get(&caller).copied().unwrap_or_default();
        if theirs >= most {
            return None;
        }
        open.insert(caller.clone(), theirs + 1);
        Some(StreamPlace {
            open: Arc::clone(&self.0),
            caller,
        })
    }

    #[cfg(test)]
    pub(super) fn callers(&self) -> usize {
        lock(&self.0).len()
    }
}

/// A place for one stream of a caller. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    open: Arc<Mutex<HashMap<Caller, usize>>>,
    caller: Caller,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        match open.get_mut(&self.caller) {
            Some(theirs) if *theirs > 1 => *theirs -= 1,
            _ => {
                open.remove(&self.caller);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
