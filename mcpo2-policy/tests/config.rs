//! What does not compile, and what it says.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::compile;
use mcpo2_policy::Config;
use serde_json::{Value, json};

fn rule(with: Value) -> Value {
    let mut rule = json!({"id": "r", "effect": "allow"});
    rule.as_object_mut()
        .unwrap()
        .extend(with.as_object().unwrap().clone());
    json!([rule])
}

fn argument(with: Value) -> Value {
    let mut argument = json!({"pointer": "/p"});
    argument
        .as_object_mut()
        .unwrap()
        .extend(with.as_object().unwrap().clone());
    rule(json!({"arguments": [argument]}))
}

#[test]
fn each_fault_names_its_rule_and_field() {
    let long = "a".repeat(5000);
    let nested = format!("{}a{}", "{".repeat(500), "}".repeat(500));
    for (rules, field) in [
        (rule(json!({"id": ""})), "id"),
        (rule(json!({"id": "sys:mine"})), "id"),
        (rule(json!({"tools": []})), "tools"),
        (rule(json!({"tools": ["a", "[b"]})), "tools[1]"),
        (rule(json!({"tools": [long]})), "tools[0]"),
        (rule(json!({"tools": [nested]})), "tools[0]"),
        (rule(json!({"methods": [""]})), "methods[0]"),
        (rule(json!({"resources": ["/srv/**"]})), "resources[0]"),
        (rule(json!({"resources": ["file:/srv/**"]})), "resources[0]"),
        (
            rule(json!({"resources": ["file:///srv/../**"]})),
            "resources[0]",
        ),
        (
            rule(json!({"resources": ["file:///a%20b/**"]})),
            "resources[0]",
        ),
        (rule(json!({"resources": ["file:///.."]})), "resources[0]"),
        (rule(json!({"tenants": ["a b"]})), "tenants[0]"),
        (rule(json!({"families": ["Design"]})), "families[0]"),
        (rule(json!({"min_tier": 5})), "min_tier"),
        (rule(json!({"approval": {"group": "g"}})), "approval"),
        (rule(json!({"effect": "require_approval"})), "approval"),
        (
            rule(json!({"effect": "deny", "obligations": {"preamble": "p"}})),
            "obligations",
        ),
        (
            rule(json!({"obligations": {"preamble": ""}})),
            "obligations.preamble",
        ),
        (rule(json!({"reason": long})), "reason"),
        (argument(json!({})), "arguments[0]"),
        (
            argument(json!({"prefix": "a", "present": true})),
            "arguments[0]",
        ),
        (
            argument(json!({"pointer": "p", "present": true})),
            "arguments[0].pointer",
        ),
        (
            argument(json!({"pointer": "/~2", "present": true})),
            "arguments[0].pointer",
        ),
        (argument(json!({"regex": "("})), "arguments[0].regex"),
        (argument(json!({"regex": "a)|(?:b"})), "arguments[0].regex"),
        (
            argument(json!({"regex": "(\\w{1000}){1000}"})),
            "arguments[0].regex",
        ),
        (argument(json!({"glob": "/srv//x"})), "arguments[0].glob"),
        (argument(json!({"glob": "/srv/x/"})), "arguments[0].glob"),
        (argument(json!({"one_of": []})), "arguments[0].one_of"),
        (
            argument(json!({"one_of": ["a", [1]]})),
            "arguments[0].one_of[1]",
        ),
        (argument(json!({"equals": {"a": 1}})), "arguments[0].equals"),
        (
            argument(json!({"at_most": 9_007_199_254_740_993_u64})),
            "arguments[0].at_most",
        ),
    ] {
        let error = compile(rules.clone())
            .map(|_| ())
            .expect_err(&rules.to_string());
        assert_eq!(error.field(), field, "{rules}: {error}");
        assert_eq!(error.index(), Some(0));
    }
}

#[test]
fn an_id_stands_once() {
    let error = compile(json!([
        {"id": "a", "effect": "allow"}, {"id": "b", "effect": "deny"}, {"id": "a", "effect": "deny"},
    ]))
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "rule `a`, `id`: is the id of another rule too"
    );
    assert_eq!(error.index(), Some(2));
}

#[test]
fn what_is_read_is_written_the_same() {
    let text = json!({"rules": [{
        "id": "a", "effect": "allow", "tenants": ["t"], "families": ["f"], "min_tier": 2,
        "tools": ["x*"], "arguments": [{"pointer": "/p", "at_most": 3}],
        "obligations": {"preamble": "p", "max_result_bytes": 7}, "reason": "why",
    }]});
    let config: Config = serde_json::from_value(text.clone()).unwrap();
    assert_eq!(serde_json::to_value(config).unwrap(), text);
}

/// Three times ten to the twenty-third, say: read a digit at a time, it is another number.
#[test]
fn a_number_is_the_one_that_was_written() {
    for number in ["3e23", "30e22", "17210e27", "1e299", "0.1", "-4.5e-7"] {
        let argument = format!(r#"{{"pointer":"/n","at_most":{number}}}"#);
        let text =
            format!(r#"{{"rules":[{{"id":"r","effect":"allow","arguments":[{argument}]}}]}}"#);
        let config: Config = serde_json::from_str(&text).unwrap();
        let compiled = config.clone().compile();
        compiled.unwrap_or_else(|error| panic!("{number}: {error}"));
        let written = serde_json::to_string(&config).unwrap();
        assert_eq!(
            serde_json::from_str::<Config>(&written).unwrap(),
            config,
            "{written}"
        );
    }
}

#[test]
fn a_key_stands_once() {
    let twice = r#"{"rules":[{"id":"a","effect":"deny","effect":"allow"}]}"#;
    assert!(serde_json::from_str::<Config>(twice).is_err());
}

#[cfg(feature = "schema")]
#[test]
fn the_schema_knows_every_field_of_a_rule_and_no_other() {
    let schema = serde_json::to_value(schemars::schema_for!(mcpo2_policy::RuleConfig)).unwrap();
    let fields = schema["properties"].as_object().unwrap();
    assert_eq!(fields.len(), 30, "{schema:#}");
    let strict =
        schema["additionalProperties"] == false || schema["unevaluatedProperties"] == false;
    assert!(strict, "{schema:#}");
    assert_eq!(schema["required"], json!(["id", "effect"]));
}
