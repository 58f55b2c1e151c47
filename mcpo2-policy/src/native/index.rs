//! Which rules could match a query: found by sets of rules, and not by asking each.
//!
//! Every rule stands in one set for each thing that it could have a condition on: of the method,
//! the caller, the module and the name that is addressed. Those conditions are settled by an
//! intersection of sets, word by word, and begin with the rules that the name finds, of which there
//! are few. Rules with no conditions but those by which they are found need come through no other
//! set. What is left (arguments, the situation, URIs, exceptions) is asked of each rule that comes
//! through, and what several rules ask is asked once.

mod asked;
mod callers;
mod dimension;
mod filters;
mod known;
mod masks;
mod methods;
mod modules;
mod names;
mod posting;
mod situations;
mod traits;

use mcpo2_core::{Item, ItemKind};

use self::{
    asked::Asked,
    callers::Callers,
    filters::Filters,
    known::Known,
    masks::Masks,
    methods::Methods,
    modules::Modules,
    names::{Names, Patterns},
    posting::Posting,
    situations::Situations,
    traits::Traits,
};
use super::{Rule, bits::Bits, condition::Condition, few::Few, said::Shared};
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
    sets: Sets,
    situations: Situations,
    asked: Asked,
}

/// What rules have to come through, once they are found.
#[derive(Debug)]
struct Sets {
    /// Those that need come through nothing.
    free: Bits,
    methods: Methods,
    callers: Callers,
    modules: Modules,
}

/// Rules by the names of one kind of item.
#[derive(Debug, Default)]
struct Named {
    names: Names,
    known: Known,
}

/// The places of some rules.
pub(crate) type Places = Few<u32, 16>;

impl Index {
    /// The index of these rules, by their places.
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let (mut tools, mut prompts) = <(names::Collecting, names::Collecting)>::default();
        let (mut resources, mut unnamed) = <(posting::Collecting, posting::Collecting)>::default();
        let traits = Traits::new(rules);
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
            sets: Sets {
                free: filters::free(rules, |rule| traits.of_rule(rule).is_some()),
                methods: Methods::new(rules),
                callers: Callers::new(rules, &traits),
                modules: Modules::new(rules),
            },
            situations: Situations::new(rules),
            asked: Asked::new(rules),
            traits,
        }
    }

    /// The places of the rules of which everything but arguments, situation, URI and exceptions
    /// lets a query through; in order, each once.
    pub(crate) fn candidates(&self, query: &Query<'_>) -> Places {
        let filters = Filters::new(self, query);
        let who = self.traits.of(query.principal());
        let mut found = Places::default();
        let mut pass = |rules: &Posting| {
            for rules in rules.sets(who.all()) {
                filters.pass(rules, query, &who, &mut found);
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
        found.sorted()
    }

    /// What rules say of each of many items, of which `query` makes queries that differ in nothing
    /// but the item and the module that owns it. `heard` is what some of the candidates say.
    pub(crate) fn said_of<'q>(
        &self,
        items: &mut dyn Iterator<Item = &'q Item>,
        query: &dyn Fn(&'q Item) -> Query<'q>,
        heard: impl Fn(&Query<'_>, &[u32]) -> Shared,
        mut with: impl FnMut(&Query<'q>, Option<Shared>),
    ) {
        let items: Vec<&Item> = items.collect();
        let first = items.first();
        let alike = |first: &&&Item| items.iter().all(|item| item.kind() == first.kind());
        let named = first.filter(alike).and_then(|first| {
            let who = self.traits.of(query(first).principal());
            self.named(first).zip(Some(who))
        });
        let Some((named, who)) = named else {
            for item in items {
                let query = query(item);
                let said = heard(&query, &self.candidates(&query));
                with(&query, Some(said));
            }
            return;
        };
        let mut masks = Masks::new(self, who);
        let mut places = items.iter();
        let names = items.iter().map(|item| item.name());
        named.known.each(
            names,
            |name| (*named.names.matching(name)).into(),
            |patterns| {
                let Some(item) = places.next() else { return };
                let query = query(item);
                with(&query, masks.said(&query, (&named.names, patterns), &heard));
            },
        );
    }

    /// What is left to ask of candidates.
    pub(crate) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// What the conditions on the situation say of a query.
    pub(crate) fn situation_key(&self, rules: &[Rule], query: &Query<'_>) -> Box<[u8]> {
        self.situations.key(rules, query)
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

    fn patterns(&self, name: &str) -> Patterns {
        let known = self.known.of(name);
        known.unwrap_or_else(|| self.names.matching(name))
    }
}

#[cfg(test)]
mod tests;
