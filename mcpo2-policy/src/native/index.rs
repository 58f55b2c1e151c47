//! Which rules could match a query: found by sets of rules, and not by asking each.
//!
//! Every rule stands in one set for each thing that it could have a condition on: of the method,
//! the caller, the module and the name that is addressed. Those conditions are settled by an
//! intersection of sets, word by word, and begin with the rules that the name finds, of which there
//! are few. What is left (arguments, the situation, URIs, exceptions) is asked of each rule that
//! comes through.

mod callers;
mod dimension;
mod known;
mod masks;
mod methods;
mod modules;
mod names;
mod posting;
mod situations;

use std::sync::Arc;

use mcpo2_core::{Item, ItemKind};

use self::{
    callers::Callers,
    dimension::View,
    known::Known,
    masks::Masks,
    methods::Methods,
    modules::Modules,
    names::Names,
    posting::{Posting, Traits},
    situations::Situations,
};
use super::{
    Rule,
    bits::{Bits, places},
    condition::Condition,
};
use crate::query::Query;

/// The sets of rules of a policy.
#[derive(Debug)]
pub(crate) struct Index {
    tools: Named,
    prompts: Named,
    /// Rules about resources and templates, of which a glob can leave it unknown.
    resources: Posting,
    /// Rules that are about no items in particular.
    unnamed: Posting,
    traits: Traits,
    methods: Methods,
    callers: Callers,
    modules: Modules,
    situations: Situations,
}

/// Rules by the names of one kind of item.
#[derive(Debug, Default)]
struct Named {
    names: Names,
    known: Known,
}

/// What a rule has to come through.
#[derive(Debug, Default)]
struct Filters<'a>(Vec<View<'a>>);

/// As many as there are things to have conditions on.
const FILTERS: usize = 12;

impl Index {
    /// The index of these rules, by their places.
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let (mut tools, mut prompts) = <(names::Collecting, names::Collecting)>::default();
        let (mut resources, mut unnamed) = <(posting::Collecting, posting::Collecting)>::default();
        let mut traits = Traits::default();
        for (at, rule) in rules.iter().enumerate() {
            let items = rule
                .conditions
                .iter()
                .find_map(|condition| match condition {
                    Condition::Items(items) => Some(items),
                    _ => None,
                });
            let of = traits.of_rule(rule);
            let of = of.as_deref();
            let Some(items) = items else {
                unnamed.insert(at, of);
                continue;
            };
            for glob in &items.tools {
                tools.insert(glob, at, of);
            }
            for glob in &items.prompts {
                prompts.insert(glob, at, of);
            }
            if !items.resources.is_empty() {
                resources.insert(at, of);
            }
        }
        Self {
            tools: Named::new(tools),
            prompts: Named::new(prompts),
            resources: resources.finish(),
            unnamed: unnamed.finish(),
            traits,
            methods: Methods::new(rules),
            callers: Callers::new(rules),
            modules: Modules::new(rules),
            situations: Situations::new(rules),
        }
    }

    /// The places of the rules of which everything but arguments, situation, URI and exceptions
    /// lets a query through; in order, each once.
    pub(crate) fn candidates(&self, query: &Query<'_>) -> Vec<usize> {
        let filters = self.filters(query);
        let traits = self.traits.of(query.principal());
        let mut found = Vec::new();
        let mut pass = |rules: &Posting| {
            for rules in rules.sets(&traits) {
                filters.pass(rules, &mut found);
            }
        };
        pass(&self.unnamed);
        if let Some(item) = query.item() {
            match self.named(item) {
                Some(named) => {
                    let patterns = named.patterns(item.name());
                    let rules = patterns.iter().filter_map(|at| named.names.rules(*at));
                    rules.for_each(pass);
                }
                None if addresses_resource(item) => pass(&self.resources),
                None => {}
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The same for each of many items, of which `query` makes queries that differ in nothing but
    /// the item and the module that owns it.
    pub(crate) fn candidates_of<'q>(
        &self,
        items: &mut dyn Iterator<Item = &'q Item>,
        query: &dyn Fn(&'q Item) -> Query<'q>,
        mut with: impl FnMut(&Query<'q>, &[usize]),
    ) {
        let items: Vec<&Item> = items.collect();
        let kind = items.first().map(|item| item.kind());
        let alike = items.iter().all(|item| Some(item.kind()) == kind);
        let named = items
            .first()
            .filter(|_| alike)
            .and_then(|item| self.named(item));
        let Some(named) = named else {
            for item in items {
                let query = query(item);
                with(&query, &self.candidates(&query));
            }
            return;
        };
        let traits = items
            .first()
            .map(|item| self.traits.of(query(item).principal()));
        let traits = traits.unwrap_or_default();
        let mut masks = Masks::new(self, &traits);
        let mut places = items.iter();
        let names = items.iter().map(|item| item.name());
        named.known.each(
            names,
            |name| named.names.matching(name).into(),
            |patterns| {
                let Some(item) = places.next() else { return };
                let query = query(item);
                with(&query, &masks.through(&query, &named.names, patterns));
            },
        );
    }

    /// What the conditions on the situation say of a query.
    pub(crate) fn situation_key(&self, rules: &[Rule], query: &Query<'_>) -> Box<[u8]> {
        self.situations.key(rules, query)
    }

    fn filters(&self, query: &Query<'_>) -> Filters<'_> {
        let mut filters = Filters(Vec::with_capacity(FILTERS));
        // Those first that fewest rules come through: that the caller has one of the names that a
        // rule asks for is settled for most already, as they were found by it.
        self.modules.filter(query, &mut filters);
        self.methods.filter(query, &mut filters);
        self.callers.filter(query.principal(), &mut filters);
        filters
    }

    fn named(&self, item: &Item) -> Option<&Named> {
        match item.kind() {
            ItemKind::Tool => Some(&self.tools),
            ItemKind::Prompt => Some(&self.prompts),
            _ => None,
        }
    }
}

/// Whether a URI says what it is.
pub(crate) fn addresses_resource(item: &Item) -> bool {
    matches!(item.kind(), ItemKind::Resource | ItemKind::Template)
}

impl Named {
    fn new(names: names::Collecting) -> Self {
        Self {
            names: names.finish(),
            known: Known::default(),
        }
    }

    fn patterns(&self, name: &str) -> Arc<[u32]> {
        let known = self.known.of(name);
        known.unwrap_or_else(|| self.names.matching(name).into())
    }
}

impl<'a> Filters<'a> {
    fn add(&mut self, view: Option<View<'a>>) {
        self.0.extend(view);
    }

    /// Adds those of these rules that come through.
    fn pass(&self, rules: &Bits, to: &mut Vec<usize>) {
        for (at, word) in rules.words() {
            to.extend(places(at, self.word(at, word)));
        }
    }

    /// What of one word comes through.
    fn word(&self, at: u32, mut word: u64) -> u64 {
        for view in &self.0 {
            if word == 0 {
                break;
            }
            word = view.pass(at, word);
        }
        word
    }
}

#[cfg(test)]
mod tests;
