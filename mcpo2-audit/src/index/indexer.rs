use std::{
    io, panic,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    Error, Index, Source,
    follow::{BATCH, count, next, of_source},
};

/// How long rows may gather before they are put in.
const GATHER: Duration = Duration::from_millis(50);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Follows a ledger into an index, on a thread of its own: up to 1,000 rows at once, and those
/// that are there every 50 ms.
///
/// What goes wrong it tries again, after a pause that grows to 10 s; [`Indexer::status`] says so.
/// Dropping it ends the thread, once the rows in its hands are in; [`Indexer::leave`] does not wait.
/// The index is dropped on its thread, where it is not asked back.
#[derive(Debug)]
pub struct Indexer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Option<Box<dyn Index>>>>,
}

/// Sees how far an [`Indexer`] has come, from anywhere, and when it has ended as well.
#[derive(Debug, Clone)]
pub struct Observer(Arc<Shared>);

impl Observer {
    /// How far it has come.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.lock().status.clone()
    }
}

/// How far an [`Indexer`] has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The number of the newest row that is in the index.
    pub last: Option<u64>,
    /// The number of the newest record, where the source says so.
    pub head: Option<u64>,
    /// How many rows it has put in.
    pub rows: u64,
    /// How often it has failed since it last did not.
    pub failures: u32,
    /// Why it failed last, while it does.
    pub error: Option<String>,
}

impl Status {
    /// How many records are not in the index yet, where the source says how many there are.
    #[must_use]
    pub fn behind(&self) -> Option<u64> {
        let records = self.head?.saturating_add(1);
        let rows = self.last.map_or(0, |last| last.saturating_add(1));
        Some(records.saturating_sub(rows))
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ends: Option<End>,
    status: Status,
}

/// What becomes of the index in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    GiveBack,
    Drop,
}

impl Indexer {
    /// Begins to follow.
    ///
    /// To query the index meanwhile, open it a second time.
    ///
    /// # Errors
    ///
    /// Where the system gives no thread.
    pub fn spawn(index: Box<dyn Index>, source: impl Source + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let follower = Follower {
            index,
            source: Box::new(source),
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new()
            .name("mcpo2-index".into())
            .spawn(move || follower.run())?;
        let thread = Some(thread);
        Ok(Self { shared, thread })
    }

    /// How far it has come.
    #[must_use]
    pub fn status(&self) -> Status {
        self.observer().status()
    }

    /// Who sees that while this is elsewhere.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer(Arc::clone(&self.shared))
    }

    /// Waits until the row of this number is in the index, and says whether it is.
    #[must_use]
    pub fn wait_for(&self, seq: u64, at_most: Duration) -> bool {
        let is_in = |state: &mut State| state.status.last >= Some(seq);
        self.shared.wait(at_most, is_in)
    }

    /// Ends it, once the rows in its hands are in, and gives the index back.
    ///
    /// # Panics
    ///
    /// Where the index or the source panicked.
    #[must_use]
    pub fn stop(mut self) -> Option<Box<dyn Index>> {
        let ended = self.end(End::GiveBack)?.join();
        ended.unwrap_or_else(|reason| panic::resume_unwind(reason))
    }

    /// Ends it, and does not wait: an index that does not answer may take its time.
    pub fn leave(mut self) {
        drop(self.end(End::Drop));
    }

    fn end(&mut self, end: End) -> Option<JoinHandle<Option<Box<dyn Index>>>> {
        let thread = self.thread.take()?;
        self.shared.lock().ends = Some(end);
        self.shared.changed.notify_all();
        Some(thread)
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        // What panicked there has been said there.
        drop(self.end(End::Drop).map(JoinHandle::join));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is so, and says whether it is.
    fn wait(&self, at_most: Duration, mut is_so: impl FnMut(&mut State) -> bool) -> bool {
        let until = Instant::now().checked_add(at_most);
        let mut state = self.lock();
        loop {
            if is_so(&mut state) {
                return true;
            }
            let left = until.map_or(at_most, |until| {
                until.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock().status);
        self.changed.notify_all();
    }
}

struct Follower {
    index: Box<dyn Index>,
    source: Box<dyn Source>,
    shared: Arc<Shared>,
}

impl Follower {
    fn run(mut self) -> Option<Box<dyn Index>> {
        // What is not known is asked: at the start, and after each failure.
        let mut known = None;
        let mut failures = 0_u32;
        let ends = |state: &mut State| state.ends.is_some();
        loop {
            let pause = match self.step(known) {
                Ok((after, full)) => {
                    (known, failures) = (Some(after), 0);
                    if full { Duration::ZERO } else { GATHER }
                }
                Err(error) => {
                    self.failed(&error);
                    let pause = FIRST_PAUSE.saturating_mul(1 << failures.min(10));
                    (known, failures) = (None, failures.saturating_add(1));
                    pause.min(LONGEST_PAUSE)
                }
            };
            if self.shared.wait(pause, ends) {
                let is_asked = self.shared.lock().ends == Some(End::GiveBack);
                return is_asked.then_some(self.index);
            }
        }
    }

    /// Puts in the next rows. Returns how far it is, and whether more may be there at once.
    fn step(&mut self, known: Option<Option<u64>>) -> Result<(Option<u64>, bool), Error> {
        let after = match known {
            Some(after) => after,
            None => self.index.last_indexed()?,
        };
        let batch = next(&mut *self.source, after)?;
        let (rows, last) = match batch {
            Some((rows, last)) => (rows, Some(last)),
            None => (Vec::new(), after),
        };
        if !rows.is_empty() {
            self.index.apply(&rows)?;
        }
        let head = self.source.head().map_err(of_source)?;
        self.shared.update(|status| {
            if status.failures > 0 {
                tracing::info!("the audit index goes on");
            }
            status.last = last;
            status.head = head;
            status.rows = status.rows.saturating_add(count(&rows));
            status.failures = 0;
            status.error = None;
        });
        Ok((last, rows.len() >= BATCH))
    }

    fn failed(&mut self, error: &Error) {
        let cause = crate::text::chain(error, 1024);
        // How far it lags is of interest then.
        let head = self.source.head().ok().flatten();
        self.shared.update(|status| {
            status.head = head.or(status.head);
            status.failures = status.failures.saturating_add(1);
            if status.failures == 1 {
                tracing::warn!(%cause, "the audit index lags");
            }
            status.error = Some(cause.into());
        });
    }
}
