//! Which rules could match a query, by what of it is a plain name.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;
use mcpo2_core::{ItemKind, Principal};

use super::{
    Rule,
    condition::{Condition, Items},
    pattern::{Literal, NameGlob},
};
use crate::query::Query;

/// Finds the rules that could match without asking each.
///
/// Each rule stands under one of its conditions on a name: of the item, or else of the caller.
/// Those conditions are never unknown, so a rule that is not found there does not match.
#[derive(Debug, Default)]
pub(crate) struct Index {
    tools: Names,
    prompts: Names,
    /// Rules about resources and templates, whose globs can leave it unknown.
    resources: Vec<usize>,
    principals: BTreeMap<Box<str>, Vec<usize>>,
    roles: BTreeMap<Box<str>, Vec<usize>>,
    tenants: BTreeMap<Box<str>, Vec<usize>>,
    /// Rules that have no such condition.
    always: Vec<usize>,
}

/// Rules by what their globs begin with.
#[derive(Debug, Default)]
struct Names {
    exact: BTreeMap<Box<str>, Vec<usize>>,
    /// By the length of what stands before the first wildcard.
    prefixes: BTreeMap<usize, BTreeMap<Box<str>, Vec<usize>>>,
    /// By what stands between wildcards, in the order of the patterns of `finder`.
    within: Vec<(Box<str>, Vec<usize>)>,
    finder: Option<AhoCorasick>,
    /// Globs of which nothing is known.
    any: Vec<usize>,
}

/// Room for as many rules as most queries find.
const FEW: usize = 16;

impl Index {
    /// The index of these rules, by their places.
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (at, rule) in rules.iter().enumerate() {
            index.insert(at, rule);
        }
        index.tools.finish();
        index.prompts.finish();
        index
    }

    /// The places of the rules that could match, in order, each once.
    pub(crate) fn candidates(&self, query: &Query<'_>) -> Vec<usize> {
        let mut found = Vec::with_capacity(self.always.len() + FEW);
        found.extend(&self.always);
        if let Some(item) = query.item() {
            match item.kind() {
                ItemKind::Tool => self.tools.find(item.name(), &mut found),
                ItemKind::Prompt => self.prompts.find(item.name(), &mut found),
                ItemKind::Resource | ItemKind::Template => found.extend(&self.resources),
                _ => {}
            }
        }
        self.callers(query.principal(), &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn callers(&self, principal: &Principal, found: &mut Vec<usize>) {
        found.extend(of(&self.principals, principal.id().as_str()));
        found.extend(of(&self.tenants, principal.tenant().as_str()));
        if !self.roles.is_empty() {
            let roles = principal.roles();
            roles.for_each(|role| found.extend(of(&self.roles, role)));
        }
    }

    fn insert(&mut self, at: usize, rule: &Rule) {
        for condition in &rule.conditions {
            match condition {
                Condition::Items(items) => return self.insert_items(at, items),
                Condition::Principals(names) => return insert(&mut self.principals, names, at),
                Condition::Roles(names) => return insert(&mut self.roles, names, at),
                Condition::Tenants(names) => return insert(&mut self.tenants, names, at),
                _ => {}
            }
        }
        self.always.push(at);
    }

    fn insert_items(&mut self, at: usize, items: &Items) {
        items
            .tools
            .iter()
            .for_each(|glob| self.tools.insert(at, glob));
        items
            .prompts
            .iter()
            .for_each(|glob| self.prompts.insert(at, glob));
        if !items.resources.is_empty() {
            self.resources.push(at);
        }
    }
}

impl Names {
    fn insert(&mut self, at: usize, glob: &NameGlob) {
        match glob.literal() {
            Literal::Whole(name) => self.exact.entry(name.into()).or_default().push(at),
            Literal::Prefix(prefix) => self
                .prefixes
                .entry(prefix.len())
                .or_default()
                .entry(prefix.into())
                .or_default()
                .push(at),
            Literal::Within(part) => {
                match self.within.iter_mut().find(|(known, _)| **known == *part) {
                    Some((_, rules)) => rules.push(at),
                    None => self.within.push((part.into(), vec![at])),
                }
            }
            Literal::Any => self.any.push(at),
        }
    }

    /// Makes one automaton of what may stand anywhere.
    fn finish(&mut self) {
        if self.within.is_empty() {
            return;
        }
        match AhoCorasick::new(self.within.iter().map(|(part, _)| &**part)) {
            Ok(finder) => self.finder = Some(finder),
            // Too many for one automaton: then each is asked.
            Err(_) => self
                .any
                .extend(self.within.drain(..).flat_map(|(_, rules)| rules)),
        }
    }

    fn find(&self, name: &str, found: &mut Vec<usize>) {
        found.extend(&self.any);
        found.extend(of(&self.exact, name));
        if let Some(finder) = &self.finder {
            let matches = finder.find_overlapping_iter(name);
            let rules = matches.filter_map(|at| self.within.get(at.pattern().as_usize()));
            rules.for_each(|(_, rules)| found.extend(rules));
        }
        for (length, prefixes) in &self.prefixes {
            // Where the name is shorter, or has a letter across the end, no prefix is its own.
            if let Some(prefix) = name.get(..*length) {
                found.extend(of(prefixes, prefix));
            }
        }
    }
}

fn insert(map: &mut BTreeMap<Box<str>, Vec<usize>>, names: &[Box<str>], at: usize) {
    for name in names {
        map.entry(name.clone()).or_default().push(at);
    }
}

fn of<'a>(
    map: &'a BTreeMap<Box<str>, Vec<usize>>,
    name: &str,
) -> impl Iterator<Item = &'a usize> + use<'a> {
    map.get(name).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use mcpo2_core::{AuthMethod, Item, Method};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Config, engine::Matched};

    fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = Option<Vec<&'static str>>> {
        proptest::option::of(proptest::collection::vec(
            proptest::sample::select(texts),
            1..3,
        ))
    }

    /// Each of the conditions there or not, over few names.
    fn rule() -> impl Strategy<Value = Value> {
        let names = &[
            "a", "ab", "a*", "ab*", "*", "*b", "{a,ab}", "a?", "ä*", "[ab]b",
        ];
        (
            proptest::sample::select(&["allow", "deny"][..]),
            (
                one_of(names),
                one_of(names),
                one_of(&["file:///a", "file:///a/**"]),
            ),
            (
                one_of(&["p", "q"]),
                one_of(&["r", "s"]),
                one_of(&["t", "u"]),
            ),
            one_of(&["tools/call", "resources/*", "*"]),
        )
            .prop_map(
                |(effect, (tools, prompts, resources), (principals, roles, tenants), methods)| {
                    let mut rule = json!({ "effect": effect });
                    for (key, value) in [
                        ("tools", tools),
                        ("prompts", prompts),
                        ("resources", resources),
                        ("principals", principals),
                        ("roles", roles),
                        ("tenants", tenants),
                        ("methods", methods),
                    ] {
                        if let Some(value) = value {
                            rule[key] = json!(value);
                        }
                    }
                    rule
                },
            )
    }

    fn principal() -> impl Strategy<Value = Principal> {
        let select = |texts: &'static [&'static str]| proptest::sample::select(texts);
        (
            select(&["p", "q", "o"]),
            select(&["t", "v"]),
            proptest::sample::subsequence(vec!["r", "s", "x"], 0..3),
        )
            .prop_map(|(id, tenant, roles)| {
                Principal::new(
                    tenant.parse().unwrap(),
                    id.parse().unwrap(),
                    AuthMethod::Host,
                )
                .with_roles(roles)
            })
    }

    fn asked() -> impl Strategy<Value = (Method, Option<Item>)> {
        let name = proptest::sample::select(
            &[
                "a",
                "ab",
                "abc",
                "b",
                "ä",
                "äb",
                "",
                "file:///a",
                "file:///a/b",
            ][..],
        );
        let kind = proptest::sample::select(vec![
            (Method::ToolsCall, ItemKind::Tool),
            (Method::PromptsGet, ItemKind::Prompt),
            (Method::ResourcesRead, ItemKind::Resource),
            (Method::Complete, ItemKind::Template),
            (Method::TasksGet, ItemKind::Task),
        ]);
        prop_oneof![
            8 => (kind, name).prop_map(|((method, kind), name)| (method, Some(Item::new(kind, name)))),
            1 => Just((Method::ToolsList, None)),
        ]
    }

    proptest! {
        #[test]
        fn what_is_no_candidate_does_not_match(
            rules in proptest::collection::vec(rule(), 0..12),
            principal in principal(),
            (method, item) in asked(),
        ) {
            let numbered = rules.into_iter().enumerate().map(|(at, mut rule)| {
                rule["id"] = json!(format!("r{at:02}"));
                rule
            });
            let config = json!({ "rules": numbered.collect::<Vec<_>>() });
            let config: Config = serde_json::from_value(config).unwrap();
            // A rule whose list names nothing of any kind is refused, and is no case here.
            let Ok(policy) = config.compile() else { return Ok(()) };
            let query = Query::new(&method, item.as_ref(), &principal);
            let candidates = policy.index().candidates(&query);
            prop_assert!(candidates.is_sorted());
            for (at, rule) in policy.rules().iter().enumerate() {
                let listed = candidates.contains(&at);
                prop_assert!(
                    listed || rule.matched(&query) == Matched::No,
                    "{:?} matches and is no candidate", rule.id
                );
            }
        }
    }

    #[test]
    fn rules_about_other_names_are_no_candidates() {
        let rules: Vec<Value> = (0..100)
            .map(|n| json!({ "id": format!("r{n:03}"), "effect": "allow", "tools": [format!("m{n:02}__*")] }))
            .collect();
        let config: Config = serde_json::from_value(json!({ "rules": rules })).unwrap();
        let policy = config.compile().unwrap();
        let principal =
            Principal::new("t".parse().unwrap(), "p".parse().unwrap(), AuthMethod::Host);
        let item = Item::new(ItemKind::Tool, "m42__x");
        let query = Query::new(&Method::ToolsCall, Some(&item), &principal);
        assert_eq!(policy.index().candidates(&query), [42]);
    }
}
