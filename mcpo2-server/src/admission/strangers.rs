use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use mcpo2_audit::{Reject, Source};

/// Refusals of nobody known: some have a record of their own, and of the rest the ledger has the
/// number, so that a flood neither fills the disk nor goes uncounted.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    bucket: Option<Bucket>,
    /// Bounded: what a reason and a transport may be is written in this program.
    counted: BTreeMap<Kind, u64>,
}

type Kind = (Cow<'static, str>, Cow<'static, str>, Option<u16>);

/// How many records there may be.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u64,
    filled: Instant,
}

const MOST: u64 = 200;
const PER_SECOND: u64 = 10;

impl Strangers {
    /// Whether this one has a record of its own. If not, it is counted.
    pub(crate) fn admits(&self, reject: &Reject, now: Instant) -> bool {
        let mut state = self.state();
        let bucket = state.bucket.get_or_insert(Bucket {
            left: MOST,
            filled: now,
        });
        if bucket.spend(now) {
            return true;
        }
        let kind = (
            reject.transport.clone(),
            reject.reason.clone(),
            reject.status,
        );
        *state.counted.entry(kind).or_default() += 1;
        false
    }

    /// One record for each kind that was counted since the last time.
    pub(crate) fn take(&self) -> Vec<Reject> {
        let counted = std::mem::take(&mut self.state().counted);
        let reject = |((transport, reason, status), count): (Kind, u64)| {
            let reject = Reject::new(Source::new(transport), reason).with_count(count);
            match status {
                Some(status) => reject.with_status(status),
                None => reject,
            }
        };
        counted.into_iter().map(reject).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn spend(&mut self, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.filled).as_secs();
        if seconds > 0 {
            self.filled = now;
            let earned = seconds.saturating_mul(PER_SECOND);
            self.left = self.left.saturating_add(earned).min(MOST);
        }
        let rest = self.left.checked_sub(1);
        self.left = rest.unwrap_or_default();
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn of_a_flood_some_are_recorded_and_all_are_counted() {
        let strangers = Strangers::default();
        let now = Instant::now();
        let reject =
            |reason: &'static str| Reject::new(Source::new("http"), reason).with_status(401);
        let flood = |reason, now| {
            (0..1000)
                .filter(|_| strangers.admits(&reject(reason), now))
                .count()
        };
        assert_eq!(flood("a", now), 200);
        assert_eq!(flood("b", now + Duration::from_secs(2)), 20);
        let taken = strangers.take();
        let taken: Vec<_> = taken
            .iter()
            .map(|r| (&*r.reason, r.status, r.count))
            .collect();
        assert_eq!(
            taken,
            [("a", Some(401), Some(800)), ("b", Some(401), Some(980))]
        );
        assert!(strangers.take().is_empty());
        assert_eq!(flood("a", now + Duration::from_secs(3600)), 200);
    }
}
