use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::Report;

/// So many names are remembered, and none that is longer.
const MOST: (usize, usize) = (4096, 128);

/// What the names of tools speak of, for those that came before: few names come again and again.
///
/// It only saves time: what is remembered is what would be found.
#[derive(Debug, Default)]
pub(crate) struct Names(RwLock<HashMap<Box<str>, Arc<Report>>>);

impl Names {
    pub(crate) fn get_or(&self, name: &str, find: impl FnOnce() -> Report) -> Arc<Report> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(name) {
            return Arc::clone(known);
        }
        drop(known);
        let found = Arc::new(find());
        let (names, length) = MOST;
        if name.len() <= length {
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            // Who makes names up can empty it, and no more.
            if known.len() >= names {
                known.clear();
            }
            known.insert(name.into(), Arc::clone(&found));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn what_is_remembered_is_what_would_be_found_and_there_is_an_end_to_it() {
        let rules = Config::builtin().compile().unwrap();
        let names = Names::default();
        for round in 0..2 {
            for name in ["scan_secrets", "add", "findVulnerabilities"] {
                let found = names.get_or(name, || {
                    assert_eq!(round, 0, "{name} is looked for once");
                    rules.classify_text(name)
                });
                assert_eq!(*found, rules.classify_text(name));
            }
        }
        for number in 0..MOST.0 * 2 {
            let _ = names.get_or(&format!("tool_{number}"), || rules.classify_text(""));
        }
        let _ = names.get_or(&"x".repeat(MOST.1 + 1), || rules.classify_text(""));
        let known = names.0.read().unwrap();
        assert!(known.len() <= MOST.0 && known.keys().all(|name| name.len() <= MOST.1));
    }
}
