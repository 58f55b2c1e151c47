use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use mcpo2_core::Principal;

/// What callers have used of their rates. It stays when the configuration changes.
///
/// Of each caller and class it keeps one moment: when all that was used will have come back (the
/// generic cell rate algorithm, ITU-T I.371). A moment that is past says nothing, and goes.
pub struct Buckets {
    /// By a keyed hash of caller and class: nobody can find two that share one.
    due: Mutex<Due>,
    hasher: RandomState,
    most: usize,
}

#[derive(Debug)]
struct Due {
    moments: HashMap<u64, Instant>,
    /// When those that are past were taken out.
    swept: Option<Instant>,
}

/// How often, and how much ahead of that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) every: Duration,
    pub(super) ahead: Duration,
}

/// A class that has no token for a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused<'a> {
    pub(super) class: &'a str,
    pub(super) retry: Duration,
}

/// How many callers and classes are known at once, and how long one waits for room.
const MOST: usize = 1 << 16;
const SWEEP: Duration = Duration::from_secs(1);

impl Default for Buckets {
    fn default() -> Self {
        Self::for_at_most(MOST)
    }
}

impl Buckets {
    /// Room for so many callers and classes at once. Where there is none, calls of others that
    /// would have to keep to a rate are refused.
    #[must_use]
    pub fn for_at_most(most: usize) -> Self {
        let due = Due {
            moments: HashMap::new(),
            swept: None,
        };
        Self {
            due: Mutex::new(due),
            hasher: RandomState::new(),
            most,
        }
    }

    /// Takes a token of each class, or of none.
    pub(super) fn take<'a>(
        &self,
        principal: &Principal,
        classes: &[(&'a str, Rate)],
        now: Instant,
    ) -> Result<(), Refused<'a>> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = 0;
        for (class, rate) in classes {
            let known = due.moments.get(&self.key(principal, class)).copied();
            new += usize::from(known.is_none());
            let next = known.unwrap_or(now).max(now);
            let ahead = next.duration_since(now);
            if ahead > rate.ahead {
                let retry = ahead.saturating_sub(rate.ahead);
                return Err(Refused { class, retry });
            }
        }
        if !due.has_room(new, self.most, now) {
            let class = classes.first().map_or("", |(class, _)| class);
            let retry = SWEEP;
            return Err(Refused { class, retry });
        }
        for (class, rate) in classes {
            let moment = due.moments.entry(self.key(principal, class)).or_insert(now);
            *moment = (*moment).max(now) + rate.every;
        }
        Ok(())
    }

    fn key(&self, principal: &Principal, class: &str) -> u64 {
        self.hasher
            .hash_one((principal.tenant(), principal.id(), class))
    }
}

impl Due {
    fn has_room(&mut self, new: usize, most: usize, now: Instant) -> bool {
        if self.moments.len().saturating_add(new) > most {
            self.sweep(now);
        }
        new == 0 || self.moments.len().saturating_add(new) <= most
    }

    /// Takes out what is past, at most once in a while: it looks at all.
    fn sweep(&mut self, now: Instant) {
        let is_due = |swept: Instant| now.saturating_duration_since(swept) >= SWEEP;
        if self.swept.is_none_or(is_due) {
            self.swept = Some(now);
            self.moments.retain(|_, moment| *moment > now);
        }
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use mcpo2_core::AuthMethod;

    use super::*;

    const SLOW: Rate = Rate {
        every: Duration::from_secs(1),
        ahead: Duration::from_secs(2),
    };
    const FAST: Rate = Rate {
        every: Duration::from_millis(100),
        ahead: Duration::from_millis(900),
    };

    fn principal(id: &str) -> Principal {
        Principal::new(
            "acme".parse().unwrap(),
            id.parse().unwrap(),
            AuthMethod::Host,
        )
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let (buckets, ada, start) = (Buckets::default(), principal("ada"), Instant::now());
        let take = |at: u64| {
            let now = start + Duration::from_millis(at);
            buckets
                .take(&ada, &[("slow", SLOW)], now)
                .map_err(|no| no.retry)
        };
        assert_eq!([take(0), take(0), take(0)], [Ok(()); 3]);
        assert_eq!(take(0), Err(Duration::from_secs(1)));
        assert_eq!(take(999), Err(Duration::from_millis(1)));
        assert_eq!(take(1000), Ok(()));
        assert_eq!(take(1000), Err(Duration::from_secs(1)));
        // After a long time there is one burst, and no more.
        assert_eq!([take(60_000), take(60_000), take(60_000)], [Ok(()); 3]);
        assert!(take(60_000).is_err());
    }

    #[test]
    fn of_several_classes_all_are_taken_or_none() {
        let (buckets, ada, now) = (Buckets::default(), principal("ada"), Instant::now());
        let both = [("fast", FAST), ("slow", SLOW)];
        for _ in 0..3 {
            buckets.take(&ada, &both, now).unwrap();
        }
        for _ in 0..20 {
            assert_eq!(buckets.take(&ada, &both, now).unwrap_err().class, "slow");
        }
        // Ten at once, of which three were taken.
        for _ in 0..7 {
            buckets.take(&ada, &[("fast", FAST)], now).unwrap();
        }
        assert!(buckets.take(&ada, &[("fast", FAST)], now).is_err());
        buckets.take(&principal("ben"), &both, now).unwrap();
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_past_goes() {
        let (buckets, now) = (Buckets::for_at_most(100), Instant::now());
        let take = |id: usize, now| {
            let id = principal(&id.to_string());
            buckets.take(&id, &[("slow", SLOW)], now).is_ok()
        };
        assert!((0..100).all(|id| take(id, now)));
        assert!(!take(100, now));
        assert!(take(0, now), "who is known needs no room");
        let later = now + Duration::from_secs(2);
        assert!((100..200).all(|id| take(id, later)));
        assert_eq!(buckets.due.lock().unwrap().moments.len(), 100);
    }
}
