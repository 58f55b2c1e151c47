use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use mcpo2_verify::Hash;

use crate::{Error, queue::poisoned};

/// Where a record stands once it is safe: what a receipt is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The number of the record.
    pub seq: u64,
    /// The hash of its leaf in the tree.
    pub leaf: Hash,
    /// The size of the tree of the first checkpoint that covers it.
    pub size: u64,
}

/// Waits until a record is safe from a power failure, under a signed checkpoint.
///
/// Dropping it takes nothing back.
#[derive(Debug)]
#[must_use = "nothing waits for the record unless this is awaited"]
pub struct Commit(Arc<Mutex<State>>);

/// What the writer tells of it.
#[derive(Debug)]
pub(crate) struct Notice(Arc<Mutex<State>>);

#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    Done(Committed),
    Failed(Arc<str>),
}

/// A commit, and what ends its waiting.
pub(crate) fn pair() -> (Notice, Commit) {
    let state = Arc::new(Mutex::new(State::Waiting(None)));
    (Notice(Arc::clone(&state)), Commit(state))
}

impl Future for Commit {
    type Output = Result<Committed, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *lock(&self.0) {
            State::Waiting(waker) => {
                match waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            State::Done(committed) => Poll::Ready(Ok(*committed)),
            State::Failed(reason) => Poll::Ready(Err(poisoned(reason))),
        }
    }
}

impl Notice {
    pub(crate) fn done(self, committed: Committed) {
        self.end(State::Done(committed));
    }

    pub(crate) fn fail(self, reason: &Arc<str>) {
        self.end(State::Failed(Arc::clone(reason)));
    }

    fn end(&self, state: State) {
        let before = std::mem::replace(&mut *lock(&self.0), state);
        match before {
            State::Waiting(Some(waker)) => waker.wake(),
            State::Waiting(None) => {}
            // The first word stands.
            ended => *lock(&self.0) = ended,
        }
    }
}

impl Drop for Notice {
    /// Nobody waits for a writer that is gone.
    fn drop(&mut self) {
        if matches!(&*lock(&self.0), State::Waiting(_)) {
            self.end(State::Failed("the record was not written".into()));
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
