//! What is found once for several items of a list, or for several callers, is the same for each.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::sync::Arc;

use common::{ada, github, policy, tool};
use mcpo2_core::{Facts, Item};
use mcpo2_policy::{Engine, Policy, Query, Situation, Visibility};
use serde_json::json;

/// What a list shows of these items, all at once and one by one.
fn shown(policy: &Policy, items: &[(Item, Option<Arc<Facts>>)]) -> Vec<Visibility> {
    let ada = ada();
    let query = |item: &'_ Item| {
        let facts = items.iter().find(|(known, _)| known == item);
        facts.and_then(|(_, facts)| facts.clone())
    };
    let mut each = items.iter().map(|(item, _)| item);
    let at_once = policy.visible_of(&mut each, &|item| {
        Query::listed(item, &ada).with_facts(query(item))
    });
    let one_by_one = items
        .iter()
        .map(|(item, facts)| policy.visible(&Query::listed(item, &ada).with_facts(facts.clone())));
    assert_eq!(at_once, one_by_one.collect::<Vec<_>>());
    at_once
}

const SHOWN: [Visibility; 2] = [Visibility::Allowed, Visibility::Denied];

#[test]
fn an_exception_about_items_is_asked_of_each_item() {
    let policy = policy(json!([
        { "id": "a", "effect": "allow", "tools": ["*"], "unless": [{ "tools": ["b"] }] },
    ]));
    let facts = Some(Arc::new(github()));
    let items = ["a", "b", "c"].map(|name| (tool(name), facts.clone()));
    let [allowed, denied] = SHOWN;
    assert_eq!(shown(&policy, &items), [allowed, denied, allowed]);
    let items = ["b", "a"].map(|name| (tool(name), facts.clone()));
    assert_eq!(shown(&policy, &items), [denied, allowed]);
}

#[test]
fn an_item_of_no_module_shares_nothing_with_one_of_a_module() {
    let policy = policy(json!([{ "id": "a", "effect": "allow", "modules": ["github"] }]));
    let (of_module, of_nobody) = (Some(Arc::new(github())), None);
    let [allowed, denied] = SHOWN;
    let items = [
        (tool("a"), of_module.clone()),
        (tool("b"), of_nobody.clone()),
    ];
    assert_eq!(shown(&policy, &items), [allowed, denied]);
    let items = [(tool("a"), of_nobody), (tool("b"), of_module)];
    assert_eq!(shown(&policy, &items), [denied, allowed]);
}

#[test]
fn a_situation_in_an_exception_is_in_the_key_of_a_list() {
    let policy = policy(json!([
        { "id": "a", "effect": "allow", "unless": [{ "environments": ["prod"] }] },
    ]));
    let (item, ada) = (tool("a"), ada());
    let in_environment = |name: &str| {
        let situation = Situation::default().in_environment(name);
        let query = Query::listed(&item, &ada).with_situation(&situation);
        (
            policy.situation_key(&query).unwrap(),
            policy.visible(&query),
        )
    };
    let [allowed, denied] = SHOWN;
    let ((prod, in_prod), (test, in_test)) = (in_environment("prod"), in_environment("test"));
    assert_eq!([in_test, in_prod], [allowed, denied]);
    assert_ne!(prod, test);
    assert_eq!(test, in_environment("stage").0);
}
