use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use mcpo2_core::{Error, ErrorKind};
use mcpo2_seal::KeyRing;
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};

use super::held::Held;
use crate::bridge::caller::{Caller, invalid};

/// How long a call waits for its client.
const WAITS: Duration = Duration::from_secs(5 * 60);

const PURPOSE: &str = "mcpo2.route/request-state/v1";

/// The calls of one module that wait until their clients come back with answers.
///
/// What a client comes back with is a ticket that only this process can have made: for this
/// principal, method and parameters, until a time, to be used once.
pub(crate) struct Lot {
    /// How many calls of one principal may wait at once.
    most: usize,
    ring: Option<KeyRing>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tickets: u64,
    parked: HashMap<u64, Parked>,
}

struct Parked {
    caller: Caller,
    held: Held,
    reaper: AbortHandle,
}

impl Lot {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        let ring = KeyRing::ephemeral();
        if ring.is_err() {
            tracing::error!("without randomness no call can wait for its client");
        }
        Arc::new(Self {
            most,
            ring: ring.ok(),
            state: Mutex::default(),
        })
    }

    /// Lets a call wait, and gives the result with which its client learns what is asked.
    pub(super) fn park(self: &Arc<Self>, caller: &Caller, held: Held) -> Result<Bytes, Error> {
        let left = held.until().saturating_duration_since(Instant::now());
        let waits = WAITS.min(left);
        let ring = self.ring.as_ref().ok_or_else(internal)?;
        let mut state = self.lock();
        let theirs = state.parked.values();
        let theirs = theirs.filter(|parked| parked.caller.binding == caller.binding);
        if theirs.count() >= self.most {
            drop(state);
            return Err(Error::new(
                ErrorKind::Overloaded,
                "too many calls wait for your answers",
            ));
        }
        let ticket = state.tickets;
        let expires = SystemTime::now() + waits;
        let sealed = ring.seal(PURPOSE, &context(caller), expires, &ticket.to_be_bytes());
        let sealed = sealed.map_err(|error| internal().with_source(error))?;
        let asked = held.input_required(&sealed);
        let lot = Arc::downgrade(self);
        let reaper = tokio::spawn(async move {
            sleep(waits).await;
            if let Some(lot) = lot.upgrade() {
                let late = lot.lock().parked.remove(&ticket);
                drop(late);
            }
        });
        let parked = Parked {
            caller: caller.clone(),
            held,
            reaper: reaper.abort_handle(),
        };
        state.tickets += 1;
        state.parked.insert(ticket, parked);
        Ok(asked)
    }

    /// The call that this caller comes back for: once.
    pub(super) fn take(&self, caller: &Caller, state: &str) -> Result<Held, Error> {
        let unknown = || invalid("`requestState` is not what was given for this request");
        let ring = self.ring.as_ref().ok_or_else(internal)?;
        let opened = ring.open(PURPOSE, &context(caller), SystemTime::now(), state);
        let ticket = opened.map_err(|error| unknown().with_source(error))?;
        let ticket = <[u8; 8]>::try_from(&*ticket).map_err(|_| unknown())?;
        let parked = self.lock().parked.remove(&u64::from_be_bytes(ticket));
        let parked = parked.ok_or_else(|| unknown().with_source("it was used, or expired"))?;
        parked.reaper.abort();
        Ok(parked.held)
    }

    /// Gives up all that wait.
    pub(crate) fn clear(&self) {
        let parked = std::mem::take(&mut self.lock().parked);
        parked.values().for_each(|parked| parked.reaper.abort());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn context(caller: &Caller) -> [&[u8]; 3] {
    [
        caller.binding.as_bytes(),
        caller.method.as_str().as_bytes(),
        caller.asked.as_bytes(),
    ]
}

fn internal() -> Error {
    Error::new(ErrorKind::Internal, "internal error")
}

impl fmt::Debug for Lot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lot")
            .field("parked", &self.lock().parked.len())
            .finish_non_exhaustive()
    }
}
