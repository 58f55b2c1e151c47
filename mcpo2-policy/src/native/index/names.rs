use aho_corasick::AhoCorasick;
use rustc_hash::FxHashMap;

use super::{
    posting::{self, Posting},
    traits::Trait,
};
use crate::native::{
    few::Few,
    pattern::{Literal, NameGlob},
};

/// Globs over names, each distinct one once, with the rules in which it stands.
#[derive(Debug, Default)]
pub(super) struct Names {
    patterns: Vec<Pattern>,
    exact: FxHashMap<Box<str>, u32>,
    /// By what stands before the first wildcard.
    prefixes: FxHashMap<Box<str>, Vec<u32>>,
    /// The lengths that these have, shortest first.
    lengths: Vec<usize>,
    /// By what stands between wildcards, in the order of the patterns of `finder`.
    within: Vec<Vec<u32>>,
    finder: Option<AhoCorasick>,
    /// Globs of which nothing is known.
    any: Vec<u32>,
}

#[derive(Debug)]
struct Pattern {
    /// None where what it was found by says all.
    glob: Option<NameGlob>,
    rules: Posting,
}

/// Some patterns, by their places.
pub(super) type Patterns = Few<u32, 8>;

/// Globs that are still being collected.
#[derive(Debug, Default)]
pub(super) struct Collecting {
    places: FxHashMap<Box<str>, usize>,
    patterns: Vec<(NameGlob, posting::Collecting)>,
}

impl Collecting {
    pub(super) fn insert(&mut self, glob: &NameGlob, rule: usize, traits: Option<&[Trait]>) {
        let new = self.patterns.len();
        let place = *self.places.entry(glob.source().into()).or_insert(new);
        if place == new {
            self.patterns
                .push((glob.clone(), posting::Collecting::default()));
        }
        if let Some((_, rules)) = self.patterns.get_mut(place) {
            rules.insert(rule, traits);
        }
    }

    pub(super) fn finish(self) -> Names {
        let mut names = Names::default();
        let mut parts: FxHashMap<Box<str>, Vec<u32>> = FxHashMap::default();
        for (at, (glob, rules)) in (0..).zip(self.patterns) {
            match glob.literal() {
                Literal::Whole(name) => {
                    names.exact.insert(name.into(), at);
                }
                Literal::Prefix(prefix) => {
                    names.prefixes.entry(prefix.into()).or_default().push(at);
                }
                Literal::Within(part) => parts.entry(part.into()).or_default().push(at),
                Literal::Any => names.any.push(at),
            }
            names.patterns.push(Pattern {
                rules: rules.finish(),
                glob: (!glob.is_its_literal()).then_some(glob),
            });
        }
        names.lengths = names.prefixes.keys().map(|prefix| prefix.len()).collect();
        names.lengths.sort_unstable();
        names.lengths.dedup();
        names.search_within(parts);
        names
    }
}

impl Names {
    /// Makes one automaton of what may stand anywhere.
    fn search_within(&mut self, parts: FxHashMap<Box<str>, Vec<u32>>) {
        if parts.is_empty() {
            return;
        }
        let (parts, patterns): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        // What looks for rare bytes first pays only in longer texts.
        let mut builder = AhoCorasick::builder();
        match builder
            .prefilter(false)
            .build(parts.iter().map(|part| &**part))
        {
            Ok(finder) => (self.finder, self.within) = (Some(finder), patterns),
            // Too many for one automaton: then each is asked.
            Err(_) => self.any.extend(patterns.into_iter().flatten()),
        }
    }

    /// The patterns that match a name, each once.
    pub(super) fn matching(&self, name: &str) -> Patterns {
        let mut found = Patterns::default();
        found.extend(self.exact.get(name).copied());
        let mut ask = |patterns: &[u32]| {
            let matches = |at: &&u32| {
                let pattern = self.patterns.get(**at as usize);
                pattern.is_some_and(|pattern| pattern.matches(name))
            };
            found.extend(patterns.iter().filter(matches).copied());
        };
        ask(&self.any);
        for length in &self.lengths {
            // Where the name is shorter, or has a letter across the end, no prefix is its own.
            let prefix = name.get(..*length);
            if let Some(patterns) = prefix.and_then(|prefix| self.prefixes.get(prefix)) {
                ask(patterns);
            }
        }
        if let Some(finder) = &self.finder {
            let parts = finder.find_overlapping_iter(name);
            for part in parts.filter_map(|at| self.within.get(at.pattern().as_usize())) {
                ask(part);
            }
            // What a name holds more than once is found more than once.
            return found.sorted();
        }
        found
    }

    /// The rules in which a pattern stands.
    pub(super) fn rules(&self, pattern: u32) -> Option<&Posting> {
        let pattern = self.patterns.get(pattern as usize);
        pattern.map(|pattern| &pattern.rules)
    }
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        let glob = self.glob.as_ref();
        glob.is_none_or(|glob| glob.matches(name))
    }
}
