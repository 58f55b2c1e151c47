use mcpo2_core::{AuthMethod, Item, ItemKind, Method, Principal};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Config, Query, native::Matched};

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
            let listed = candidates.contains(&u32::try_from(at).unwrap());
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
    let principal = Principal::new("t".parse().unwrap(), "p".parse().unwrap(), AuthMethod::Host);
    let item = Item::new(ItemKind::Tool, "m42__x");
    let query = Query::new(&Method::ToolsCall, Some(&item), &principal);
    assert_eq!(*policy.index().candidates(&query), [42]);
}
