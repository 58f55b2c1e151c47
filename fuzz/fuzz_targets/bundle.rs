//! A policy compiles or is refused; one that compiles decides, whatever order its rules are in, and
//! reads the same when it is written out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_core::{AuthMethod, Effect, Facts, Item, ItemKind, Method, Principal};
use mcpo2_policy::{Config, Engine, Query, Visibility};

fuzz_target!(|bytes: &[u8]| {
    let Ok(config) = serde_json::from_slice::<Config>(bytes) else {
        return;
    };
    let mut reversed = config.clone();
    reversed.rules.reverse();
    let Ok(policy) = config.clone().compile() else {
        assert!(reversed.compile().is_err());
        return;
    };
    let reversed = reversed.compile().expect("the same rules");
    let written = serde_json::to_vec(&config).expect("plain data");
    let again: Config = serde_json::from_slice(&written).expect("what was written");
    assert_eq!(again, config);
    assert_eq!(again.compile().expect("compiled").digest(), policy.digest());

    let ada = Principal::new(
        "acme".parse().expect("a tenant"),
        "ada".parse().expect("an id"),
        AuthMethod::Host,
    )
    .with_roles(["admin"]);
    let facts = Facts::new(
        "files".parse().expect("an id"),
        "engineering".parse().expect("a family"),
    );
    let items = [
        (Method::ToolsCall, ItemKind::Tool, "files__read"),
        (Method::PromptsGet, ItemKind::Prompt, "a"),
        (
            Method::ResourcesRead,
            ItemKind::Resource,
            "file:///srv/a%2Fb",
        ),
        (Method::ResourcesRead, ItemKind::Template, "file:///srv/{x}"),
    ];
    for (method, kind, name) in items {
        let item = Item::new(kind, name);
        for facts in [None, Some(std::sync::Arc::new(facts.clone()))] {
            let visible = Query::listed(&item, &ada).with_facts(facts.clone());
            assert_eq!(policy.visible(&visible), reversed.visible(&visible));
            for arguments in ARGUMENTS {
                let query = || {
                    Query::new(&method, Some(&item), &ada)
                        .with_facts(facts.clone())
                        .with_arguments(arguments)
                };
                let decided = policy.decide(&query()).decided().effect;
                assert_eq!(decided, reversed.decide(&query()).decided().effect);
                // What is allowed for some arguments is not hidden.
                assert!(decided == Effect::Deny || policy.visible(&visible) != Visibility::Denied);
            }
        }
    }
});

const ARGUMENTS: [&[u8]; 4] = [
    b"{}",
    br#"{"path":"/srv/data/a","n":1e3,"force":true,"a":{"b":["x",null]}}"#,
    br#"{"path":"../etc","n":123456789012345678901}"#,
    b"[",
];
