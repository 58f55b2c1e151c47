//! What a finding claims holds, on random policies and all requests of a small world.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use common::{github, tool};
use mcpo2_core::{AuthMethod, Effect, Item, ItemKind, Method, Principal};
use mcpo2_policy::{Config, Engine, Known, Policy, Query};
use proptest::prelude::*;
use serde_json::{Value, json};

type Field = (&'static str, Value);

/// A condition: all of a small world, in which some contradict or cover each other.
fn condition() -> impl Strategy<Value = Field> {
    let fields = [
        ("tenants", json!(["acme"])),
        ("tenants", json!(["acme", "globex"])),
        ("roles", json!(["builder"])),
        ("roles", json!(["builder", "analyst"])),
        ("families", json!(["engineering"])),
        ("families", json!(["engineering", "design"])),
        ("min_tier", json!(2)),
        ("min_tier", json!(3)),
        ("methods", json!(["tools/call"])),
        ("methods", json!(["prompts/get"])),
        ("methods", json!(["*"])),
        ("tools", json!(["a*"])),
        ("tools", json!(["ab", "b"])),
        ("tools", json!(["*"])),
        ("prompts", json!(["a"])),
        ("arguments", json!([{"pointer": "/n", "at_most": 5}])),
        (
            "arguments",
            json!([{"pointer": "/n", "at_most": 5}, {"pointer": "/n", "at_least": 7}]),
        ),
        (
            "arguments",
            json!([{"pointer": "/n", "one_of": [1, 7]}, {"pointer": "/n", "at_most": 5}]),
        ),
        ("max_request_bytes", json!(5)),
        ("max_request_bytes", json!(9)),
    ];
    proptest::sample::select(fields.to_vec())
}

fn conditions(most: usize) -> impl Strategy<Value = Value> {
    let fields = proptest::collection::vec(condition(), 0..=most);
    fields.prop_map(|fields| {
        let fields = fields
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        Value::Object(fields.collect())
    })
}

fn rule() -> impl Strategy<Value = Value> {
    let effects = proptest::sample::select(vec!["allow", "deny", "require_approval"]);
    let exception = proptest::option::weighted(0.4, conditions(2));
    let preamble = proptest::option::of(proptest::sample::select(vec!["p", "q"]));
    (effects, conditions(3), exception, preamble).prop_map(|(effect, rule, exception, preamble)| {
        let mut rule = rule;
        let fields = rule.as_object_mut().unwrap();
        fields.insert("effect".into(), effect.into());
        let exception = exception.filter(|one| !one.as_object().unwrap().is_empty());
        if let Some(exception) = exception {
            fields.insert("unless".into(), json!([exception]));
        }
        match (effect, preamble) {
            ("allow", Some(preamble)) => {
                fields.insert("obligations".into(), json!({ "preamble": preamble }));
            }
            ("require_approval", _) => {
                fields.insert("approval".into(), json!({"group": "g"}));
            }
            _ => {}
        }
        rule
    })
}

fn config() -> impl Strategy<Value = Config> {
    let rules = || proptest::collection::vec(rule(), 0..4);
    (rules(), rules(), any::<bool>()).prop_map(|(mut own, mut bundled, with_bundle)| {
        for (at, rule) in own.iter_mut().chain(&mut bundled).enumerate() {
            let fields = rule.as_object_mut().unwrap();
            fields.insert("id".into(), format!("r{at}").into());
        }
        let bundle = json!({"id": "b", "level": "tenant", "tenants": ["acme"], "rules": bundled});
        let bundles = if with_bundle {
            json!([bundle])
        } else {
            json!([])
        };
        serde_json::from_value(json!({"rules": own, "bundles": bundles})).unwrap()
    })
}

fn principals() -> Vec<Principal> {
    let of = |tenant: &str, roles: &[&str]| {
        let (tenant, id) = (tenant.parse().unwrap(), "ada".parse().unwrap());
        Principal::new(tenant, id, AuthMethod::Host).with_roles(roles.iter().copied())
    };
    vec![
        of("acme", &["builder"]),
        of("acme", &["analyst"]),
        of("globex", &["builder", "analyst"]),
        of("globex", &[]),
    ]
}

/// The effects, and the rules that made them, of all requests.
fn effects(policy: &Policy) -> Vec<(Effect, Vec<String>)> {
    let mut effects = Vec::new();
    let items = [
        (Method::ToolsCall, Some(tool("a"))),
        (Method::ToolsCall, Some(tool("ab"))),
        (Method::ToolsCall, Some(tool("b"))),
        (Method::PromptsGet, Some(Item::new(ItemKind::Prompt, "a"))),
        (Method::ToolsList, None),
    ];
    for principal in principals() {
        for (method, item) in &items {
            for facts in [None, Some(Arc::new(github()))] {
                for arguments in [
                    "{}",
                    r#"{"n":1}"#,
                    r#"{"n":6}"#,
                    r#"{"n":7}"#,
                    r#"{"n":"x"}"#,
                ] {
                    let query = Query::new(method, item.as_ref(), &principal)
                        .with_facts(facts.clone())
                        .with_arguments(arguments.as_bytes());
                    let verdict = policy.decide(&query);
                    let rules = verdict.decided().rules.iter().map(ToString::to_string);
                    effects.push((verdict.decided().effect, rules.collect()));
                }
            }
        }
    }
    effects
}

fn without(config: &Config, id: &str) -> Config {
    let mut config = config.clone();
    config.rules.retain(|rule| rule.id != id);
    for bundle in &mut config.bundles {
        bundle.rules.retain(|rule| rule.id != id);
    }
    config
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_rule_that_is_said_to_change_nothing_changes_nothing(config in config()) {
        let before = effects(&config.clone().compile().unwrap());
        for finding in config.lint(&Known::default()) {
            if ["never-matches", "shadowed-rule", "redundant-rule"].contains(&finding.code) {
                let after = effects(&without(&config, &finding.rule).compile().unwrap());
                let only = |all: &[(Effect, _)]| all.iter().map(|(effect, _)| *effect).collect::<Vec<_>>();
                prop_assert_eq!(only(&before), only(&after), "{:?} {:#?}", finding, config);
            }
            if finding.code == "never-matches" {
                let named = before.iter().any(|(_, rules)| rules.contains(&finding.rule));
                prop_assert!(!named, "{:?} {:#?}", finding, config);
            }
            if finding.code == "preamble-conflict" && finding.severity == mcpo2_policy::Severity::Error {
                let allows = before.iter().any(|(effect, rules)| {
                    *effect == Effect::Allow && rules.contains(&finding.rule)
                });
                prop_assert!(!allows, "{:?} {:#?}", finding, config);
            }
        }
    }
}
