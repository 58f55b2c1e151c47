use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use mcpo2_core::{Error, ErrorKind, ModuleId, TenantId};

use super::{
    health::{Admission, Budget, Failure, Health},
    lock, unavailable,
};
use crate::{
    shares::{Shares, Weights},
    upstream::{Limits, Noise},
};

/// How a module fares, as far as the gateway knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that have a place now.
    pub inflight: usize,
    /// Calls that found no place.
    pub refused: u64,
    /// Whether it is asked no more for a while.
    pub is_ejected: bool,
    /// How often that began because it could not be reached.
    pub ejected_unreachable: u64,
    /// How often that began because it did not answer in time.
    pub ejected_timeout: u64,
    /// Links that were opened in place of broken ones.
    pub reopened: u64,
    /// Links that were not, because there were too many of them.
    pub reopen_refused: u64,
    /// Calls that went to a second address, since the first did not take them.
    pub second_tries: u64,
    /// What it said to nobody, by kind; nothing where its links do not count that.
    pub noise: Vec<(Noise, u64)>,
}

/// What goes to one module.
#[derive(Debug)]
pub(super) struct Load {
    places: usize,
    shares: Mutex<Shares<()>>,
    health: Mutex<Health>,
    budget: Mutex<Budget>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    refused: AtomicU64,
    unreachable: AtomicU64,
    timeout: AtomicU64,
    reopened: AtomicU64,
    reopen_refused: AtomicU64,
}

impl Load {
    pub(super) fn new(limits: &Limits) -> Self {
        let places = limits.concurrency;
        Self {
            places,
            shares: Mutex::new(Shares::new(places, 0, Weights::default())),
            health: Mutex::new(Health::new(limits.eject_after)),
            budget: Mutex::new(Budget::new(Instant::now())),
            counts: Counts::default(),
        }
    }

    pub(super) fn weigh(&self, weights: Weights) {
        lock(&self.shares).configure(self.places, 0, weights);
    }

    pub(super) fn admit(load: &Arc<Self>, tenant: &TenantId) -> Result<Place, Error> {
        if !lock(&load.shares).enter(tenant) {
            load.counts.refused.fetch_add(1, Relaxed);
            let message = "the module has too many calls at once";
            return Err(Error::new(ErrorKind::Overloaded, message));
        }
        // From here on dropping it gives the place back.
        let mut place = Place {
            load: Arc::clone(load),
            tenant: tenant.clone(),
            is_probe: false,
        };
        match lock(&load.health).admit(Instant::now()) {
            Admission::Pass => {}
            Admission::Probe => place.is_probe = true,
            Admission::Refused => return Err(unavailable("it failed too often in a row")),
        }
        lock(&load.budget).earn();
        Ok(place)
    }

    /// Takes note of how opening a link went.
    pub(super) fn opened(&self, error: Option<&Error>) {
        match error.map(Error::kind) {
            Some(ErrorKind::Unavailable) => {
                self.failed(Failure::Unreachable);
            }
            Some(ErrorKind::TimedOut) => {
                self.failed(Failure::Timeout);
            }
            // That it answered one handshake does not say that it answers calls.
            None | Some(_) => {}
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        lock(&self.health).is_paused(Instant::now())
    }

    pub(super) fn may_reopen(&self) -> bool {
        let may = lock(&self.budget).spend(Instant::now());
        let counts = &self.counts;
        let counter = if may {
            &counts.reopened
        } else {
            &counts.reopen_refused
        };
        counter.fetch_add(1, Relaxed);
        may
    }

    pub(super) fn stats(&self) -> Stats {
        let counts = &self.counts;
        Stats {
            inflight: lock(&self.shares).running(),
            refused: counts.refused.load(Relaxed),
            is_ejected: lock(&self.health).is_ejected(),
            ejected_unreachable: counts.unreachable.load(Relaxed),
            ejected_timeout: counts.timeout.load(Relaxed),
            reopened: counts.reopened.load(Relaxed),
            reopen_refused: counts.reopen_refused.load(Relaxed),
            second_tries: 0,
            noise: Vec::new(),
        }
    }

    fn failed(&self, why: Failure) -> bool {
        let ejected = lock(&self.health).failed(Instant::now()).is_some();
        if ejected {
            let counter = match why {
                Failure::Unreachable => &self.counts.unreachable,
                Failure::Timeout => &self.counts.timeout,
            };
            counter.fetch_add(1, Relaxed);
        }
        ejected
    }
}

/// A call's place at a module. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Place {
    load: Arc<Load>,
    tenant: TenantId,
    is_probe: bool,
}

impl Place {
    /// Takes note of how the module answered; `stands` says whether the link still does.
    ///
    /// A link that has ended says little: it is opened anew, and that tells.
    pub(crate) fn settle<T>(
        &mut self,
        module: &ModuleId,
        result: Result<&T, &Error>,
        stands: bool,
    ) {
        let failure = match result.map_err(Error::kind) {
            Ok(_) | Err(ErrorKind::Upstream | ErrorKind::TooLarge) => None,
            Err(ErrorKind::Unavailable) if stands => Some(Failure::Unreachable),
            Err(ErrorKind::TimedOut) => Some(Failure::Timeout),
            Err(_) => return,
        };
        self.is_probe = false;
        let Some(failure) = failure else {
            lock(&self.load.health).answered();
            return;
        };
        if self.load.failed(failure) {
            tracing::warn!(%module, ?failure, "it failed too often in a row, and is asked no more for a while");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.load.shares).leave(&self.tenant);
        if self.is_probe {
            lock(&self.load.health).abandoned(Instant::now());
        }
    }
}
