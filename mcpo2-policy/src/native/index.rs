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
mod situations;

use std::sync::Arc;

use mcpo2_core::{Item, ItemKind};

use self::{
    callers::Callers, dimension::View, known::Known, masks::Masks, methods::Methods,
    modules::Modules, names::Names, situations::Situations,
};
use super::{
    Rule,
    bits::{Bits, Building, places},
    condition::Condition,
};
use crate::query::Query;

/// The sets of rules of a policy.
#[derive(Debug)]
pub(crate) struct Index {
    tools: Named,
    prompts: Named,
    /// Rules about resources and templates, of which a glob can leave it unknown.
    resources: Bits,
    /// Rules that are about no items in particular.
    unnamed: Bits,
    methods: Methods,
    callers: Callers,
    modules: Modules,
    situations: Situations,
    /// How many rules there are.
    rules: usize,
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
        let (mut resources, mut unnamed) = <(Building, Building)>::default();
        for (at, rule) in rules.iter().enumerate() {
            let items = rule
                .conditions
                .iter()
                .find_map(|condition| match condition {
                    Condition::Items(items) => Some(items),
                    _ => None,
                });
            let Some(items) = items else {
                unnamed.insert(at);
                continue;
            };
            items.tools.iter().for_each(|glob| tools.insert(glob, at));
            items
                .prompts
                .iter()
                .for_each(|glob| prompts.insert(glob, at));
            if !items.resources.is_empty() {
                resources.insert(at);
            }
        }
        Self {
            tools: Named::new(tools),
            prompts: Named::new(prompts),
            resources: resources.finish(),
            unnamed: unnamed.finish(),
            methods: Methods::new(rules),
            callers: Callers::new(rules),
            modules: Modules::new(rules),
            situations: Situations::new(rules),
            rules: rules.len(),
        }
    }

    /// The places of the rules of which everything but arguments, situation, URI and exceptions
    /// lets a query through; in order, each once.
    pub(crate) fn candidates(&self, query: &Query<'_>) -> Vec<usize> {
        let filters = self.filters(query);
        let mut found = Vec::new();
        filters.pass(&self.unnamed, &mut found);
        match query.item() {
            Some(item) => match self.named(item) {
                Some(named) => named.patterns(item.name()).iter().for_each(|pattern| {
                    if let Some(rules) = named.names.rules(*pattern) {
                        filters.pass(rules, &mut found);
                    }
                }),
                None if addresses_resource(item) => filters.pass(&self.resources, &mut found),
                None => {}
            },
            None => {}
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
        let mut masks = Masks::new(self);
        let mut places = items.iter();
        let names = items.iter().map(|item| item.name());
        named.known.each(
            names,
            |name| named.names.matching(name).into(),
            |patterns| {
                let Some(item) = places.next() else { return };
                let query = query(item);
                let rules = patterns
                    .iter()
                    .filter_map(|pattern| named.names.rules(*pattern));
                with(&query, &masks.through(&query, rules));
            },
        );
    }

    /// What the conditions on the situation say of a query.
    pub(crate) fn situation_key(&self, rules: &[Rule], query: &Query<'_>) -> Box<[u8]> {
        self.situations.key(rules, query)
    }

    fn filters(&self, query: &Query<'_>) -> Filters<'_> {
        let mut filters = Filters(Vec::with_capacity(FILTERS));
        self.methods.filter(query, &mut filters);
        self.callers.filter(query.principal(), &mut filters);
        self.modules.filter(query, &mut filters);
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
            word &= view.word(at);
        }
        word
    }
}

#[cfg(test)]
mod tests;
