//! Sets of rules, by their places.

/// A set of rules, in words of 64. Of most sets almost all words are empty, and not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    /// Which words are kept, in order; none are named where all are kept.
    at: Box<[u32]>,
    words: Box<[u64]>,
}

/// A set that is being made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Building(Vec<usize>);

impl Building {
    pub(crate) fn insert(&mut self, rule: usize) {
        self.0.push(rule);
    }

    /// The set.
    pub(crate) fn finish(mut self) -> Bits {
        self.0.sort_unstable();
        let mut kept: Vec<(u32, u64)> = Vec::new();
        for rule in self.0 {
            // INVARIANT: a policy has at most 100,000 rules.
            let at = u32::try_from(rule / 64).unwrap_or(u32::MAX);
            let bit = 1 << (rule % 64);
            match kept.last_mut() {
                Some((last, word)) if *last == at => *word |= bit,
                _ => kept.push((at, bit)),
            }
        }
        let length = kept.last().map_or(0, |(at, _)| *at as usize + 1);
        if kept.len() * 2 < length {
            let (at, words): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
            return Bits {
                at: at.into(),
                words: words.into(),
            };
        }
        let mut words = vec![0; length];
        for (at, word) in kept {
            if let Some(place) = words.get_mut(at as usize) {
                *place = word;
            }
        }
        Bits {
            at: Box::default(),
            words: words.into(),
        }
    }
}

impl Bits {
    /// One word of it.
    #[inline]
    pub(crate) fn word(&self, at: u32) -> u64 {
        let place = match self.at.is_empty() {
            true => Some(at as usize),
            false => self.at.binary_search(&at).ok(),
        };
        let word = place.and_then(|place| self.words.get(place));
        word.copied().unwrap_or_default()
    }

    /// Its words that are not empty, in order, and where they stand.
    #[inline]
    pub(crate) fn words(&self) -> impl Iterator<Item = (u32, u64)> {
        let named = !self.at.is_empty();
        let words = self.words.iter().enumerate();
        let words = words.map(move |(place, word)| {
            let at = match named {
                true => self.at.get(place).copied(),
                false => u32::try_from(place).ok(),
            };
            (at.unwrap_or(u32::MAX), *word)
        });
        words.filter(|(_, word)| *word != 0)
    }
}

/// The places of the bits of one word.
#[inline]
pub(crate) fn places(at: u32, mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        if bit == 64 {
            return None;
        }
        word &= word - 1;
        Some(at * 64 + bit)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_has_what_was_put_in(rules in proptest::collection::vec(0..2000_u32, 0..60)) {
            let mut building = Building::default();
            rules.iter().for_each(|rule| building.insert(*rule as usize));
            let bits = building.finish();
            let all: Vec<_> = bits.words().flat_map(|(at, word)| places(at, word)).collect();
            prop_assert!(all.is_sorted());
            prop_assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), rules.iter().copied().collect());
            for rule in 0..2000 {
                prop_assert_eq!(bits.word(rule / 64) >> (rule % 64) & 1 == 1, rules.contains(&rule));
            }
        }
    }
}
