use std::{
    fmt,
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// Says what time it is, so that tests and hosts can say it themselves.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time of day, as records show it.
    fn now(&self) -> Timestamp;

    /// The time since some moment in the past, by a clock that nobody sets: for durations.
    fn monotonic(&self) -> Duration;
}

/// The clocks of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}
