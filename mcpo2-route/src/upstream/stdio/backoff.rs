use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// When a module that failed may start again.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    not_before: Option<Instant>,
}

impl Backoff {
    /// How long the next start has to wait.
    pub(super) fn delay(&self) -> Option<Duration> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let left = state.not_before?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// A start that did not work.
    pub(super) fn failed(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let delay = FIRST
            .saturating_mul(2_u32.saturating_pow(state.failures))
            .min(LONGEST);
        state.failures = state.failures.saturating_add(1);
        state.not_before = Some(Instant::now() + delay);
    }

    /// A child that ended unasked after such a life: a long one was a success before.
    pub(super) fn ended(&self, life: Duration) {
        if life >= LONGEST {
            self.recovered();
        }
        self.failed();
    }

    /// A child that worked to its end.
    pub(super) fn recovered(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_half_a_minute() {
        let backoff = Backoff::default();
        assert_eq!(backoff.delay(), None);
        let mut waits = Vec::new();
        for _ in 0..7 {
            backoff.failed();
            let delay = backoff.delay().unwrap();
            waits.push(delay.as_secs());
            advance(delay).await;
            assert_eq!(backoff.delay(), None);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        backoff.ended(LONGEST);
        assert_eq!(backoff.delay(), Some(FIRST));
    }
}
