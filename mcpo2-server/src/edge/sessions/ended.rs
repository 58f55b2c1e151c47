use std::{
    collections::{HashMap, VecDeque},
    time::SystemTime,
};

use super::table::Key;

/// More than this many are not remembered. The oldest goes first, and whoever has its id can go on
/// with it until it expires.
const MOST: usize = 65_536;

/// The sessions that have ended although their ids would still hold.
#[derive(Debug, Default)]
pub(super) struct Ended {
    expires: HashMap<Key, SystemTime>,
    order: VecDeque<Key>,
}

impl Ended {
    pub(super) fn contains(&self, key: &Key) -> bool {
        self.expires.contains_key(key)
    }

    pub(super) fn insert(&mut self, key: Key, expires: SystemTime) {
        if self.expires.insert(key, expires).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.expires.remove(&oldest);
        }
    }

    /// Forgets those whose ids hold no more.
    pub(super) fn forget_expired(&mut self, now: SystemTime) {
        self.expires.retain(|_, expires| *expires > now);
        self.order.retain(|key| self.expires.contains_key(key));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn nth(n: usize) -> Key {
        *blake3::hash(&n.to_be_bytes()).as_bytes()
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_is_forgotten_first() {
        let (mut ended, later) = (
            Ended::default(),
            SystemTime::now() + Duration::from_secs(60),
        );
        for n in 0..MOST + 2 {
            ended.insert(nth(n), later);
            ended.insert(nth(n), later);
        }
        assert_eq!(ended.order.len(), MOST);
        assert_eq!(ended.expires.len(), MOST);
        assert!(!ended.contains(&nth(0)) && !ended.contains(&nth(1)));
        assert!(ended.contains(&nth(2)) && ended.contains(&nth(MOST + 1)));
    }

    #[test]
    fn what_would_hold_no_more_is_forgotten() {
        let (mut ended, now) = (Ended::default(), SystemTime::now());
        ended.insert(nth(1), now);
        ended.insert(nth(2), now + Duration::from_secs(1));
        ended.forget_expired(now);
        assert!(!ended.contains(&nth(1)) && ended.contains(&nth(2)));
        assert_eq!(ended.order, [nth(2)]);
    }
}
