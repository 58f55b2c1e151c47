use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::bridge::tasks::Told;

/// A task that nobody asks for is kept for this long, whatever the module says, and one that has
/// ended for so long after that was told.
const KEPT: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(600));

/// No task is kept for longer.
const MOST: Duration = Duration::from_secs(24 * 3600);

/// How long a task is kept: as long as its module keeps it, while somebody asks for it.
pub(super) struct Lease {
    born: Instant,
    kept: Mutex<Kept>,
}

#[derive(Clone, Copy)]
struct Kept {
    until: Instant,
    ended: bool,
}

impl Lease {
    /// The lease of a task that was just made.
    pub(super) fn of(task: &Told<'_>) -> Self {
        let born = Instant::now();
        let kept = Kept {
            until: born,
            ended: false,
        };
        let lease = Self {
            born,
            kept: Mutex::new(kept),
        };
        lease.extend(task);
        lease
    }

    /// Keeps it on: its client asked, and is told this.
    pub(super) fn extend(&self, task: &Told<'_>) {
        let (unasked, ended) = KEPT;
        let now = Instant::now();
        let most = self.born + task.ttl().unwrap_or(MOST).min(MOST);
        let is_over = task.status.is_terminal();
        let mut kept = self.lock();
        let was_told = std::mem::replace(&mut kept.ended, is_over);
        kept.until = match (is_over, was_told) {
            (true, true) => kept.until,
            (true, false) => most.min(now + ended),
            (false, _) => most.min(now + unasked),
        };
    }

    /// Until when it is kept.
    pub(super) fn until(&self) -> Instant {
        self.lock().until
    }

    /// How long that is from when it was made.
    pub(super) fn ttl(&self) -> Duration {
        self.until().saturating_duration_since(self.born)
    }

    /// Whether its client knows that it has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: &str, ttl: &str) -> String {
        format!(r#"{{"taskId":"t","status":"{status}","ttl":{ttl}}}"#)
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_is_kept_while_somebody_asks_and_no_longer_than_its_module_keeps_it() {
        let at = |lease: &Lease| lease.ttl().as_secs();
        let working = told("working", "null");
        let working = Told::read(working.as_bytes()).unwrap();
        let lease = Lease::of(&working);
        assert_eq!(at(&lease), 3600);
        tokio::time::advance(Duration::from_secs(1000)).await;
        lease.extend(&working);
        assert_eq!(at(&lease), 4600);
        let short = told("input_required", "2000000");
        lease.extend(&Told::read(short.as_bytes()).unwrap());
        assert_eq!((at(&lease), lease.has_ended()), (2000, false));

        // The end is told once, however often it is asked for.
        let done = told("completed", "null");
        let done = Told::read(done.as_bytes()).unwrap();
        for _ in 0..2 {
            lease.extend(&done);
            assert_eq!((at(&lease), lease.has_ended()), (1600, true));
            tokio::time::advance(Duration::from_secs(100)).await;
        }
    }
}
