//! What other gateways and policy engines get wrong, each as a test of the name of what went wrong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::{net::IpAddr, sync::Arc, time::Duration};

use common::*;
use mcpo2_core::{Decision, Effect, Facts, Item, ItemKind, Method};
use mcpo2_policy::{Config, Engine, Query, Situation, Visibility};
use serde_json::json;

const ALLOW: Effect = Effect::Allow;
const DENY: Effect = Effect::Deny;

fn call<'q>(item: &'q Item, caller: &'q mcpo2_core::Principal) -> Query<'q> {
    Query::new(&Method::ToolsCall, Some(item), caller)
}

/// A cache of decisions by agent and tool reuses what an argument rule said for five minutes.
#[test]
fn cached_decision_is_not_reused_for_other_arguments() {
    let policy = policy(json!([
        {"id": "files", "effect": "allow", "tools": ["files__*"]},
        {"id": "etc", "effect": "deny", "tools": ["files__write"],
         "arguments": [{"pointer": "/path", "glob": "/etc/**"}]},
    ]));
    for (path, effect) in [("/srv/a", ALLOW), ("/etc/a", DENY), ("/srv/a", ALLOW)] {
        let arguments = json!({ "path": path }).to_string();
        assert_eq!(call_tool(&policy, "files__write", &arguments), effect);
    }
}

/// The same cache has neither session nor source address nor identity in its key.
#[test]
fn cached_decision_is_not_reused_for_another_session_address_or_identity() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow", "roles": ["analyst"], "networks": ["10.0.0.0/8"],
         "max_session_seconds": 60},
    ]));
    let (item, ada) = (tool("x"), ada());
    let stranger = ada.clone().with_roles(["guest"]);
    let at = |from: &str, seconds| {
        Situation::default()
            .from_source(from.parse::<IpAddr>().unwrap())
            .in_session_of(Duration::from_secs(seconds))
    };
    for (caller, situation, expected) in [
        (&ada, at("10.0.0.1", 5), ALLOW),
        (&ada, at("10.0.0.1", 60), DENY),
        (&ada, at("192.0.2.1", 5), DENY),
        (&stranger, at("10.0.0.1", 5), DENY),
        (&ada, at("10.0.0.1", 5), ALLOW),
    ] {
        let query = call(&item, caller).with_situation(&situation);
        assert_eq!(effect(&policy, &query), expected, "{situation:?}");
    }
}

/// The router keeps of a decision only whether it allows, and obligations are lost.
#[test]
fn obligations_are_not_dropped_on_the_way() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow", "obligations": {"redact": ["email"], "max_result_bytes": 5}},
    ]));
    let (item, ada) = (tool("x"), ada());
    let verdict = policy.decide(&call(&item, &ada));
    let Decision::Allow(obligations) = verdict.decision() else {
        panic!("{verdict:?}")
    };
    assert_eq!(obligations.duties().count(), 2);
}

/// "No capability is required if the tool is not in the mapping": allowed by default.
#[test]
fn unmapped_tool_is_not_allowed() {
    let policy = policy(json!([{"id": "a", "effect": "allow", "tools": ["github__get_issue"]}]));
    assert_eq!(call_tool(&policy, "github__delete_repo", "{}"), DENY);
}

/// The documented deny names a field that the input does not have, and never fires.
#[test]
fn deny_that_names_no_known_field_is_refused_when_it_is_read() {
    for rule in [
        json!({"id": "a", "effect": "deny", "tool": "x"}),
        json!({"id": "a", "effect": "deny", "input": {"tool": "x"}}),
        json!({"id": "a", "effect": "deny", "unless": [{"role": ["x"]}]}),
    ] {
        assert!(serde_json::from_value::<Config>(json!({ "rules": [rule] })).is_err());
    }
}

/// The address on which the proxy listens is taken for the region of the caller.
#[test]
fn region_is_that_of_the_module_and_of_nothing_else() {
    let policy = policy(json!([{"id": "eu", "effect": "allow", "regions": ["eu"]}]));
    let (item, ada) = (tool("x"), ada());
    let situation = Situation::default().from_source("10.0.0.1".parse::<IpAddr>().unwrap());
    let nowhere = Facts::new("m".parse().unwrap(), "f".parse().unwrap());
    let query = || call(&item, &ada).with_situation(&situation);
    assert_eq!(
        effect(&policy, &query().with_facts(Some(Arc::new(nowhere)))),
        DENY
    );
    assert_eq!(
        effect(&policy, &query().with_facts(Some(Arc::new(github())))),
        ALLOW
    );
}

/// Without rules everyone is allowed, and so it is with rules that only deny.
#[test]
fn no_rules_and_rules_that_only_deny_allow_nobody() {
    for rules in [
        json!([]),
        json!([{"id": "a", "effect": "deny", "tools": ["other"]}]),
    ] {
        let policy = policy(rules);
        assert_eq!(call_tool(&policy, "x", "{}"), DENY);
        assert_eq!(listed(&policy, &tool("x")), Visibility::Denied);
    }
}

/// A deny whose expression fails is left out.
#[test]
fn deny_that_cannot_be_evaluated_denies() {
    let policy = policy(json!([
        {"id": "all", "effect": "allow"},
        {"id": "cheap", "effect": "deny", "tools": ["pay"],
         "arguments": [{"pointer": "/amount", "at_least": 100}]},
    ]));
    for (arguments, effect) in [
        (r#"{"amount": 5}"#, ALLOW),
        (r#"{"amount": 500}"#, DENY),
        (r#"{"amount": "500"}"#, DENY),
        (r#"{"amount": 1e999}"#, DENY),
        (r#"{"amount": 99.99999999999999999}"#, DENY),
        ("{}", DENY),
    ] {
        assert_eq!(call_tool(&policy, "pay", arguments), effect, "{arguments}");
    }
}

/// At the time of authorisation there are no arguments to decide on.
#[test]
fn policy_sees_the_arguments() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow", "arguments": [{"pointer": "/deep/0/x", "equals": 1}]},
    ]));
    assert_eq!(call_tool(&policy, "x", r#"{"deep": [{"x": 1.0}]}"#), ALLOW);
    assert_eq!(call_tool(&policy, "x", r#"{"deep": [{"x": 2}]}"#), DENY);
}

/// The first rule that matches wins, so that the order of a file decides.
#[test]
fn first_match_does_not_win() {
    let (allow, deny) = (
        json!({"id": "z", "effect": "allow", "tools": ["x"]}),
        json!({"id": "a", "effect": "deny", "tools": ["*"], "roles": ["analyst"]}),
    );
    for rules in [json!([allow, deny]), json!([deny, allow])] {
        assert_eq!(call_tool(&policy(rules), "x", "{}"), DENY);
    }
}

/// A second rule for a tool is refused as a duplicate, and globs are not known.
#[test]
fn several_rules_may_be_about_one_tool() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow", "tools": ["files__read"]},
        {"id": "b", "effect": "allow", "tools": ["files__r*"], "obligations": {"max_result_bytes": 9}},
    ]));
    let (item, ada) = (tool("files__read"), ada());
    assert_eq!(rules(&policy, &call(&item, &ada)), ["a", "b"]);
}

/// Rules of tools were there before anybody thought of prompts, resources and completions.
#[test]
fn surfaces_other_than_tools_are_denied_alike() {
    let policy = policy(json!([{"id": "a", "effect": "allow", "tools": ["*"]}]));
    let ada = ada();
    for (method, kind, name) in [
        (Method::PromptsGet, ItemKind::Prompt, "x"),
        (Method::ResourcesRead, ItemKind::Resource, "file:///x"),
        (Method::ResourcesSubscribe, ItemKind::Resource, "file:///x"),
        (Method::Complete, ItemKind::Prompt, "x"),
        (Method::TasksGet, ItemKind::Task, "x"),
    ] {
        let item = Item::new(kind, name);
        assert_eq!(
            effect(&policy, &Query::new(&method, Some(&item), &ada)),
            DENY,
            "{method:?}"
        );
    }
    assert_eq!(ask(&policy, "vendor/anything"), DENY);
}

/// Outside its home the gateway installs a client that always allows.
#[test]
fn nothing_allows_everything_unless_it_is_asked_to_by_name() {
    assert_eq!(
        call_tool(&Config::default().compile().unwrap(), "x", "{}"),
        DENY
    );
    let open = mcpo2_policy::Policy::allow_all();
    let (item, ada) = (tool("x"), ada());
    assert_eq!(rules(&open, &call(&item, &ada)), ["sys:allow-all"]);
}

/// The caller is told why, and so learns what is there and what the rules protect.
#[test]
fn denial_says_nothing_to_the_caller_unless_the_operator_chose_a_word() {
    let policy = policy(json!([
        {"id": "a", "effect": "deny", "tools": ["secret"], "reason": "for the board only"},
        {"id": "b", "effect": "deny", "tools": ["path"], "public_code": "POLICY_PATH"},
        {"id": "c", "effect": "deny", "tools": ["p*"], "principals": ["ada"]},
    ]));
    let ada = ada();
    for name in ["secret", "path", "other"] {
        let item = tool(name);
        let verdict = policy.decide(&call(&item, &ada));
        let Decision::Deny(denial) = verdict.decision() else {
            panic!("{verdict:?}")
        };
        // Of `path` one rule speaks and another is silent: silence wins.
        assert_eq!(denial.public_code(), None, "{name}");
    }
    let (item, bob) = (tool("path"), bob());
    let verdict = policy.decide(&call(&item, &bob));
    let Decision::Deny(denial) = verdict.decision() else {
        panic!("{verdict:?}")
    };
    assert_eq!(denial.public_code(), Some("POLICY_PATH"));
}

fn bob() -> mcpo2_core::Principal {
    let tenant = "acme".parse().unwrap();
    mcpo2_core::Principal::new(tenant, "bob".parse().unwrap(), mcpo2_core::AuthMethod::Host)
}
