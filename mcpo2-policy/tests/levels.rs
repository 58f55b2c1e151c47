//! Who has a say: the platform, and the bundles of tenants and projects, each over its own callers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{ada, effect, tool};
use mcpo2_core::{Effect, Method, Principal, Shadow};
use mcpo2_policy::{Config, Engine, Policy, Query, Visibility};
use serde_json::{Value, json};

const ALLOW: Effect = Effect::Allow;
const DENY: Effect = Effect::Deny;

fn compile(rules: &[Value], bundles: &[Value]) -> Policy {
    let config = json!({"rules": rules, "bundles": bundles});
    let config: Config = serde_json::from_value(config).unwrap();
    config.compile().unwrap()
}

/// One rule about the tool `x`, found in another way at each level; none without an effect.
fn rules(id: &str, effect: &str) -> Vec<Value> {
    let tools = match id {
        "platform" => json!(["x", "y"]),
        "tenant" => json!(["x*"]),
        _ => json!(["*x", "x"]),
    };
    match effect {
        "" => vec![],
        _ => vec![json!({"id": id, "effect": effect, "tools": tools})],
    }
}

fn tenants(effect: &str) -> Value {
    json!({"id": "t", "level": "tenant", "tenants": ["acme"], "rules": rules("tenant", effect)})
}

fn projects(effect: &str) -> Value {
    json!({"id": "p", "level": "project", "tenants": ["acme"], "projects": ["moon"],
        "rules": rules("project", effect)})
}

fn in_shadow(mut bundle: Value) -> Value {
    bundle["mode"] = json!("shadow");
    bundle
}

fn caller(tenant: &str, project: Option<&str>) -> Principal {
    let ada = ada();
    let caller = Principal::new(tenant.parse().unwrap(), ada.id().clone(), ada.auth());
    match project {
        Some(project) => caller.with_project(project),
        None => caller,
    }
}

fn decided(policy: &Policy, caller: &Principal) -> (Effect, Visibility, Option<Shadow>) {
    let item = tool("x");
    let query = Query::new(&Method::ToolsCall, Some(&item), caller);
    let listed = policy.visible(&Query::listed(&item, caller));
    let all = policy.visible_of(&mut [&item, &item].into_iter(), &|item| {
        Query::listed(item, caller)
    });
    assert_eq!(all, [listed, listed]);
    let verdict = policy.decide(&query);
    (
        effect(policy, &query),
        listed,
        verdict.decided().shadow.clone(),
    )
}

#[test]
fn each_level_that_has_a_say_must_allow() {
    let all = ["", "allow", "deny"];
    let (on_moon, on_earth) = (caller("acme", Some("moon")), caller("acme", Some("earth")));
    let elsewhere = caller("other", Some("moon"));
    for platform in all {
        for tenant in all {
            for project in all {
                let bundles = [tenants(tenant), projects(project)];
                let policy = compile(&rules("platform", platform), &bundles);
                for (caller, levels) in [
                    (&on_moon, vec![platform, tenant, project]),
                    (&on_earth, vec![platform, tenant]),
                    (&caller("acme", None), vec![platform, tenant]),
                    (&elsewhere, vec![platform]),
                ] {
                    let allowed = levels.iter().all(|level| *level == "allow");
                    let expected = match allowed {
                        true => (ALLOW, Visibility::Allowed, None),
                        false => (DENY, Visibility::Denied, None),
                    };
                    assert_eq!(decided(&policy, caller), expected, "{levels:?} {caller}");
                }
            }
        }
    }
}

#[test]
fn a_bundle_in_shadow_mode_decides_nothing_and_says_what_it_would() {
    let (on_moon, elsewhere) = (caller("acme", Some("moon")), caller("other", Some("moon")));
    for (bundle, caller) in [
        (tenants("deny"), &on_moon),
        (projects("deny"), &on_moon),
        // That nothing in it allows is what it would change too.
        (tenants(""), &on_moon),
        (projects(""), &on_moon),
    ] {
        let policy = compile(&rules("platform", "allow"), &[in_shadow(bundle.clone())]);
        let (effect, listed, shadow) = decided(&policy, caller);
        assert_eq!((effect, listed), (ALLOW, Visibility::Allowed), "{bundle}");
        assert_eq!(shadow.unwrap().effect, DENY, "{bundle}");
        let expected = (ALLOW, Visibility::Allowed, None);
        assert_eq!(decided(&policy, &elsewhere), expected, "{bundle}");
    }
    let agrees = compile(&rules("platform", "allow"), &[in_shadow(tenants("allow"))]);
    assert_eq!(decided(&agrees, &on_moon).2, None);
}

#[test]
fn bundles_in_shadow_mode_join_those_that_are_enforced() {
    let on_moon = caller("acme", Some("moon"));
    for bundles in [
        [tenants("allow"), in_shadow(projects("deny"))],
        [in_shadow(tenants("deny")), projects("allow")],
    ] {
        let policy = compile(&rules("platform", "allow"), &bundles);
        let (effect, _, shadow) = decided(&policy, &on_moon);
        assert_eq!(effect, ALLOW, "{bundles:?}");
        assert_eq!(shadow.unwrap().effect, DENY, "{bundles:?}");
    }
    // What is enforced goes on to be when another bundle is tried.
    let silent = [tenants(""), in_shadow(projects("allow"))];
    let policy = compile(&rules("platform", "allow"), &silent);
    assert_eq!(
        decided(&policy, &on_moon),
        (DENY, Visibility::Denied, None),
        "the tenant allows nothing, in shadow mode or not"
    );
}

#[test]
fn the_widest_level_that_decides_is_named() {
    for (platform, tenant, project, level, reason) in [
        ("", "", "", "platform", "no rule allows it"),
        ("", "allow", "allow", "platform", "no rule allows it"),
        ("allow", "", "", "tenant", "no rule of the tenant allows it"),
        (
            "allow",
            "allow",
            "",
            "project",
            "no rule of the project allows it",
        ),
        ("allow", "allow", "allow", "platform", "allowed by rule"),
        ("deny", "deny", "deny", "platform", "denied by rule"),
        ("allow", "deny", "deny", "tenant", "denied by rule"),
        ("", "allow", "deny", "project", "denied by rule"),
    ] {
        let bundles = [tenants(tenant), projects(project)];
        let policy = compile(&rules("platform", platform), &bundles);
        let (item, caller) = (tool("x"), caller("acme", Some("moon")));
        let query = Query::new(&Method::ToolsCall, Some(&item), &caller);
        let explained = serde_json::to_value(policy.explain(&query)).unwrap();
        let found = (&explained["level"], &explained["reason"]);
        assert_eq!(found, (&json!(level), &json!(reason)));
    }
}
