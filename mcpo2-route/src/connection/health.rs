use std::time::{Duration, Instant};

/// Whether a module is worth a call: after so many failures in a row it is asked no more for a
/// while, then by one call alone, and again by all once that was answered.
///
/// It takes the time, and does nothing else.
#[derive(Debug)]
pub(crate) struct Health {
    after: u32,
    failures: u32,
    pause: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Serving,
    Ejected { until: Instant },
    Probed,
}

/// What a call may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Go on, like all others.
    Pass,
    /// Go on, alone: how it ends decides.
    Probe,
    /// Be refused.
    Refused,
}

/// Why a call failed, where that tells something of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Unreachable,
    Timeout,
}

/// For how long a module is asked no more: first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(8));

impl Health {
    /// A module that is left alone after this many failures in a row; never, if it is 0.
    pub(crate) fn new(after: u32) -> Self {
        Self {
            after,
            failures: 0,
            pause: PAUSES.0,
            state: State::Serving,
        }
    }

    pub(crate) fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Serving => Admission::Pass,
            State::Ejected { until } if now >= until => {
                self.state = State::Probed;
                Admission::Probe
            }
            State::Ejected { .. } | State::Probed => Admission::Refused,
        }
    }

    /// Whether it is asked nothing now, not even by a probe.
    pub(crate) fn is_paused(&self, now: Instant) -> bool {
        matches!(self.state, State::Ejected { until } if now < until)
    }

    pub(crate) fn is_ejected(&self) -> bool {
        self.state != State::Serving
    }

    /// It answered something.
    pub(crate) fn answered(&mut self) {
        *self = Self::new(self.after);
    }

    /// It failed once more; how long it is asked no more, if this is why.
    pub(crate) fn failed(&mut self, now: Instant) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        let ejects = match self.state {
            State::Serving => self.after > 0 && self.failures >= self.after,
            State::Probed => true,
            // A call from before; the pause runs already.
            State::Ejected { .. } => false,
        };
        if !ejects {
            return None;
        }
        let pause = self.pause;
        self.pause = pause.saturating_mul(2).min(PAUSES.1);
        self.state = State::Ejected { until: now + pause };
        Some(pause)
    }

    /// The probe ended without an answer and without a fault of the module: another may follow.
    pub(crate) fn abandoned(&mut self, now: Instant) {
        if self.state == State::Probed {
            self.state = State::Ejected { until: now };
        }
    }
}

/// How many links may be opened anew in place of broken ones: one for five calls, and ten a
/// second beside that, so that a module that just came back is not run over by all its sessions.
#[derive(Debug)]
pub(crate) struct Budget {
    /// In fifths of a link.
    left: u64,
    filled: Instant,
}

const PER_LINK: u64 = 5;
const PER_SECOND: u64 = 10 * PER_LINK;
const MOST: u64 = 100 * PER_LINK;

impl Budget {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            left: MOST,
            filled: now,
        }
    }

    /// A call was made.
    pub(crate) fn earn(&mut self) {
        self.left = self.left.saturating_add(1).min(MOST);
    }

    /// Whether one more link may be opened anew.
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.filled).as_secs();
        if seconds > 0 {
            self.filled = now;
            let earned = seconds.saturating_mul(PER_SECOND);
            self.left = self.left.saturating_add(earned).min(MOST);
        }
        let rest = self.left.checked_sub(PER_LINK);
        self.left = rest.unwrap_or(self.left);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn failures_in_a_row_eject_and_one_probe_decides() {
        let start = Instant::now();
        let mut health = Health::new(3);
        assert_eq!(health.failed(start), None);
        assert_eq!(health.failed(start), None);
        health.answered();
        assert_eq!(health.failed(start), None);
        assert_eq!(health.failed(start), None);
        assert_eq!(health.failed(start), Some(Duration::from_secs(1)));
        assert_eq!(health.failed(start), None);
        assert_eq!(health.admit(start), Admission::Refused);
        assert!(health.is_paused(start) && !health.is_paused(after(start, 1)));
        assert_eq!(health.admit(after(start, 1)), Admission::Probe);
        assert_eq!(health.admit(after(start, 1)), Admission::Refused);
        health.answered();
        assert_eq!(health.admit(after(start, 1)), Admission::Pass);
    }

    #[test]
    fn pauses_double_up_to_their_bound() {
        let mut now = Instant::now();
        let mut health = Health::new(1);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let pause = health.failed(now).unwrap();
            pauses.push(pause.as_secs());
            now += pause;
            assert_eq!(health.admit(now), Admission::Probe);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 8, 8]);
    }

    #[test]
    fn a_probe_that_is_given_up_makes_room_for_another() {
        let start = Instant::now();
        let mut health = Health::new(1);
        health.failed(start).unwrap();
        let now = after(start, 1);
        assert_eq!(health.admit(now), Admission::Probe);
        health.abandoned(now);
        assert_eq!(health.admit(now), Admission::Probe);
    }

    #[test]
    fn who_wants_no_ejection_gets_none() {
        let start = Instant::now();
        let mut health = Health::new(0);
        assert!((0..1000).all(|_| health.failed(start).is_none()));
        assert_eq!(health.admit(start), Admission::Pass);
    }

    #[test]
    fn a_fifth_of_the_calls_may_open_a_link_anew() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let spent = |budget: &mut Budget, now| (0..1000).filter(|_| budget.spend(now)).count();
        assert_eq!(spent(&mut budget, start), 100);
        (0..50).for_each(|_| budget.earn());
        assert_eq!(spent(&mut budget, start), 10);
        assert_eq!(spent(&mut budget, after(start, 1)), 10);
        assert_eq!(spent(&mut budget, after(start, 3600)), 100);
    }
}
