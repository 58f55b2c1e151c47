//! No argument gets an `allow` out of the tree that it names, whatever its text; and what a `deny`
//! catches stays caught in every spelling that resolves to the same.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcpo2_core::{AuthMethod, Effect, Item, ItemKind, Method, Principal};
use mcpo2_policy::{Config, Engine, Policy, Query};

static ADA: LazyLock<Principal> = LazyLock::new(|| {
    let tenant = "acme".parse().expect("a tenant");
    Principal::new(tenant, "ada".parse().expect("an id"), AuthMethod::Host)
});

static TREE: LazyLock<Policy> = LazyLock::new(|| {
    policy(
        r#"{"rules":[
            {"id":"tree","effect":"allow","tools":["t"],
             "arguments":[{"pointer":"/p","glob":"/srv/data/**"}]},
            {"id":"uri","effect":"allow","resources":["file:///srv/data/**"]}]}"#,
    )
});

static KEYS: LazyLock<Policy> = LazyLock::new(|| {
    policy(
        r#"{"rules":[
            {"id":"all","effect":"allow","tools":["t"]},
            {"id":"keys","effect":"deny","tools":["t"],
             "arguments":[{"pointer":"/p","glob":"/srv/keys/**"}]}]}"#,
    )
});

fuzz_target!(|text: &str| {
    if argument(&TREE, text) == Effect::Allow {
        let resolved = resolve(text).expect("a path that leaves its root was allowed");
        assert!(resolved.starts_with("/srv/data/"), "{text:?} -> {resolved}");
    }
    if resolve(text).is_some_and(|path| path.starts_with("/srv/keys/")) {
        assert_eq!(argument(&KEYS, text), Effect::Deny, "{text:?}");
    }

    let item = Item::new(ItemKind::Resource, text);
    let query = Query::new(&Method::ResourcesRead, Some(&item), &ADA);
    if TREE.decide(&query).decided().effect == Effect::Allow {
        let path = local_path(text).expect("a file of this machine");
        assert!(!path.contains(['\\', '\0']), "{text:?}");
        let path = percent_decoded(path.split(['?', '#']).next().unwrap_or_default());
        let resolved = resolve(&path).expect("a uri that leaves its root was allowed");
        assert!(resolved.starts_with("/srv/data/"), "{text:?} -> {resolved}");
    }
});

/// The plainest reading of an absolute path that a file server could have.
fn resolve(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.strip_prefix('/')?.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

/// The path of a `file` URI whose authority, if it has one, is this machine.
fn local_path(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let path = match rest.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/')?);
            (authority.is_empty() || authority.eq_ignore_ascii_case("localhost")).then_some(path)?
        }
        None => rest,
    };
    scheme.eq_ignore_ascii_case("file").then_some(path)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| std::str::from_utf8(behind.get(..2)?).ok())
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn argument(policy: &Policy, text: &str) -> Effect {
    let item = Item::new(ItemKind::Tool, "t");
    let arguments = serde_json::json!({ "p": text }).to_string();
    let query = Query::new(&Method::ToolsCall, Some(&item), &ADA);
    let query = query.with_arguments(arguments.as_bytes());
    policy.decide(&query).decided().effect
}

fn policy(json: &str) -> Policy {
    let config: Config = serde_json::from_str(json).expect("a policy");
    config.compile().expect("a policy")
}
