use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use mcpo2_core::{Call, Error, ErrorKind, Method, Principal, TenantId};
use mcpo2_route::shares::{Shares, Ticket};
use tokio::sync::oneshot;

use super::{
    memory::{Pressure, Stage},
    place::{Held, Place, StreamPlace, Streams},
};
use crate::{config, telemetry::Metrics};

pub(crate) use super::memory::Reading;

/// Who is let in. It stays when the configuration changes; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    shares: Mutex<Shares<Waiter>>,
    limits: Mutex<Limits>,
    streams: Streams,
    pressure: Pressure,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    wait: Duration,
    streams: usize,
    memory: Option<u64>,
}

type Waiter = (TenantId, oneshot::Sender<Place>);

/// Why something was refused, for the ledger and the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shed {
    /// No place, and none in the queue.
    Capacity,
    /// No place in the time that there is to wait.
    Waited,
    /// The caller has as many streams as it may have.
    Streams,
    /// Memory is short.
    Memory,
    /// The other side read nothing for long.
    SlowReader,
}

/// A call that is let in, or waits.
#[derive(Debug)]
pub(super) enum Entry {
    Now(Held),
    Later(Waiting),
}

impl Gate {
    pub(crate) fn new(admission: &config::Admission, metrics: Arc<Metrics>) -> Self {
        let gate = Self(Arc::new(Inside {
            shares: Mutex::new(Shares::new(0, 0, Arc::default())),
            limits: Mutex::new(Limits::of(admission)),
            streams: Streams::default(),
            pressure: Pressure::default(),
            metrics,
        }));
        gate.configure(admission);
        gate
    }

    /// Changes the bounds. Who is inside stays inside.
    pub(crate) fn configure(&self, admission: &config::Admission) {
        *lock(&self.0.limits) = Limits::of(admission);
        let weights = Arc::new(admission.weights.clone());
        self.shares()
            .configure(admission.calls, admission.waiting, weights);
    }

    /// Whether the body of a request may be read: where memory is short, only one is at a time.
    pub(crate) fn admits_body(&self) -> Result<Reading, Shed> {
        let (reading, others) = self.0.pressure.begin_reading();
        let is_busy = || others > 0 || self.shares().running() > 0;
        if self.0.pressure.stage() == Stage::Critical && is_busy() {
            return Err(self.count(Shed::Memory));
        }
        Ok(reading)
    }

    /// A place for a stream that is no call.
    pub(crate) fn stream(&self, principal: &Principal) -> Result<StreamPlace, Shed> {
        if self.0.pressure.stage() >= Stage::Tight {
            return Err(self.count(Shed::Memory));
        }
        let most = lock(&self.0.limits).streams;
        let place = self.0.streams.enter(principal, most);
        place.ok_or_else(|| self.count(Shed::Streams))
    }

    /// Counts what was refused elsewhere.
    pub(crate) fn count(&self, why: Shed) -> Shed {
        self.0.metrics.shed(why);
        why
    }

    /// Looks at the memory from time to time, until it is dropped.
    pub(crate) async fn watch_memory(&self) {
        self.0
            .pressure
            .watch(
                || lock(&self.0.limits).memory,
                |stage| self.0.metrics.set_memory_stage(stage.as_number()),
            )
            .await;
    }

    pub(super) fn enter(&self, call: &Call) -> Result<Entry, Error> {
        let principal = call.principal();
        match call.method() {
            // What ends a call must get through where there are too many of them.
            Method::Cancelled => return Ok(Entry::Now(Held::Nothing)),
            Method::Listen => {
                let place = self.stream(principal)?;
                return Ok(Entry::Now(Held::Stream(place)));
            }
            Method::Initialize if self.0.pressure.stage() >= Stage::Tight => {
                return Err(self.count(Shed::Memory).into());
            }
            _ => {}
        }
        self.place(principal.tenant())
    }

    fn place(&self, tenant: &TenantId) -> Result<Entry, Error> {
        let mut shares = self.shares();
        // One at a time goes on, or a process that gets no memory back would never serve again.
        if self.0.pressure.stage() == Stage::Critical && shares.running() > 0 {
            return Err(self.count(Shed::Memory).into());
        }
        if shares.enter(tenant) {
            return Ok(Entry::Now(Held::Place(self.given(tenant))));
        }
        let time = lock(&self.0.limits).wait;
        let (admit, admitted) = oneshot::channel();
        let queued = match time.is_zero() {
            true => None,
            false => shares.wait(tenant, (tenant.clone(), admit)),
        };
        drop(shares);
        let Some(queued) = queued else {
            return Err(self.count(Shed::Capacity).into());
        };
        // Who was evicted learns of it as its sender is dropped.
        drop(queued.evicted);
        Ok(Entry::Later(Waiting {
            gate: self.clone(),
            tenant: tenant.clone(),
            ticket: queued.ticket,
            admitted,
            time,
        }))
    }

    fn given(&self, tenant: &TenantId) -> Place {
        Place::new(self.clone(), tenant.clone())
    }

    /// Gives a place back, and to whom has waited for it.
    pub(super) fn leave(&self, tenant: &TenantId) {
        self.shares().leave(tenant);
        if self.0.pressure.stage() == Stage::Critical {
            return;
        }
        loop {
            // INVARIANT: the lock is free while it is sent: one who waits no more gives it back.
            let next = self.shares().next();
            let Some((tenant, admit)) = next else {
                return;
            };
            drop(admit.send(self.given(&tenant)));
        }
    }

    #[cfg(test)]
    pub(super) fn set_stage(&self, stage: Stage) {
        self.0.pressure.set(stage);
    }

    #[cfg(test)]
    pub(crate) fn counts(&self) -> (usize, usize) {
        let shares = self.shares();
        (shares.running(), shares.waiting())
    }

    fn shares(&self) -> MutexGuard<'_, Shares<Waiter>> {
        lock(&self.0.shares)
    }
}

impl Limits {
    fn of(admission: &config::Admission) -> Self {
        Self {
            wait: admission.wait,
            streams: admission.streams_per_principal,
            memory: admission
                .memory
                .map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX)),
        }
    }
}

/// A call that waits for its place. Dropped, it waits no more.
#[derive(Debug)]
pub(super) struct Waiting {
    gate: Gate,
    tenant: TenantId,
    ticket: Ticket,
    admitted: oneshot::Receiver<Place>,
    time: Duration,
}

impl Waiting {
    pub(super) async fn place(mut self) -> Result<Place, Error> {
        let began = Instant::now();
        let admitted = tokio::time::timeout(self.time, &mut self.admitted).await;
        self.gate.0.metrics.waited(began.elapsed());
        match admitted {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(self.gate.count(Shed::Capacity).into()),
            Err(_) => Err(self.gate.count(Shed::Waited).into()),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let waiter = self.gate.shares().take_back(&self.tenant, self.ticket);
        drop(waiter);
    }
}

impl Shed {
    pub(crate) const ALL: [Self; 5] = [
        Self::Capacity,
        Self::Waited,
        Self::Streams,
        Self::Memory,
        Self::SlowReader,
    ];

    /// Its name, for metrics and the ledger.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Waited => "waited",
            Self::Streams => "streams",
            Self::Memory => "memory",
            Self::SlowReader => "slow_reader",
        }
    }

    /// What the caller is told.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Streams => "too many streams at once",
            _ => "too many calls at once",
        }
    }
}

impl From<Shed> for Error {
    fn from(why: Shed) -> Self {
        Self::new(ErrorKind::Overloaded, why.message()).with_source(why.as_str())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
