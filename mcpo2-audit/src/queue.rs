//! What stands between the calls and the thread that writes.

mod state;

use state::{Phase, Sleep, State};

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    Error, ErrorKind, Head,
    commit::Notice,
    prepared::{Group, Prepared},
};

/// How many bytes may wait before no further place is given.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// How long records that nobody waits for may gather before they are written.
const LINGER: Duration = Duration::from_millis(50);

/// The state of a ledger, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The last record that was written, and is safe.
    pub head: Head,
    /// How many records wait to be written.
    pub waiting: usize,
    /// How many places are reserved, for calls under way.
    pub reserved: usize,
    /// How many records were lost because writing failed; each was refused or had its call end
    /// after the failure.
    pub lost: u64,
    /// How many groups were written, each with one sync and one checkpoint.
    pub groups: u64,
    /// Whether the disk is too full to take further calls.
    pub full: bool,
}

#[derive(Debug)]
pub(crate) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
}

/// What the writer is to do next.
#[derive(Debug)]
pub(crate) enum Work {
    /// Write these, sync, and say so.
    Group(Group),
    /// Nothing was to be written for some time.
    Idle,
    /// Nothing will come any more.
    End,
    /// Nothing may be written any more.
    Failed,
}

impl Queue {
    pub(crate) fn new(capacity: usize, head: Head) -> Self {
        Self {
            capacity,
            state: Mutex::new(State::new(head)),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }

    /// Keeps a place for one record.
    pub(crate) fn reserve(&self) -> Result<(), Error> {
        let mut state = self.lock();
        state.check()?;
        let used = state.waiting.count() + state.writing + state.reserved;
        if used >= self.capacity || state.waiting.bytes() >= MAX_BYTES {
            return Err(Error::new(ErrorKind::Full, "the ledger is full"));
        }
        state.reserved += 1;
        Ok(())
    }

    /// Puts a record into the place that was kept for it.
    pub(crate) fn fill(&self, record: Prepared) {
        let mut state = self.lock();
        state.reserved = state.reserved.saturating_sub(1);
        if let Phase::Failed(reason) = &state.phase {
            record.notice.into_iter().for_each(|it| it.fail(reason));
            state.counts.lost += 1;
            return;
        }
        state.counts.pushed += 1;
        if record.notice.is_some() {
            state.counts.wanted = state.counts.pushed;
        }
        state.waiting.push(record);
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

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let wakes = match state.sleep {
            Sleep::Awake => false,
            Sleep::Lingering => state.is_urgent(self.capacity),
            Sleep::Idle => true,
        };
        if wakes {
            state.sleep = Sleep::Awake;
            drop(state);
            self.work.notify_one();
        }
    }

    /// Waits until all that was put in is safe.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        let mut state = self.lock();
        let ticket = state.counts.pushed;
        state.counts.wanted = state.counts.wanted.max(ticket);
        self.work.notify_one();
        loop {
            if let Phase::Failed(reason) = &state.phase {
                return Err(poisoned(reason));
            }
            if state.counts.synced >= ticket {
                return Ok(());
            }
            state.counts.flushing = true;
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
        self.work.notify_one();
        state.reserved == 0
    }

    /// Lets the writer look for what else there is to do.
    pub(crate) fn rouse(&self) {
        self.lock().roused = true;
        self.work.notify_one();
    }

    /// Whether the writer ended as it should.
    pub(crate) fn check_ended(&self) -> Result<(), Error> {
        match &self.lock().phase {
            Phase::Failed(reason) => Err(poisoned(reason)),
            _ => Ok(()),
        }
    }

    /// Why no record is taken, if none is.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.lock().check()
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.lock();
        Stats {
            head: state.head,
            waiting: state.waiting.count() + state.writing,
            reserved: state.reserved,
            lost: state.counts.lost,
            groups: state.counts.groups,
            full: state.full,
        }
    }

    /// For the writer: waits for work, for this long at most.
    pub(crate) fn take(&self, patience: Duration) -> Work {
        let mut state = self.lock();
        let begun = Instant::now();
        let mut lingers = None;
        loop {
            if let Phase::Failed(_) = state.phase {
                return Work::Failed;
            }
            if std::mem::take(&mut state.roused) {
                return Work::Idle;
            }
            let left = match state.waiting.count() {
                1.. if state.is_urgent(self.capacity) => return Work::Group(state.group()),
                1.. => {
                    let since = lingers.get_or_insert_with(Instant::now);
                    LINGER.saturating_sub(since.elapsed()) + begun.elapsed()
                }
                0 if state.is_ending() => {
                    state.phase = Phase::Ended;
                    return Work::End;
                }
                0 => patience,
            };
            let Some(left) = left.checked_sub(begun.elapsed()) else {
                return match state.waiting.count() {
                    0 => state.idle(),
                    1.. => Work::Group(state.group()),
                };
            };
            state.sleep = match state.waiting.count() {
                0 => Sleep::Idle,
                1.. => Sleep::Lingering,
            };
            let waited = self.work.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.sleep = Sleep::Awake;
        }
    }

    /// For the writer: what it took is written and safe.
    pub(crate) fn done(&self, head: Head, group: Group) {
        let mut state = self.lock();
        state.writing = 0;
        state.head = head;
        state.counts.groups += 1;
        let waiting = u64::try_from(state.waiting.count()).unwrap_or_default();
        state.counts.synced = state.counts.pushed.saturating_sub(waiting);
        state.waiting.reuse(group);
        // To wake somebody is a call of the system, whether anybody sleeps or not.
        if std::mem::take(&mut state.counts.flushing) {
            self.done.notify_all();
        }
    }

    /// For the writer: it wrote something of its own.
    pub(crate) fn moved(&self, head: Head) {
        self.lock().head = head;
    }

    /// For the writer: whether the disk has room for more than what is under way.
    pub(crate) fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// For the writer: nothing can be written any more.
    pub(crate) fn fail(&self, reason: &str) {
        let mut state = self.lock();
        if let Phase::Failed(_) = state.phase {
            return;
        }
        let reason: Arc<str> = reason.into();
        let lost = state.waiting.count() + state.writing;
        let groups = std::mem::take(&mut state.waiting).into_groups();
        state.counts.lost += u64::try_from(lost).unwrap_or_default();
        state.writing = 0;
        state.phase = Phase::Failed(Arc::clone(&reason));
        self.done.notify_all();
        self.work.notify_all();
        drop(state);
        let notices = groups.into_iter().flat_map(Group::into_notices);
        notices.for_each(|notice: Notice| notice.fail(&reason));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn poisoned(reason: &str) -> Error {
    Error::new(ErrorKind::Poisoned, "the ledger cannot be written").with_source(reason)
}
