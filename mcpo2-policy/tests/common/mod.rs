#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by tests, each of which uses a part"
)]

use mcpo2_core::{
    AuthMethod, Call, Effect, Facts, Item, ItemKind, Message, Method, Principal, Request,
};
use mcpo2_policy::{Config, ConfigError, Engine, Policy, Query, Visibility};
use serde_json::{Value, json};

/// A policy of these rules, in JSON.
pub fn policy(rules: Value) -> Policy {
    compile(rules).unwrap()
}

pub fn compile(rules: Value) -> Result<Policy, ConfigError> {
    let config: Config = serde_json::from_value(json!({ "rules": rules })).unwrap();
    config.compile()
}

pub fn ada() -> Principal {
    Principal::new(
        "acme".parse().unwrap(),
        "ada".parse().unwrap(),
        AuthMethod::Host,
    )
    .with_roles(["analyst"])
}

pub fn tool(name: &str) -> Item {
    Item::new(ItemKind::Tool, name)
}

pub fn resource(uri: &str) -> Item {
    Item::new(ItemKind::Resource, uri)
}

pub fn github() -> Facts {
    Facts::new("github".parse().unwrap(), "engineering".parse().unwrap())
        .with_region("eu".parse().unwrap())
        .with_tier(2)
}

/// What becomes of `tools/call` of `name` with these arguments by ada.
pub fn call_tool(policy: &Policy, name: &str, arguments: &str) -> Effect {
    let (item, ada) = (tool(name), ada());
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada);
    effect(policy, &query.with_arguments(arguments.as_bytes()))
}

pub fn read(policy: &Policy, uri: &str) -> Effect {
    let (item, ada) = (resource(uri), ada());
    effect(
        policy,
        &Query::new(&Method::ResourcesRead, Some(&item), &ada),
    )
}

/// What becomes of a request without an item.
pub fn ask(policy: &Policy, method: &str) -> Effect {
    effect(policy, &Query::new(&Method::from(method), None, &ada()))
}

pub fn effect(policy: &Policy, query: &Query<'_>) -> Effect {
    policy.decide(query).decided().effect
}

pub fn rules(policy: &Policy, query: &Query<'_>) -> Vec<String> {
    let verdict = policy.decide(query);
    verdict
        .decided()
        .rules
        .iter()
        .map(ToString::to_string)
        .collect()
}

pub fn listed(policy: &Policy, item: &Item) -> Visibility {
    policy.visible(&Query::listed(item, &ada()))
}

pub fn request(text: &str) -> Request {
    match Message::parse(text.to_owned()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    }
}

pub fn call(text: &str) -> Call {
    Call::new(request(text), ada())
}
