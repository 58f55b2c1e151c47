//! What rules that match come to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::sync::Arc;

use common::*;
use mcpo2_core::{Decision, Effect, Facts, Method};
use mcpo2_policy::{Engine, Policy, Query};
use serde_json::{Value, json};

/// Effect, rules and reason of a call of a tool, of a module of which these facts are known.
fn called(policy: &Policy, facts: Option<Facts>) -> (Effect, Vec<String>, String) {
    let (item, ada) = (tool("x"), ada());
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada);
    said(policy, &query.with_facts(facts.map(Arc::new)))
}

fn said(policy: &Policy, query: &Query<'_>) -> (Effect, Vec<String>, String) {
    let verdict = policy.decide(query);
    let decided = verdict.decided();
    (
        decided.effect,
        rules(policy, query),
        decided.reason.to_string(),
    )
}

fn public_code(denials: Value) -> Option<String> {
    let policy = policy(denials);
    let (item, ada) = (tool("x"), ada());
    let verdict = policy.decide(&Query::new(&Method::ToolsCall, Some(&item), &ada));
    let Decision::Deny(denial) = verdict.decision() else {
        panic!("{verdict:?}")
    };
    denial.public_code().map(Into::into)
}

#[test]
fn nobody_is_asked_about_what_could_not_go_on() {
    let asks = json!({"id": "z", "effect": "require_approval", "approval": {"group": "sre"}});
    let in_us = json!({"id": "a", "effect": "allow", "obligations": {"regions": ["us"]}});
    let preamble = |id: &str| json!({"id": id, "effect": "allow", "obligations": {"preamble": id}});
    let (effect, rules, _) = called(&policy(json!([asks, in_us])), Some(github()));
    assert_eq!((effect, rules), (Effect::Deny, vec!["sys:region".into()]));
    let torn = policy(json!([asks, preamble("a"), preamble("b")]));
    let (effect, rules, _) = called(&torn, Some(github()));
    let expected = vec!["sys:preamble-conflict".into()];
    assert_eq!((effect, rules), (Effect::Deny, expected));
    let free = policy(json!([asks, {"id": "a", "effect": "allow"}]));
    let (effect, rules, reason) = called(&free, Some(github()));
    assert_eq!((effect, rules), (Effect::RequireApproval, vec!["z".into()]));
    assert_eq!(reason, "a rule asks for approval");
}

#[test]
fn what_runs_elsewhere_or_nobody_knows_where_is_denied_and_the_gateway_is_not() {
    let bound = json!([
        {"id": "a", "effect": "allow", "obligations": {"regions": ["eu", "us"]}},
        {"id": "b", "effect": "allow", "obligations": {"regions": ["eu", "ch"]}},
        {"id": "c", "effect": "allow", "methods": ["ping"], "obligations": {"regions": ["ch"]}},
    ]);
    let policy = policy(bound);
    let at = |region: &str| github().with_region(region.parse().unwrap());
    let nowhere = Facts::new("x".parse().unwrap(), "y".parse().unwrap());
    for (facts, expected) in [
        (Some(at("eu")), Effect::Allow),
        (Some(at("us")), Effect::Deny),
        (Some(at("ch")), Effect::Deny),
        (Some(nowhere), Effect::Deny),
        (None, Effect::Deny),
    ] {
        assert_eq!(called(&policy, facts.clone()).0, expected, "{facts:?}");
    }
    let ada = ada();
    let ping = Query::new(&Method::Ping, None, &ada);
    assert_eq!(effect(&policy, &ping), Effect::Allow);
}

#[test]
fn the_platforms_own_rule_is_named_first() {
    let policy = policy(json!([{"id": "a", "effect": "allow", "methods": ["ping"]}]));
    let ada = ada();
    let (effect, rules, _) = said(&policy, &Query::new(&Method::Ping, None, &ada));
    assert_eq!(effect, Effect::Allow);
    assert_eq!(rules, ["sys:protocol", "a"]);
}

#[test]
fn a_module_that_is_not_there_for_a_caller_is_denied_whatever_rules_say() {
    let policy = policy(json!([{"id": "a", "effect": "allow"}]));
    let others = github().with_tenants(["other".parse().unwrap()]);
    let own = github().with_tenants(["other".parse().unwrap(), "acme".parse().unwrap()]);
    let pending = github().with_state(mcpo2_core::ApprovalState::Pending);
    let gone = github().with_state(mcpo2_core::ApprovalState::Revoked);
    for (facts, effect, rule) in [
        (own, Effect::Allow, "a"),
        (others, Effect::Deny, "sys:tenant"),
        (pending, Effect::Deny, "sys:module-state"),
        (gone, Effect::Deny, "sys:module-state"),
    ] {
        let (found, rules, _) = called(&policy, Some(facts.clone()));
        assert_eq!((found, rules), (effect, vec![rule.into()]), "{facts:?}");
    }
}

#[test]
fn the_reason_is_the_first_that_a_rule_gives() {
    let policy = policy(json!([
        {"id": "a", "effect": "deny"},
        {"id": "b", "effect": "deny", "reason": "frozen"},
        {"id": "c", "effect": "deny", "reason": "too late"},
        {"id": "0", "effect": "allow", "reason": "not heard"},
    ]));
    let (effect, rules, reason) = called(&policy, None);
    assert_eq!(effect, Effect::Deny);
    assert_eq!((rules.join(" "), reason), ("a b c".into(), "frozen".into()));
}

#[test]
fn a_caller_learns_a_code_only_where_every_rule_that_denies_has_one() {
    let silent = json!({"id": "b", "effect": "deny"});
    let deny = |id: &str, code: &str| json!({"id": id, "effect": "deny", "public_code": code});
    let both = json!([deny("a", "ONE"), deny("b", "TWO")]);
    assert_eq!(public_code(both).as_deref(), Some("ONE"));
    assert_eq!(public_code(json!([deny("a", "ONE"), silent])), None);
    assert_eq!(public_code(json!([])), None);
}
