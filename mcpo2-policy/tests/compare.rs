//! What two policies show otherwise, and what tests never ask about.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use common::{github, policy, tool};
use mcpo2_core::{AuthMethod, Principal};
use mcpo2_policy::{Config, Owned, Policy, Reference, Situation, Survey, Visibility};
use serde_json::{Value, json};

fn subjects() -> Vec<Principal> {
    let of = |id: &str, role: &str| {
        let (tenant, id) = ("acme".parse().unwrap(), id.parse().unwrap());
        Principal::new(tenant, id, AuthMethod::Host).with_roles([role])
    };
    vec![of("ada", "builder"), of("bob", "reader")]
}

fn items() -> Vec<Owned> {
    vec![
        (tool("git__log"), Some(Arc::new(github()))),
        (tool("git__push"), Some(Arc::new(github()))),
        (tool("svn__log"), None),
    ]
}

fn config(rules: Value) -> Config {
    serde_json::from_value(json!({ "rules": rules })).unwrap()
}

/// Who, what, before and after.
type Pairs = Vec<(usize, usize, Visibility, Visibility)>;

fn difference(old: &Policy, new: &Policy) -> (Pairs, Pairs) {
    let (subjects, items, situation) = (subjects(), items(), Situation::default());
    let found = Survey::new(&subjects, &items, &situation).difference(old, new);
    let pairs = |changed: Vec<mcpo2_policy::Changed>| {
        let pairs = changed.into_iter();
        pairs
            .map(|one| (one.subject, one.item, one.before, one.after))
            .collect()
    };
    (pairs(found.allowed), pairs(found.denied))
}

use Visibility::{Allowed, Denied, DependsOnArguments};

#[test]
fn what_is_shown_otherwise_is_told_by_caller_and_item() {
    let old = policy(json!([
        {"id": "all", "effect": "allow", "families": ["engineering"]}
    ]));
    let new = policy(json!([
        {"id": "log", "effect": "allow", "tools": ["*__log"], "roles": ["builder"]},
        {"id": "push", "effect": "allow", "tools": ["git__push"],
         "arguments": [{"pointer": "/force", "equals": false}]}
    ]));
    let (allowed, denied) = difference(&old, &new);
    assert_eq!(allowed, [(0, 2, Denied, Allowed)]);
    assert_eq!(
        denied,
        [
            (0, 1, Allowed, DependsOnArguments),
            (1, 0, Allowed, Denied),
            (1, 1, Allowed, DependsOnArguments),
        ]
    );
    let (back, forth) = difference(&new, &old);
    assert_eq!((back.len(), forth.len()), (denied.len(), allowed.len()));
}

#[test]
fn the_same_policy_shows_the_same() {
    let rules = json!([{"id": "a", "effect": "allow", "roles": ["builder"]}]);
    let (one, two) = (policy(rules.clone()), policy(rules));
    assert_eq!(difference(&one, &two), (Vec::new(), Vec::new()));
}

#[test]
fn any_engine_can_be_asked_and_says_the_same() {
    let rules = json!([
        {"id": "log", "effect": "allow", "tools": ["git__*"], "roles": ["builder"]},
        {"id": "eu", "effect": "allow", "regions": ["eu"], "environments": ["prod"]}
    ]);
    let (quick, plain) = (
        config(rules.clone()).compile().unwrap(),
        Reference::compile(config(rules)).unwrap(),
    );
    let (subjects, items) = (subjects(), items());
    for situation in [
        Situation::default(),
        Situation::default().in_environment("prod"),
    ] {
        let survey = Survey::new(&subjects, &items, &situation);
        let rows = survey.who_can(&quick);
        assert_eq!(rows, survey.who_can(&plain));
        assert_eq!(survey.difference(&quick, &plain), Default::default());
        let bob = rows.get(1).unwrap();
        let in_prod = situation.environment().is_some();
        let expected = if in_prod { Allowed } else { Denied };
        assert_eq!(bob, &[expected, expected, Denied]);
    }
}

#[test]
fn rules_that_decide_in_no_test_are_named() {
    let config: Config = serde_json::from_value(json!({
        "rules": [
            {"id": "log", "effect": "allow", "tools": ["git__log"]},
            {"id": "all", "effect": "allow", "tools": ["git__*"]},
            {"id": "outdone", "effect": "allow", "tools": ["git__push"]},
            {"id": "no-push", "effect": "deny", "tools": ["git__push"]},
            {"id": "try", "effect": "deny", "tools": ["git__log"], "mode": "shadow"}
        ],
        "tests": [{"name": "log", "given": {"tool": "git__log"}, "expect": "allow"}],
        "bundles": [{"id": "b", "tests": [
            {"name": "push", "given": {"tool": "git__push"}, "expect": "deny"},
            {"name": "wrong", "given": {"tool": "git__push"}, "expect": "allow"},
            {"name": "senseless", "given": {}, "expect": "allow"}
        ]}]
    }))
    .unwrap();
    let trial = config.trial().unwrap();
    assert_eq!(
        (trial.rules, trial.never_decisive),
        (5, vec!["outdone".to_owned()])
    );
    let failed = trial.tests.iter().filter(|test| test.failure.is_some());
    let failed: Vec<_> = failed.map(|test| (test.bundle, test.index)).collect();
    assert_eq!(failed, [(Some(0), 1), (Some(0), 2)]);
    let wrong = trial.tests.get(2).unwrap().failure.as_deref();
    assert_eq!(
        wrong,
        Some("`wrong`: it is denied by `no-push`, and not allowed")
    );
}
