//! The input document, as engines in other languages read it.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod common;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use common::{ada, github, tool};
use mcpo2_core::{Method, Principal};
use mcpo2_policy::{Input, Query, Situation};
use serde_json::{Value, json};

fn document(query: &Query<'_>) -> Value {
    serde_json::from_str(&serde_json::to_string(&Input::of(query)).unwrap()).unwrap()
}

fn at() -> Situation {
    Situation::default()
        .at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000))
        .in_environment("prod")
        .from_source("10.0.0.7".parse().unwrap())
        .in_session_of(Duration::from_millis(61_500))
        .with_request_bytes(90)
}

#[test]
fn the_document_has_each_member_of_its_schema() {
    let ada = ada().with_scopes(["repo"]).with_project("alpha");
    let (item, situation) = (tool("github__get_issue"), at());
    let family = "engineering".parse().unwrap();
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada)
        .with_facts(Some(Arc::new(github())))
        .with_family(&family)
        .with_situation(&situation)
        .with_arguments(br#"{"id": 7.50, "path": "/a/../b", "tags": [true, null]}"#);
    let golden = json!({
        "schema": "mcpo2.policy.input/v1",
        "subject": {
            "tenant": "acme",
            "principal": {"kind": "user", "id": "ada"},
            "roles": ["analyst"],
            "scopes": ["repo"],
            "project": "alpha",
            "auth": {"method": "host"},
        },
        "action": "tools/call",
        "target": {
            "kind": "tool", "name": "github__get_issue", "owner": "module", "module": "github",
            "family": "engineering", "region": "eu", "tier": 2, "state": "approved",
        },
        "intent": {"family": "engineering"},
        "args": {"id": 7.5, "path": "/a/../b", "tags": [true, null]},
        "args_state": "given",
        "facts": {
            "/id": {"kind": "number", "number": "0.75e1", "floor": 7, "ceil": 8},
            "/path": {"kind": "text", "text": "/a/../b", "path": "/b", "anchor": "root"},
            "/tags": {"kind": "list"},
            "/tags/0": {"kind": "bool", "text": "true"},
            "/tags/1": {"kind": "null"},
        },
        "context": {
            "time": "2026-11-18T11:06:40Z", "environment": "prod", "source": "10.0.0.7",
            "session_seconds": 61, "request_bytes": 90, "listed": false,
        },
    });
    assert_eq!(document(&query), golden);
}

#[test]
fn what_is_unknown_is_null() {
    let ada = ada();
    let document = document(&Query::new(&Method::ToolsCall, None, &ada));
    for unknown in [
        "kind", "name", "module", "family", "region", "tier", "state",
    ] {
        assert_eq!(document["target"][unknown], Value::Null, "{unknown}");
    }
    assert_eq!(document["target"]["owner"], "unknown");
    assert_eq!(document["args"], Value::Null);
    assert_eq!(document["context"]["time"], Value::Null);
    assert_eq!(document["subject"]["project"], Value::Null);
}

#[test]
fn numbers_keep_their_digits() {
    let (ada, item) = (ada(), tool("t"));
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada)
        .with_arguments(br#"{"n":100.00000000000000001}"#);
    let text = serde_json::to_string(&Input::of(&query)).unwrap();
    assert!(
        text.contains(r#""args":{"n":100.00000000000000001}"#),
        "{text}"
    );
    // No reader is sure of it, and so it has no bounds.
    assert!(
        text.contains(r#""facts":{"/n":{"kind":"number"}}"#),
        "{text}"
    );
}

#[test]
fn the_state_of_the_arguments_is_told() {
    let (ada, item) = (ada(), tool("t"));
    let state = |query: &Query<'_>| document(query)["args_state"].clone();
    let call = |ada: &Principal, arguments: &[u8]| {
        let query = Query::new(&Method::ToolsCall, Some(&item), ada);
        state(&query.with_arguments(arguments))
    };
    assert_eq!(call(&ada, b"{}"), "given");
    for unreadable in [&b"[1]"[..], b"null", b"{", br#"{"a":1,"a":2}"#, b"\xff"] {
        assert_eq!(call(&ada, unreadable), "unreadable", "{unreadable:?}");
    }
    assert_eq!(
        state(&Query::new(&Method::ToolsCall, Some(&item), &ada)),
        "missing"
    );
    assert_eq!(state(&Query::listed(&item, &ada)), "open");
    assert_eq!(
        document(&Query::listed(&item, &ada))["context"]["listed"],
        true
    );
    assert_eq!(
        state(&Query::new(&Method::Ping, None, &ada)),
        "inapplicable"
    );
    let ping = document(&Query::new(&Method::Ping, None, &ada));
    assert_eq!(ping["target"]["owner"], "gateway");
}
