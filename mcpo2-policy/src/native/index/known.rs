use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::names::Patterns;
use arc_swap::ArcSwap;

/// How many names are known at most; of more, each is looked for every time.
const MOST: usize = 65_536;

/// The names of a catalogue, each with the patterns that match it.
///
/// They are those that lists brought, so that no caller can fill it. What is known of a name never
/// changes as long as the policy is there, and so is never stale.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Modules choose their names, and so must not be able to tell where they come to stand.
    names: ArcSwap<HashMap<Box<str>, Arc<[u32]>>>,
    learning: Mutex<()>,
}

impl Known {
    /// The patterns that match this name, if it is known.
    pub(super) fn of(&self, name: &str) -> Option<Patterns> {
        let names = self.names.load();
        let known = names.get(name)?;
        let mut patterns = Patterns::default();
        patterns.extend(known.iter().copied());
        Some(patterns)
    }

    /// Calls `with` with the patterns of each name, in order; `find` finds those of a name that
    /// was not known before.
    pub(super) fn each<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
        find: impl Fn(&str) -> Arc<[u32]>,
        mut with: impl FnMut(&[u32]),
    ) {
        let known = self.names.load();
        let mut new = Vec::new();
        for name in names {
            match known.get(name) {
                Some(patterns) => with(patterns),
                None => {
                    let patterns = find(name);
                    with(&patterns);
                    new.push((name, patterns));
                }
            }
        }
        if !new.is_empty() {
            self.learn(new);
        }
    }

    fn learn(&self, new: Vec<(&str, Arc<[u32]>)>) {
        let _one = self.learning.lock().unwrap_or_else(PoisonError::into_inner);
        // Where there is no room, a module that lists other names each time must not cost a copy of
        // all that are known.
        if self.names.load().len() >= MOST {
            return;
        }
        let mut names = HashMap::clone(&self.names.load());
        for (name, patterns) in new {
            if names.len() < MOST {
                names.insert(name.into(), patterns);
            }
        }
        self.names.store(Arc::new(names));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_bounded_and_a_full_table_is_not_copied() {
        let known = Known::default();
        let all = |names: &[String]| {
            let mut seen = 0;
            let names = names.iter().map(String::as_str);
            known.each(names, |_| Arc::from([7]), |patterns| seen += patterns.len());
            seen
        };
        let names: Vec<String> = (0..MOST + 10).map(|at| at.to_string()).collect();
        assert_eq!(all(&names), names.len());
        let full = known.names.load_full();
        assert_eq!(full.len(), MOST);
        assert_eq!(all(&["another".to_owned()]), 1);
        assert!(Arc::ptr_eq(&full, &known.names.load_full()));
        assert!(known.of("another").is_none() && known.of("0").is_some());
    }
}
