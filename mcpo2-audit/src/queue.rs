//! What stands between the calls and the thread that writes.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::{Error, ErrorKind, Head};

/// How many bytes may wait before no further place is given.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// How long written records stay unsynced where durability is `async`.
pub(crate) const LAG: Duration = Duration::from_secs(1);
/// How long records gather there before they are written, so that the writer is woken once for
/// many.
pub(crate) const LINGER: Duration = Duration::from_millis(2);

/// The state of a ledger, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The last record that was written.
    pub head: Head,
    /// How many records wait to be written.
    pub waiting: usize,
    /// How many places are reserved, for calls under way.
    pub reserved: usize,
    /// How many records were lost because writing failed; each was refused or had its call end
    /// after the failure.
    pub lost: u64,
}

#[derive(Debug)]
pub(crate) struct Queue {
    capacity: usize,
    linger: Duration,
    /// Whether the writer sleeps until it is woken. Read and written under the lock.
    idle: AtomicBool,
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    records: Vec<Vec<u8>>,
    bytes: usize,
    reserved: usize,
    /// How many the writer has taken and not yet written.
    writing: usize,
    /// How many were ever put in.
    pushed: u64,
    /// How many of these are safe.
    synced: u64,
    /// How many of these somebody waits for.
    wanted: u64,
    head: Head,
    lost: u64,
}

#[derive(Debug, Clone)]
enum Phase {
    Open,
    Closed,
    Failed(Arc<str>),
}

/// What the writer is to do next.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Vec<u8>>,
    /// Whether to sync now, whatever the durability.
    pub(crate) sync: bool,
}

impl Queue {
    /// The writer lets records gather for `linger` before it takes them.
    pub(crate) fn new(capacity: usize, linger: Duration, head: Head) -> Self {
        Self {
            capacity,
            linger,
            idle: AtomicBool::new(false),
            state: Mutex::new(State {
                phase: Phase::Open,
                records: Vec::new(),
                bytes: 0,
                reserved: 0,
                writing: 0,
                pushed: 0,
                synced: 0,
                wanted: 0,
                head,
                lost: 0,
            }),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }

    /// Keeps a place for one record.
    pub(crate) fn reserve(&self) -> Result<(), Error> {
        let mut state = self.lock();
        state.check()?;
        let used = state.records.len() + state.writing + state.reserved;
        if used >= self.capacity || state.bytes >= MAX_BYTES {
            return Err(Error::new(ErrorKind::Full, "the ledger is full"));
        }
        state.reserved += 1;
        Ok(())
    }

    /// Puts a record into the place that was kept for it.
    pub(crate) fn fill(&self, record: Vec<u8>) {
        let mut state = self.lock();
        state.reserved = state.reserved.saturating_sub(1);
        if let Phase::Failed(_) = state.phase {
            state.lost += 1;
            return;
        }
        state.bytes += record.len();
        state.records.push(record);
        state.pushed += 1;
        self.wake(state);
    }

    /// Gives a place back unused.
    pub(crate) fn give_back(&self) {
        let mut state = self.lock();
        state.reserved = state.reserved.saturating_sub(1);
        if state.is_ending() {
            self.wake(state);
        }
    }

    /// Waking costs a call of the system, so who is awake is left alone.
    fn wake(&self, state: MutexGuard<'_, State>) {
        if self.idle.swap(false, Relaxed) {
            drop(state);
            self.work.notify_one();
        }
    }

    /// Waits until all that was put in is safe.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        let mut state = self.lock();
        let ticket = state.pushed;
        state.wanted = state.wanted.max(ticket);
        self.idle.store(false, Relaxed);
        self.work.notify_one();
        loop {
            if let Phase::Failed(reason) = &state.phase {
                return Err(poisoned(reason));
            }
            if state.synced >= ticket {
                return Ok(());
            }
            state = self
                .done
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives no place from now on; true where none is kept either.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.lock();
        if let Phase::Open = state.phase {
            state.phase = Phase::Closed;
        }
        self.idle.store(false, Relaxed);
        self.work.notify_one();
        state.reserved == 0
    }

    /// Why no record is taken, if none is.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.lock().check()
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.lock();
        Stats {
            head: state.head,
            waiting: state.records.len() + state.writing,
            reserved: state.reserved,
            lost: state.lost,
        }
    }

    /// For the writer: waits for work; none when it is to end.
    ///
    /// While something is `unsynced` it waits for [`LAG`] at most, and then asks for a sync.
    pub(crate) fn take(&self, unsynced: bool) -> Option<Batch> {
        let mut state = self.lock();
        let mut lingered = false;
        loop {
            let wanted = state.wanted > state.synced;
            if let Phase::Failed(_) = state.phase {
                return None;
            }
            if wanted || !state.records.is_empty() {
                if !wanted && !lingered && self.may_linger(&state) {
                    drop(state);
                    std::thread::sleep(self.linger);
                    (state, lingered) = (self.lock(), true);
                    continue;
                }
                return Some(state.batch(wanted));
            }
            match (unsynced, state.is_ending()) {
                (true, true) => return Some(state.batch(true)),
                (false, true) => return None,
                (false, false) => {
                    self.idle.store(true, Relaxed);
                    let next = self.work.wait(state);
                    state = next.unwrap_or_else(PoisonError::into_inner);
                }
                (true, false) => {
                    self.idle.store(true, Relaxed);
                    let next = self.work.wait_timeout(state, LAG);
                    let (next, waited) = next.unwrap_or_else(PoisonError::into_inner);
                    state = next;
                    self.idle.store(false, Relaxed);
                    if waited.timed_out() {
                        return Some(state.batch(true));
                    }
                }
            }
        }
    }

    /// For the writer: what it took is written, and safe if `synced`.
    pub(crate) fn done(&self, head: Head, synced: bool) {
        let mut state = self.lock();
        state.writing = 0;
        state.head = head;
        if synced {
            let waiting = u64::try_from(state.records.len()).unwrap_or_default();
            state.synced = state.pushed.saturating_sub(waiting);
            self.done.notify_all();
        }
    }

    /// For the writer: nothing can be written any more.
    pub(crate) fn fail(&self, reason: &str) {
        let mut state = self.lock();
        if let Phase::Failed(_) = state.phase {
            return;
        }
        let lost = state.records.len() + state.writing;
        state.lost += u64::try_from(lost).unwrap_or_default();
        state.records = Vec::new();
        state.writing = 0;
        state.bytes = 0;
        state.phase = Phase::Failed(reason.into());
        self.done.notify_all();
        self.work.notify_all();
    }

    /// Not where somebody waits for the end, or for room.
    fn may_linger(&self, state: &State) -> bool {
        let roomy = state.records.len() + state.reserved < self.capacity / 2;
        !self.linger.is_zero() && roomy && matches!(state.phase, Phase::Open)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self) -> Result<(), Error> {
        match &self.phase {
            Phase::Open => Ok(()),
            Phase::Closed => Err(Error::new(ErrorKind::Closed, "the ledger is closed")),
            Phase::Failed(reason) => Err(poisoned(reason)),
        }
    }

    /// Takes all that waits.
    fn batch(&mut self, sync: bool) -> Batch {
        let records = std::mem::take(&mut self.records);
        self.bytes = 0;
        self.writing = records.len();
        Batch { records, sync }
    }

    fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Closed) && self.reserved == 0
    }
}

fn poisoned(reason: &str) -> Error {
    Error::new(ErrorKind::Poisoned, "the ledger cannot be written").with_source(reason)
}
