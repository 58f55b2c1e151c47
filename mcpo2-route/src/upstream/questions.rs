use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use mcpo2_core::Message;
use tokio::time::Instant;

/// What a module has asked its client on one link, as far as the time of its answers depends on
/// it: while people think, a module has nothing to say.
#[derive(Debug, Default)]
pub(crate) struct Questions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: usize,
    answered: Option<Instant>,
}

impl Questions {
    /// The module asks.
    pub(crate) fn asked(&self) {
        let mut state = self.lock();
        state.open = state.open.saturating_add(1);
    }

    /// A message goes to the module, an answer perhaps.
    pub(crate) fn sent(&self, message: &Bytes) {
        if let Ok(Message::Response(_)) = Message::parse(message.clone()) {
            let mut state = self.lock();
            state.open = state.open.saturating_sub(1);
            state.answered = Some(Instant::now());
        }
    }

    /// Whether the module may be silent for longer than `idle`: since it waits, or has waited
    /// until a moment ago.
    pub(crate) fn excuse(&self, idle: Duration) -> bool {
        let state = self.lock();
        let lately = |at: Instant| at.elapsed() < idle;
        state.open > 0 || state.answered.is_some_and(lately)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
