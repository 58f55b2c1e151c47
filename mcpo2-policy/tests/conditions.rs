//! What each condition says, as that of an allow and as that of a deny.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use common::*;
use mcpo2_core::{Effect, Facts, Method};
use mcpo2_policy::{Config, Engine, Policy, Query, Reference, Situation, Visibility};
use serde_json::{Value, json};

/// Whether an allow with these conditions allows, and a deny with them denies.
fn both(conditions: &Value, situation: &Situation, facts: Option<Facts>) -> (bool, bool) {
    let rule = |id: &str, effect: &str| {
        let mut rule = conditions.clone();
        rule["id"] = json!(id);
        rule["effect"] = json!(effect);
        rule
    };
    let all = json!({"id": "all", "effect": "allow"});
    let allow = with_calendar(json!([rule("a", "allow")]));
    let deny = with_calendar(json!([all, rule("b", "deny")]));
    let (item, ada) = (tool("x"), ada());
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada)
        .with_situation(situation)
        .with_facts(facts.map(Arc::new));
    (
        effect(&allow, &query) == Effect::Allow,
        effect(&deny, &query) == Effect::Deny,
    )
}

fn with_calendar(rules: Value) -> Policy {
    let calendar = json!({"zone": "UTC", "spans": [
        {"from": "2026-11-28T10:00", "until": "2026-11-28T11:00"}
    ]});
    let config = json!({"calendars": {"freeze": calendar}, "rules": rules});
    let config: Config = serde_json::from_value(config).unwrap();
    config.compile().unwrap()
}

const HOLDS: (bool, bool) = (true, true);
const FAILS: (bool, bool) = (false, false);
const UNKNOWN: (bool, bool) = (false, true);

/// Saturday, 28 November 2026, at this time of day in UTC.
fn at(hour: u64, minute: u64) -> Situation {
    let day = Duration::from_secs(1_795_824_000);
    let time = Duration::from_secs(hour * 3600 + minute * 60);
    Situation::default().at(SystemTime::UNIX_EPOCH + day + time)
}

#[test]
fn conditions_on_the_situation_hold_fail_or_are_unknown() {
    let nowhere = Situation::default;
    let of = |name: &str| nowhere().in_environment(name);
    let from = |address: &str| nowhere().from_source(address.parse::<IpAddr>().unwrap());
    let aged = |seconds| nowhere().in_session_of(Duration::from_secs(seconds));
    let long = |bytes| nowhere().with_request_bytes(bytes);
    let morning = json!([{"zone": "UTC", "from": "08:00", "until": "12:00"}]);
    for (condition, given) in [
        (
            json!({"environments": ["prod", "stage"]}),
            vec![(of("stage"), HOLDS), (of("prod2"), FAILS)],
        ),
        (
            json!({"networks": ["192.0.2.7", "10.0.0.0/8"]}),
            vec![(from("10.255.0.1"), HOLDS), (from("11.0.0.1"), FAILS)],
        ),
        (
            json!({"max_session_seconds": 60}),
            vec![(aged(59), HOLDS), (aged(60), FAILS), (aged(61), FAILS)],
        ),
        (
            json!({"max_request_bytes": 60}),
            vec![(long(59), HOLDS), (long(60), HOLDS), (long(61), FAILS)],
        ),
        (
            json!({"times": morning}),
            vec![(at(11, 59), HOLDS), (at(12, 0), FAILS)],
        ),
        (
            json!({"calendars": ["freeze"]}),
            vec![(at(10, 30), HOLDS), (at(11, 30), FAILS)],
        ),
    ] {
        assert_eq!(both(&condition, &nowhere(), None), UNKNOWN, "{condition}");
        for (situation, expected) in given {
            let found = both(&condition, &situation, None);
            assert_eq!(found, expected, "{condition} in {situation:?}");
        }
    }
}

#[test]
fn conditions_on_the_module_hold_fail_or_are_unknown() {
    let both = |condition: &Value, facts| both(condition, &Situation::default(), facts);
    for (condition, expected) in [
        (json!({"families": ["design", "engineering"]}), HOLDS),
        (json!({"families": ["design"]}), FAILS),
        (json!({"modules": ["gitlab", "github"]}), HOLDS),
        (json!({"modules": ["gitlab"]}), FAILS),
        (json!({"regions": ["us", "eu"]}), HOLDS),
        (json!({"regions": ["us"]}), FAILS),
        (json!({"min_tier": 1}), HOLDS),
        (json!({"min_tier": 2}), HOLDS),
        (json!({"min_tier": 3}), FAILS),
    ] {
        assert_eq!(both(&condition, Some(github())), expected, "{condition}");
        assert_eq!(both(&condition, None), UNKNOWN, "{condition}");
    }
    let nowhere = Facts::new("x".parse().unwrap(), "y".parse().unwrap());
    assert_eq!(both(&json!({"regions": ["eu"]}), Some(nowhere)), UNKNOWN);
}

#[test]
fn a_guessed_family_fulfils_a_condition_and_exempts_from_none() {
    let (item, ada, guess) = (tool("x"), ada(), "design".parse().unwrap());
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada).with_family(&guess);
    let known = Query::new(&Method::ToolsCall, Some(&item), &ada)
        .with_family(&guess)
        .with_facts(Some(Arc::new(github())));
    for (rules, of_unknown, of_known) in [
        (
            json!([{"id": "a", "effect": "allow", "families": ["design"]}]),
            Effect::Allow,
            Effect::Deny,
        ),
        (
            json!([{"id": "a", "effect": "allow", "families": ["x"]}]),
            Effect::Deny,
            Effect::Deny,
        ),
        (
            json!([{"id": "a", "effect": "allow", "unless": [{"families": ["x"]}]}]),
            Effect::Deny,
            Effect::Allow,
        ),
        (
            json!([{"id": "a", "effect": "allow"},
                {"id": "b", "effect": "deny", "unless": [{"families": ["design"]}]}]),
            Effect::Deny,
            Effect::Deny,
        ),
    ] {
        let config: Config = serde_json::from_value(json!({ "rules": rules })).unwrap();
        let quick = config.clone().compile().unwrap();
        let plain = Reference::compile(config).unwrap();
        for (query, expected) in [(&query, of_unknown), (&known, of_known)] {
            assert_eq!(effect(&quick, query), expected, "{rules}");
            assert_eq!(plain.decide(query).decided().effect, expected, "{rules}");
        }
    }
}

#[test]
fn how_long_a_request_will_be_is_open_in_a_list() {
    let (item, ada) = (tool("x"), ada());
    // The request that asked for the list was longer than the call may be.
    let situation = Situation::default().with_request_bytes(500);
    let query = Query::listed(&item, &ada).with_situation(&situation);
    for rules in [
        json!([{"id": "a", "effect": "allow", "max_request_bytes": 60}]),
        json!([{"id": "a", "effect": "allow"}, {"id": "b", "effect": "deny", "max_request_bytes": 60}]),
    ] {
        let policy = policy(rules);
        assert_eq!(policy.visible(&query), Visibility::DependsOnArguments);
    }
}

#[test]
fn an_explanation_names_the_field_of_each_condition() {
    let (item, ada) = (tool("x"), ada());
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada);
    for (condition, field) in [
        (json!({"methods": ["tools/list"]}), "methods"),
        (json!({"prompts": ["x"]}), "tools, prompts, resources"),
        (json!({"tenants": ["t"]}), "tenants"),
        (json!({"roles": ["t"]}), "roles"),
        (json!({"principals": ["t"]}), "principals"),
        (json!({"projects": ["t"]}), "projects"),
        (json!({"scopes": ["t"]}), "scopes"),
        (json!({"kinds": ["service"]}), "kinds"),
        (json!({"auth": ["jwt"]}), "auth"),
        (json!({"families": ["t"]}), "families"),
        (json!({"modules": ["t"]}), "modules"),
        (json!({"regions": ["t"]}), "regions"),
        (json!({"min_tier": 1}), "min_tier"),
        (json!({"environments": ["t"]}), "environments"),
        (json!({"networks": ["10.0.0.0/8"]}), "networks"),
        (
            json!({"times": [{"zone": "UTC", "days": ["mon"]}]}),
            "times",
        ),
        (json!({"calendars": ["freeze"]}), "calendars"),
        (json!({"max_session_seconds": 1}), "max_session_seconds"),
        (json!({"max_request_bytes": 1}), "max_request_bytes"),
        (
            json!({"arguments": [{"pointer": "/p", "prefix": "a"}]}),
            "arguments /p",
        ),
        (json!({"unless": [{"tools": ["x"]}]}), "unless"),
    ] {
        let mut rule = condition.clone();
        rule["id"] = json!("a");
        rule["effect"] = json!("allow");
        let explained = with_calendar(json!([rule])).explain(&query);
        let missed: Vec<&str> = explained
            .near
            .iter()
            .flat_map(|rule| &rule.missed)
            .map(|missed| missed.field.as_str())
            .collect();
        assert_eq!(missed, [field], "{condition}");
    }
}
