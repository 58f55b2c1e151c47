use std::sync::Arc;

use mcpo2_core::Facts;
use rustc_hash::FxHashMap;

use super::{Filters, Index, names::Names, posting::Trait};
use crate::query::Query;

/// What rules have to come through for one caller, put together once for each module that owns
/// items of a list.
pub(super) struct Masks<'i> {
    index: &'i Index,
    /// Those of the caller.
    traits: &'i [Trait],
    /// By the facts of the module, which are kept so that none can take their place.
    masks: Vec<(Option<Arc<Facts>>, Mask<'i>)>,
}

struct Mask<'i> {
    filters: Filters<'i>,
    /// The rules about no items in particular that come through.
    unnamed: Vec<usize>,
    /// The rules that come through of those in which a pattern stands: many items share some.
    passed: FxHashMap<u32, Vec<usize>>,
}

impl<'i> Masks<'i> {
    pub(super) fn new(index: &'i Index, traits: &'i [Trait]) -> Self {
        Self {
            index,
            traits,
            masks: Vec::new(),
        }
    }

    /// The places of the rules that come through of those in which these patterns stand, in order,
    /// each once.
    pub(super) fn through(
        &mut self,
        query: &Query<'_>,
        names: &Names,
        patterns: &[u32],
    ) -> Vec<usize> {
        let facts = query.shared_facts();
        let same = |known: &Option<Arc<Facts>>| match (known, facts) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (one, two) => one.is_none() && two.is_none(),
        };
        // Items of one module stand together.
        let known = self.masks.iter_mut().rfind(|(known, _)| same(known));
        if let Some((_, mask)) = known {
            return mask.through(names, patterns, self.traits);
        }
        let mut mask = self.make(query);
        let found = mask.through(names, patterns, self.traits);
        self.masks.push((facts.cloned(), mask));
        found
    }

    fn make(&self, query: &Query<'_>) -> Mask<'i> {
        let filters = self.index.filters(query);
        let mut unnamed = Vec::new();
        for rules in self.index.unnamed.sets(self.traits) {
            filters.pass(rules, &mut unnamed);
        }
        Mask {
            filters,
            unnamed,
            passed: FxHashMap::default(),
        }
    }
}

impl Mask<'_> {
    fn through(&mut self, names: &Names, patterns: &[u32], traits: &[Trait]) -> Vec<usize> {
        let Self {
            filters,
            unnamed,
            passed,
        } = self;
        let mut found = unnamed.clone();
        for pattern in patterns {
            let passed = passed.entry(*pattern).or_insert_with(|| {
                let mut passed = Vec::new();
                let rules = names.rules(*pattern).into_iter();
                for rules in rules.flat_map(|rules| rules.sets(traits)) {
                    filters.pass(rules, &mut passed);
                }
                passed
            });
            found.extend(passed.iter());
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
