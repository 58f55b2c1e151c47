use std::collections::BTreeMap;

use super::traits::Trait;
use crate::native::bits::{Bits, Building};

/// Rules that are found together, apart by whom they are about: most are about few callers.
#[derive(Debug, Default)]
pub(super) struct Posting {
    /// Those that are about callers of all kinds.
    rest: Bits,
    /// By the trait of a caller, in order.
    by: Box<[(Trait, Bits)]>,
}

/// The same while rules are collected.
#[derive(Debug, Default)]
pub(super) struct Collecting {
    rest: Building,
    by: BTreeMap<Trait, Building>,
}

impl Collecting {
    pub(super) fn insert(&mut self, rule: usize, traits: Option<&[Trait]>) {
        match traits {
            None => self.rest.insert(rule),
            Some(traits) => {
                for of in traits {
                    self.by.entry(*of).or_default().insert(rule);
                }
            }
        }
    }

    pub(super) fn finish(self) -> Posting {
        let by = self.by.into_iter().map(|(of, rules)| (of, rules.finish()));
        Posting {
            rest: self.rest.finish(),
            by: by.collect(),
        }
    }
}

impl Posting {
    /// The sets of rules in which one must be that matches a caller with these traits.
    pub(super) fn sets<'p>(&'p self, traits: &'p [Trait]) -> impl Iterator<Item = &'p Bits> {
        let by = traits.iter().filter_map(|of| {
            let at = self.by.binary_search_by_key(of, |(known, _)| *known).ok()?;
            self.by.get(at).map(|(_, rules)| rules)
        });
        std::iter::once(&self.rest).chain(by)
    }
}
