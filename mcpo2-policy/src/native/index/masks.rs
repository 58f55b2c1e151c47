use std::sync::Arc;

use mcpo2_core::Facts;
use rustc_hash::FxHashMap;

use super::{Index, Places, filters::Filters, names::Names, traits::Known};
use crate::{native::said::Shared, query::Query};

/// What rules have to come through for one caller, and what those that do say: put together
/// once for each module that owns items of a list.
pub(super) struct Masks<'i> {
    index: &'i Index,
    who: Known,
    /// By the facts of the module, which are kept so that none can take their place.
    masks: Vec<(Option<Arc<Facts>>, Mask<'i>)>,
}

pub(super) struct Mask<'i> {
    filters: Filters<'i>,
    /// Of the rules about no items in particular that come through.
    unnamed: Shared,
    /// Of the rules that come through of those in which a pattern stands: many items share some.
    passed: FxHashMap<u32, Shared>,
}

impl<'i> Masks<'i> {
    pub(super) fn new(index: &'i Index, who: Known) -> Self {
        Self {
            index,
            who,
            masks: Vec::new(),
        }
    }

    /// What the rules say that come through: of those about no items in particular, and of those in
    /// which these patterns stand.
    pub(super) fn said(
        &mut self,
        query: &Query<'_>,
        (names, patterns): (&Names, &[u32]),
        heard: &impl Fn(&Query<'_>, &[u32]) -> Shared,
    ) -> Option<Shared> {
        let facts = query.shared_facts();
        let same = |known: &Option<Arc<Facts>>| match (known, facts) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (one, two) => one.is_none() && two.is_none(),
        };
        // Items of one module stand together.
        let known = self.masks.iter().rposition(|(known, _)| same(known));
        let at = known.unwrap_or(self.masks.len());
        if known.is_none() {
            let mask = Mask::new(self.index, query, &self.who, heard);
            self.masks.push((facts.cloned(), mask));
        }
        let (_, mask) = self.masks.get_mut(at)?;
        let mut said = mask.unnamed.clone();
        for pattern in patterns {
            let (filters, who) = (&mask.filters, &self.who);
            let passed = mask.passed.entry(*pattern).or_insert_with(|| {
                let mut passed = Places::default();
                let rules = names.rules(*pattern).into_iter();
                for rules in rules.flat_map(|rules| rules.sets(who.all())) {
                    filters.pass(rules, query, who, &mut passed);
                }
                heard(query, &passed)
            });
            said.join(passed);
        }
        Some(said)
    }
}

impl<'i> Mask<'i> {
    fn new(
        index: &'i Index,
        query: &Query<'_>,
        who: &Known,
        heard: &impl Fn(&Query<'_>, &[u32]) -> Shared,
    ) -> Self {
        let filters = Filters::new(index, query);
        let mut unnamed = Places::default();
        for rules in index.unnamed.sets(who.all()) {
            filters.pass(rules, query, who, &mut unnamed);
        }
        Self {
            unnamed: heard(query, &unnamed),
            filters,
            passed: FxHashMap::default(),
        }
    }
}
