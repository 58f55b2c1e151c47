use std::{borrow::Borrow, collections::BTreeSet, hash::Hash};

use rustc_hash::FxHashMap;

use crate::native::bits::{Bits, Building};

/// One thing that rules have conditions on, and which rules let which value of it through.
#[derive(Debug)]
pub(super) struct Dimension<K> {
    /// The rules without a condition on it.
    any: Bits,
    /// Those with one that what is unknown fulfils.
    unknown: Bits,
    by: FxHashMap<K, Bits>,
    /// No rule has a condition on it.
    is_free: bool,
}

/// The same while rules are collected.
#[derive(Debug)]
pub(super) struct Collecting<K> {
    any: Building,
    unknown: Building,
    by: FxHashMap<K, Building>,
}

/// The rules that let a value through, or some values.
#[derive(Debug)]
pub(super) struct View<'a> {
    any: &'a Bits,
    one: Option<&'a Bits>,
    another: Option<&'a Bits>,
    pub(super) more: Vec<&'a Bits>,
}

impl<K> Default for Collecting<K> {
    fn default() -> Self {
        Self {
            any: Building::default(),
            unknown: Building::default(),
            by: FxHashMap::default(),
        }
    }
}

impl<K: Hash + Eq + Ord> Collecting<K> {
    /// Adds a rule: the values that each of its conditions lets through, and whether what is
    /// unknown fulfils them.
    pub(super) fn insert(
        &mut self,
        rule: usize,
        values: Option<BTreeSet<K>>,
        unknown_matches: bool,
    ) {
        let Some(values) = values else {
            return self.any.insert(rule);
        };
        if unknown_matches {
            self.unknown.insert(rule);
        }
        for value in values {
            self.by.entry(value).or_default().insert(rule);
        }
    }

    /// What was collected; with `conditional` if any rule has a condition on it.
    pub(super) fn finish(self, conditional: bool) -> Dimension<K> {
        let by = self.by.into_iter();
        Dimension {
            any: self.any.finish(),
            unknown: self.unknown.finish(),
            by: by.map(|(value, rules)| (value, rules.finish())).collect(),
            is_free: !conditional,
        }
    }
}

impl<K: Hash + Eq> Dimension<K> {
    /// What this value is let through by; none where every rule does. A value that is not there
    /// fulfils no condition.
    #[inline]
    pub(super) fn of<Q: Hash + Eq + ?Sized>(&self, value: Option<&Q>) -> Option<View<'_>>
    where
        K: Borrow<Q>,
    {
        let one = || value.and_then(|value| self.by.get(value));
        (!self.is_free).then(|| View::new(&self.any, one()))
    }

    /// What a caller with all these values is let through by.
    pub(super) fn of_any<'v, Q: Hash + Eq + ?Sized + 'v>(
        &self,
        values: impl Iterator<Item = &'v Q>,
    ) -> Option<View<'_>>
    where
        K: Borrow<Q>,
    {
        (!self.is_free).then(|| {
            let mut found = values.filter_map(|value| self.by.get(value));
            let mut view = View::new(&self.any, found.next());
            view.another = found.next();
            view.more.extend(found);
            view
        })
    }

    /// What is let through of which the value is unknown, or perhaps this.
    pub(super) fn unknown<Q: Hash + Eq + ?Sized>(&self, perhaps: Option<&Q>) -> Option<View<'_>>
    where
        K: Borrow<Q>,
    {
        let mut view = self.of(perhaps)?;
        view.another = Some(&self.unknown);
        Some(view)
    }
}

impl<'a> View<'a> {
    pub(super) fn new(any: &'a Bits, one: Option<&'a Bits>) -> Self {
        Self {
            any,
            one,
            another: None,
            more: Vec::new(),
        }
    }

    /// What of one word of another set is in this.
    #[inline]
    pub(super) fn pass(&self, at: u32, word: u64) -> u64 {
        let any = self.any.word(at);
        // Most rules have no condition on it, and nothing else has to be looked at.
        if word & !any == 0 {
            return word;
        }
        let others = [self.one, self.another].into_iter().flatten();
        let others = others.chain(self.more.iter().copied());
        word & others.fold(any, |found, other| found | other.word(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(rules: impl IntoIterator<Item = usize>) -> Bits {
        let mut building = Building::default();
        rules.into_iter().for_each(|rule| building.insert(rule));
        building.finish()
    }

    #[test]
    fn only_what_a_value_lets_through_passes() {
        let (any, one, another) = (bits(0..32), bits([40]), bits([41, 64]));
        let mut view = View::new(&any, Some(&one));
        view.another = Some(&another);
        assert_eq!(view.pass(0, 0b11), 0b11);
        assert_eq!(view.pass(0, u64::MAX), 0xffff_ffff | 1 << 40 | 1 << 41);
        // All of a word that has a condition on it, and nothing beside.
        assert_eq!(View::new(&any, None).pass(0, !0xffff_ffff), 0);
        assert_eq!(view.pass(1, 0b11), 0b01);
    }
}
