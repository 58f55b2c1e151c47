//! The flat shape, and what it becomes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{effect, tool};
use mcpo2_core::{AuthMethod, Effect, Item, Method, Principal};
use mcpo2_policy::{
    BundleConfig, Config, Policy, Query,
    flat::{FlatConfig, Flattened},
};
use serde_json::{Value, json};

fn flat(policies: Value) -> FlatConfig {
    serde_json::from_value(json!({ "policies": policies })).unwrap()
}

fn policy(with: Value) -> Value {
    let mut policy = json!({
        "name": "p", "effect": "allow", "principals": ["*"], "actions": ["*"], "resources": ["*"]
    });
    let fields = with.as_object().unwrap().clone();
    policy.as_object_mut().unwrap().extend(fields);
    policy
}

fn made(with: Value) -> Flattened {
    flat(json!([policy(with)])).to_bundle("b").unwrap()
}

/// The rules that one policy becomes, as they are written.
fn rules(with: Value) -> Value {
    serde_json::to_value(made(with).bundle.rules).unwrap()
}

fn compiled(policies: Value) -> Policy {
    let bundles = vec![flat(policies).to_bundle("b").unwrap().bundle];
    let config = Config {
        bundles,
        ..Config::default()
    };
    config.compile().unwrap()
}

fn caller(id: &str, auth: AuthMethod) -> Principal {
    Principal::new("acme".parse().unwrap(), id.parse().unwrap(), auth)
}

fn call(policy: &Policy, who: &Principal, name: &str) -> Effect {
    let item: Item = tool(name);
    effect(policy, &Query::new(&Method::ToolsCall, Some(&item), who))
}

#[test]
fn each_field_has_its_meaning() {
    for (with, expected) in [
        (json!({}), json!({})),
        (
            json!({"principals": ["token:a", "token:b"]}),
            json!({"principals": ["a", "b"], "auth": ["api_key"]}),
        ),
        (
            json!({"principals": ["user:ada"]}),
            json!({"principals": ["ada"], "kinds": ["user"]}),
        ),
        (json!({"principals": ["role:x"]}), json!({"roles": ["x"]})),
        (json!({"principals": ["role:x", "*"]}), json!({})),
        (
            json!({"actions": ["tools/call"]}),
            json!({"methods": ["tools/call"]}),
        ),
        (json!({"actions": ["tools/call", "*"]}), json!({})),
        (
            json!({"resources": ["pg:*"]}),
            json!({"tools": ["pg__*"], "prompts": ["pg__*"]}),
        ),
        (
            json!({"resources": ["query"]}),
            json!({"tools": ["*__query", "query"], "prompts": ["*__query", "query"]}),
        ),
        (
            json!({"resources": ["pg__query"]}),
            json!({"tools": ["pg__query"], "prompts": ["pg__query"]}),
        ),
        (
            json!({"resources": ["file:///srv/**"]}),
            json!({"resources": ["file:///srv/**"]}),
        ),
        (
            json!({"conditions": {"environment": "production", "region": ["eu", "us"]}}),
            json!({"environments": ["production"], "regions": ["eu", "us"]}),
        ),
        (
            json!({"conditions": {"network": "10.0.0.0/8", "tenant": "acme", "project": "p",
                                  "scope": "s", "family": "design"}}),
            json!({"networks": ["10.0.0.0/8"], "tenants": ["acme"], "projects": ["p"],
                   "scopes": ["s"], "families": ["design"]}),
        ),
        (json!({"effect": "deny"}), json!({"effect": "deny"})),
        (
            json!({"name": "dev  team"}),
            json!({"id": "dev-team", "reason": "dev  team"}),
        ),
    ] {
        let mut rule = json!({"id": "p", "effect": "allow"});
        let fields = expected.as_object().unwrap().clone();
        rule.as_object_mut().unwrap().extend(fields);
        assert_eq!(rules(with.clone()), json!([rule]), "{with}");
    }
}

#[test]
fn callers_of_several_kinds_get_a_rule_each() {
    let made = made(json!({"principals": ["user:ada", "role:x", "token:ci", "role:y"]}));
    let ids: Vec<&str> = made.bundle.rules.iter().map(|rule| &*rule.id).collect();
    assert_eq!(ids, ["p/roles", "p/tokens", "p/users"]);
    let roles = made
        .bundle
        .rules
        .first()
        .unwrap()
        .conditions
        .callers
        .roles
        .clone();
    assert_eq!(roles, Some(vec!["x".to_owned(), "y".to_owned()]));
    assert_eq!(made.policies, [0, 0, 0]);
}

#[test]
fn a_token_is_a_key_and_nobody_else_of_that_id() {
    let policy = compiled(json!([policy(json!({"principals": ["token:ci"]}))]));
    assert_eq!(
        call(&policy, &caller("ci", AuthMethod::ApiKey), "a__b"),
        Effect::Allow
    );
    assert_eq!(
        call(&policy, &caller("ci", AuthMethod::Jwt), "a__b"),
        Effect::Deny
    );
    let role = caller("x", AuthMethod::ApiKey).with_roles(["ci"]);
    assert_eq!(call(&policy, &role, "a__b"), Effect::Deny);
}

#[test]
fn a_deny_wins_wherever_it_stands() {
    let allow = policy(json!({"resources": ["pg:*"]}));
    let deny = policy(json!({"name": "no", "effect": "deny", "resources": ["drop_table"]}));
    let ada = caller("ada", AuthMethod::Host);
    for policies in [json!([allow, deny]), json!([deny, allow])] {
        let policy = compiled(policies);
        assert_eq!(call(&policy, &ada, "pg__query"), Effect::Allow);
        assert_eq!(call(&policy, &ada, "pg__drop_table"), Effect::Deny);
        assert_eq!(call(&policy, &ada, "mysql__query"), Effect::Deny);
    }
}

#[test]
fn what_means_nothing_here_is_an_error_that_says_where() {
    for (with, path) in [
        (json!({"principals": []}), "policies/0/principals"),
        (
            json!({"principals": ["*", "team:x"]}),
            "policies/0/principals/1",
        ),
        (json!({"principals": ["ada"]}), "policies/0/principals/0"),
        (
            json!({"principals": ["token:*"]}),
            "policies/0/principals/0",
        ),
        (json!({"actions": []}), "policies/0/actions"),
        (json!({"resources": []}), "policies/0/resources"),
        (
            json!({"resources": ["*x", "a:b:c"]}),
            "policies/0/resources/1",
        ),
        (json!({"resources": ["a:"]}), "policies/0/resources/0"),
        (json!({"resources": [""]}), "policies/0/resources/0"),
    ] {
        let error = flat(json!([policy(with.clone())]))
            .to_bundle("b")
            .unwrap_err();
        assert_eq!(error.path(), path, "{with}: {error}");
    }
}

#[test]
fn unknown_keys_and_effects_are_refused() {
    for with in [
        json!({"conditions": {"envirnoment": "x"}}),
        json!({"conditions": {"environment": 1}}),
        json!({"conditions": {"environment": ["a", 1]}}),
        json!({"priority": 1}),
        json!({"effect": "audit"}),
    ] {
        let text = json!({"policies": [policy(with.clone())]});
        assert!(
            serde_json::from_value::<FlatConfig>(text).is_err(),
            "{with}"
        );
    }
    let without = json!({"policies": [{"name": "p", "effect": "allow"}]});
    assert!(serde_json::from_value::<FlatConfig>(without).is_err());
}

#[test]
fn what_was_read_is_written_as_it_was() {
    let text = json!({"policies": [
        policy(json!({"conditions": {"environment": "production", "region": ["eu", "us"]}})),
        policy(json!({"name": "q", "effect": "deny", "principals": ["user:ada", "role:x"]})),
    ]});
    let read: FlatConfig = serde_json::from_value(text.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), text);
    let bundle = read.to_bundle("b").unwrap().bundle;
    let written = serde_json::to_value(&bundle).unwrap();
    assert_eq!(
        serde_json::from_value::<BundleConfig>(written).unwrap(),
        bundle
    );
}

#[test]
fn faults_of_rules_are_told_of_their_policies() {
    let policies = json!([
        policy(json!({"principals": ["user:ada", "role:x"]})),
        policy(json!({"name": "q", "resources": ["a:[b"]})),
    ]);
    let made = flat(policies).to_bundle("b").unwrap();
    let config = Config {
        bundles: vec![made.bundle.clone()],
        ..Config::default()
    };
    let error = config.compile().unwrap_err();
    assert_eq!(error.path(), "bundles/0/rules/2/tools/0");
    assert_eq!(made.path("rules/2/tools/0"), "policies/1/resources");
    assert_eq!(made.path("rules/0/roles/0"), "policies/0/principals");
    assert_eq!(made.path("rules/1/id"), "policies/0/name");
    assert_eq!(made.path("id"), "id");
}
