use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use mcpo2_core::{Error, ErrorKind, Frame, Id};

use super::mailbox::Mailbox;
use crate::upstream::{
    fault,
    mint::{Key, Outgoing},
};

/// How many messages may wait for one caller to read them.
const WAITING: usize = 1024;

/// The calls that a link has under way, by the ids that the module knows them by.
#[derive(Debug)]
pub(super) struct Table {
    /// Bytes of one answer.
    max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: HashMap<Key, Call>,
    tokens: HashMap<Key, Key>,
    entered: u64,
    closed: bool,
}

#[derive(Debug)]
struct Call {
    out: Arc<Outgoing>,
    inbox: Arc<Mailbox>,
    seat: u64,
    received: usize,
}

/// A call's place in the table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// Tells it from a later call of the same id.
    pub(super) seat: u64,
    pub(super) inbox: Arc<Mailbox>,
}

/// Which call a message belongs to.
#[derive(Debug)]
pub(super) enum To<'a> {
    /// The one that reports progress under this token.
    Token(&'a Key),
    /// The one with this id.
    Id(&'a Key),
    /// The only one under way.
    Only,
    /// The latest of those under way.
    Newest,
}

/// What became of a message.
#[derive(Debug)]
pub(super) enum Delivery {
    Done,
    /// Nobody waits for it.
    Nobody,
    /// It was too much, and the call is over.
    TooMuch(Id),
}

impl Table {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            state: Mutex::default(),
        }
    }

    /// Makes room for a call.
    pub(super) fn enter(&self, out: &Arc<Outgoing>) -> Result<Entry, Error> {
        let mut state = self.lock();
        if state.closed {
            return Err(fault::unavailable("the link is closed"));
        }
        let key = Key::of(out.id());
        if state.calls.contains_key(&key) {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "a request with this id is under way",
            ));
        }
        state.entered += 1;
        let seat = state.entered;
        let inbox = Arc::new(Mailbox::new(WAITING, self.max));
        let call = Call {
            out: Arc::clone(out),
            inbox: Arc::clone(&inbox),
            seat,
            received: 0,
        };
        if let Some(token) = out.token() {
            state.tokens.insert(token.clone(), key.clone());
        }
        state.calls.insert(key.clone(), call);
        Ok(Entry { key, seat, inbox })
    }

    /// Takes a call out; false where it was out already.
    pub(super) fn leave(&self, entry: &Entry) -> bool {
        let mut state = self.lock();
        let here = state.calls.get(&entry.key);
        let here = here.is_some_and(|call| call.seat == entry.seat);
        if here {
            state.remove(&entry.key);
        }
        here
    }

    /// Hands a call its answer.
    pub(super) fn answer(&self, key: &Key, text: impl FnOnce(&Outgoing) -> Bytes) -> Delivery {
        let Some(call) = self.lock().remove(key) else {
            return Delivery::Nobody;
        };
        let text = text(&call.out);
        let end = match call.received.saturating_add(text.len()) > self.max {
            true => Err(fault::too_large("over the bytes of one answer")),
            false => Ok(Some(Frame::new(text))),
        };
        call.inbox.finish(end);
        Delivery::Done
    }

    /// Hands a call a message on the way to its answer, where there is one for it.
    pub(super) fn deliver(
        &self,
        to: &To<'_>,
        text: impl FnOnce(&Outgoing) -> Option<Bytes>,
    ) -> Delivery {
        let mut state = self.lock();
        let Some(key) = state.find(to) else {
            return Delivery::Nobody;
        };
        let Some(call) = state.calls.get_mut(&key) else {
            return Delivery::Nobody;
        };
        let Some(text) = text(&call.out) else {
            return Delivery::Nobody;
        };
        call.received = call.received.saturating_add(text.len());
        if call.received > self.max && !call.out.is_endless() {
            let id = call.out.id().clone();
            let error = fault::too_large("over the bytes of one answer");
            call.inbox.finish(Err(error));
            state.remove(&key);
            return Delivery::TooMuch(id);
        }
        let lost = call.inbox.push(Frame::new(text));
        drop(state);
        if lost > 0 {
            tracing::warn!(
                lost,
                "a caller reads too slowly, messages to it are dropped"
            );
        }
        Delivery::Done
    }

    /// Ends all calls, and takes no more.
    pub(super) fn close(&self, reason: &str) {
        let calls = {
            let mut state = self.lock();
            state.closed = true;
            state.tokens.clear();
            std::mem::take(&mut state.calls)
        };
        for call in calls.into_values() {
            let error = fault::unavailable(reason);
            call.inbox.finish(Err(error));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, key: &Key) -> Option<Call> {
        let call = self.calls.remove(key)?;
        if let Some(token) = call.out.token()
            && self.tokens.get(token) == Some(key)
        {
            self.tokens.remove(token);
        }
        Some(call)
    }

    fn find(&self, to: &To<'_>) -> Option<Key> {
        match to {
            To::Token(token) => self.tokens.get(token).cloned(),
            To::Id(key) => Some((*key).clone()),
            To::Only if self.calls.len() == 1 => self.calls.keys().next().cloned(),
            To::Only => None,
            To::Newest => {
                let newest = self.calls.iter().max_by_key(|(_, call)| call.seat);
                newest.map(|(key, _)| key.clone())
            }
        }
    }
}
