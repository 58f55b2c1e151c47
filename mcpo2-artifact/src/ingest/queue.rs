use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Error;

/// Jobs for several threads; a job may bring further ones. The last that came is done first, so
/// that few are waiting at once.
pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
}

struct State<J> {
    jobs: Vec<J>,
    busy: usize,
    stopped: bool,
}

impl<J> Queue<J> {
    pub(super) fn new(jobs: Vec<J>) -> Self {
        let state = State {
            jobs,
            busy: 0,
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(super) fn push(&self, jobs: impl IntoIterator<Item = J>) {
        self.lock().jobs.extend(jobs);
        self.changed.notify_all();
    }

    /// Does jobs until none is left and none is being done, or until one fails anywhere.
    pub(super) fn work(&self, mut job: impl FnMut(J) -> Result<(), Error>) -> Result<(), Error> {
        while let Some(next) = self.next() {
            let mut busy = Busy {
                queue: self,
                stops: true,
            };
            job(next)?;
            busy.stops = false;
        }
        Ok(())
    }

    fn next(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(job) = state.jobs.pop() {
                state.busy += 1;
                return Some(job);
            }
            if state.busy == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that does a job; dropped, it no longer does.
struct Busy<'a, J> {
    queue: &'a Queue<J>,
    stops: bool,
}

impl<J> Drop for Busy<'_, J> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.busy -= 1;
        state.stopped |= self.stops;
        if state.stopped || state.busy == 0 && state.jobs.is_empty() {
            self.queue.changed.notify_all();
        }
    }
}

/// Runs the same on this thread and on others beside, and gives what each gives.
pub(super) fn on_threads<T: Send>(
    threads: usize,
    run: impl Fn() -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(&run)).collect();
        let mine = run();
        let joined = others.into_iter().map(|other| {
            other
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        std::iter::once(mine)
            .chain(joined.collect::<Vec<_>>())
            .collect()
    })
}
