//! Laws of the evaluator, on random policies and requests aimed at them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use common::{ada, compile, github, resource, tool};
use mcpo2_core::{Decision, Effect, Facts, Item, Method};
use mcpo2_policy::{Config, Engine, Policy, Query, Visibility};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Small worlds, so that rules and requests meet.
fn rule() -> impl Strategy<Value = Value> {
    (
        prop_oneof![3 => Just("allow"), 1 => Just("deny"), 1 => Just("require_approval")],
        maybe(prop_oneof![Just(vec!["acme"]), Just(vec!["other"])]),
        maybe(prop_oneof![
            Just(vec!["a*"]),
            Just(vec!["ab", "b"]),
            Just(vec!["*"])
        ]),
        maybe(prop_oneof![Just(vec!["engineering"]), Just(vec!["design"])]),
        maybe(Just(vec!["file:///srv/**"])),
        maybe(argument().prop_map(|argument| vec![argument])),
        maybe(1..4_u64),
    )
        .prop_map(
            |(effect, tenants, tools, families, resources, arguments, bytes)| {
                let mut rule = json!({"effect": effect});
                let fields = rule.as_object_mut().unwrap();
                let mut put = |key: &str, value: Option<Value>| {
                    if let Some(value) = value {
                        fields.insert(key.into(), value);
                    }
                };
                put("tenants", tenants.map(|v| json!(v)));
                put("tools", tools.map(|v| json!(v)));
                put("families", families.map(|v| json!(v)));
                put("resources", resources.map(|v| json!(v)));
                put("arguments", arguments.map(|v| json!(v)));
                match effect {
                    "allow" => put("obligations", bytes.map(|n| json!({"max_result_bytes": n}))),
                    "require_approval" => put("approval", Some(json!({"group": "g"}))),
                    _ => {}
                }
                rule
            },
        )
}

fn maybe<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    proptest::option::of(strategy)
}

fn argument() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"pointer": "/p", "glob": "/srv/**"})),
        Just(json!({"pointer": "/p", "prefix": "/"})),
        Just(json!({"pointer": "/n", "at_most": 5})),
        Just(json!({"pointer": "/n", "equals": 7})),
        Just(json!({"pointer": "/p", "present": false})),
    ]
}

fn rules() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(rule(), 0..6)
}

#[derive(Debug, Clone)]
struct Request {
    item: Item,
    known: bool,
    arguments: &'static str,
}

fn request() -> impl Strategy<Value = Request> {
    let items = prop_oneof![
        Just(tool("a")),
        Just(tool("ab")),
        Just(tool("b")),
        Just(tool("c")),
        Just(resource("file:///srv/x")),
        Just(resource("file:///etc")),
        Just(resource("bad")),
    ];
    let arguments = proptest::sample::select(vec![
        "{}",
        r#"{"p":"/srv/x"}"#,
        r#"{"p":"/etc/x"}"#,
        r#"{"p":"/.."}"#,
        r#"{"n":5}"#,
        r#"{"p":"x","n":7}"#,
        r#"{"n":6.5,"p":1}"#,
        "null",
    ]);
    (items, any::<bool>(), arguments).prop_map(|(item, known, arguments)| Request {
        item,
        known,
        arguments,
    })
}

/// Rules that have no id get one by their position.
fn numbered(rules: &[Value]) -> Vec<Value> {
    let mut rules = rules.to_vec();
    for (at, rule) in rules.iter_mut().enumerate() {
        let fields = rule.as_object_mut().unwrap();
        fields
            .entry("id")
            .or_insert_with(|| json!(format!("r{at:03}")));
    }
    rules
}

fn policy(rules: &[Value]) -> Policy {
    compile(numbered(rules).into()).unwrap()
}

fn facts(request: &Request) -> Option<Arc<Facts>> {
    request.known.then(|| Arc::new(github()))
}

fn decide(policy: &Policy, request: &Request) -> Decision {
    let ada = ada();
    let method = match request.item.kind() {
        mcpo2_core::ItemKind::Tool => Method::ToolsCall,
        _ => Method::ResourcesRead,
    };
    let query = Query::new(&method, Some(&request.item), &ada)
        .with_facts(facts(request))
        .with_arguments(request.arguments.as_bytes());
    let verdict = policy.decide(&query);
    assert_eq!(effect(verdict.decision()), verdict.decided().effect);
    assert_eq!(policy.explain(&query).effect, verdict.decided().effect);
    verdict.decision().clone()
}

fn effect(decision: &Decision) -> Effect {
    match decision {
        Decision::Allow(_) => Effect::Allow,
        Decision::Ask(_) => Effect::RequireApproval,
        Decision::Deny(_) => Effect::Deny,
    }
}

fn same(one: &Decision, two: &Decision) -> bool {
    match (one, two) {
        (Decision::Allow(one), Decision::Allow(two)) => one == two,
        _ => effect(one) == effect(two),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shuffled_rules_decide_the_same(
        (rules, shuffled) in rules().prop_flat_map(|rules| {
            let rules = numbered(&rules);
            (Just(rules.clone()), Just(rules).prop_shuffle())
        }),
        request in request(),
    ) {
        let (one, two) = (policy(&rules), policy(&shuffled));
        prop_assert!(same(&decide(&one, &request), &decide(&two, &request)));
        prop_assert_eq!(one.digest(), two.digest());
    }

    #[test]
    fn another_deny_is_never_more_permissive(rules in rules(), mut deny in rule(), request in request()) {
        let before = effect(&decide(&policy(&rules), &request));
        deny["effect"] = json!("deny");
        for key in ["obligations", "approval"] {
            deny.as_object_mut().unwrap().remove(key);
        }
        let more: Vec<Value> = rules.into_iter().chain([deny]).collect();
        prop_assert!(effect(&decide(&policy(&more), &request)) >= before);
    }

    #[test]
    fn one_allow_less_is_never_more_permissive(rules in rules(), at in any::<prop::sample::Index>(), request in request()) {
        let allows: Vec<usize> = (0..rules.len()).filter(|&at| rules[at]["effect"] == "allow").collect();
        prop_assume!(!allows.is_empty());
        let before = effect(&decide(&policy(&rules), &request));
        let mut fewer = rules;
        fewer.remove(allows[at.index(allows.len())]);
        prop_assert!(effect(&decide(&policy(&fewer), &request)) >= before);
    }

    #[test]
    fn a_rule_twice_is_a_rule_once(rules in rules(), at in any::<prop::sample::Index>(), request in request()) {
        prop_assume!(!rules.is_empty());
        let before = decide(&policy(&rules), &request);
        let twice: Vec<Value> = rules.iter().chain([&rules[at.index(rules.len())]]).cloned().collect();
        prop_assert!(same(&decide(&policy(&twice), &request), &before));
    }

    #[test]
    fn what_is_hidden_is_denied_and_what_passes_is_shown(rules in rules(), request in request()) {
        let policy = policy(&rules);
        let ada = ada();
        let listed = Query::listed(&request.item, &ada).with_facts(facts(&request));
        let effect = effect(&decide(&policy, &request));
        match policy.visible(&listed) {
            Visibility::Denied => prop_assert_eq!(effect, Effect::Deny),
            Visibility::Allowed => prop_assert_ne!(effect, Effect::Deny),
            Visibility::DependsOnArguments => {}
        }
    }

    #[test]
    fn no_config_and_no_arguments_panic(
        text in any::<String>(), pointer in "(/[a-z~01]{0,3}){0,3}", pattern in any::<String>(),
        arguments in proptest::collection::vec(any::<u8>(), 0..64), uri in any::<String>(),
    ) {
        let config: Config = serde_json::from_value(json!({"rules": [
            {"id": text, "effect": "allow"},
            {"id": "glob", "effect": "allow", "tools": [pattern], "resources": [pattern],
             "arguments": [{"pointer": pointer, "glob": pattern}]},
        ]})).unwrap();
        let _ = config.compile();
        for kind in ["glob", "regex", "prefix"] {
            let rule = json!([
                {"id": "a", "effect": "allow", "arguments": [{"pointer": pointer, kind: pattern}]},
                {"id": "b", "effect": "deny", "resources": [pattern]},
            ]);
            if let Ok(policy) = compile(rule) {
                let (item, ada) = (resource(&uri), ada());
                let query = Query::new(&Method::ToolsCall, Some(&item), &ada);
                let _ = policy.decide(&query.with_arguments(&arguments));
            }
        }
        let _ = serde_json::from_slice::<Config>(&arguments);
    }
}
