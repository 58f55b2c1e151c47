use std::sync::Arc;

use mcpo2_core::Facts;

use super::Index;
use crate::{
    native::bits::{Bits, places},
    query::Query,
};

/// What comes through for one caller, made once for each module that owns items of a list.
pub(super) struct Masks<'i> {
    index: &'i Index,
    /// How many words the sets of rules have.
    words: u32,
    /// By the facts of the module, which are kept so that none can take their place.
    masks: Vec<(Option<Arc<Facts>>, Mask)>,
}

struct Mask {
    words: Vec<u64>,
    /// The rules about no items in particular that come through.
    unnamed: Vec<usize>,
}

impl<'i> Masks<'i> {
    pub(super) fn new(index: &'i Index) -> Self {
        Self {
            index,
            words: u32::try_from(index.rules.div_ceil(64)).unwrap_or(u32::MAX),
            masks: Vec::new(),
        }
    }

    /// The places of the rules that come through of these sets, in order, each once.
    pub(super) fn through<'r>(
        &mut self,
        query: &Query<'_>,
        sets: impl Iterator<Item = &'r Bits>,
    ) -> Vec<usize> {
        let facts = query.shared_facts();
        let same = |known: &Option<Arc<Facts>>| match (known, facts) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (one, two) => one.is_none() && two.is_none(),
        };
        // Items of one module stand together.
        if let Some((_, mask)) = self.masks.iter().rfind(|(known, _)| same(known)) {
            return mask.through(sets);
        }
        let mask = self.make(query);
        let found = mask.through(sets);
        self.masks.push((facts.cloned(), mask));
        found
    }

    fn make(&self, query: &Query<'_>) -> Mask {
        let filters = self.index.filters(query);
        let words = (0..self.words).map(|at| filters.word(at, u64::MAX));
        let mut mask = Mask {
            words: words.collect(),
            unnamed: Vec::new(),
        };
        filters.pass(&self.index.unnamed, &mut mask.unnamed);
        mask
    }
}

impl Mask {
    fn through<'r>(&self, sets: impl Iterator<Item = &'r Bits>) -> Vec<usize> {
        let mut found = self.unnamed.clone();
        for (at, word) in sets.flat_map(Bits::words) {
            let mask = self.words.get(at as usize).copied().unwrap_or_default();
            found.extend(places(at, word & mask));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
