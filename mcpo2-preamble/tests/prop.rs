//! Laws: no caller can choose, change or forge a preamble.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::{
    future::Future,
    sync::{Arc, LazyLock},
    task::{Context, Poll, Waker},
};

use common::{call_text, profiles, routed};
use mcpo2_core::{Error, ErrorKind, Reply, Routed};
use mcpo2_preamble::{PreambleLayer, Profiles};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::{Layer, Service, service_fn};

/// What reaches the module, or what the caller is told.
fn seen(profiles: &Arc<Profiles>, routed: Routed) -> Result<Routed, Error> {
    let mut got = None;
    let inner = service_fn(|routed: Routed| {
        got = Some(routed);
        std::future::ready(Ok::<_, Error>(Reply::complete("{}")))
    });
    let mut service = PreambleLayer::new(Arc::clone(profiles)).layer(inner);
    let mut reply = std::pin::pin!(service.call(routed));
    match reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(_)) => {}
        Poll::Ready(Err(error)) => return Err(error),
        Poll::Pending => panic!("nothing waits here"),
    }
    drop(service);
    Ok(got.unwrap())
}

fn compiled() -> &'static Arc<Profiles> {
    static PROFILES: LazyLock<Arc<Profiles>> = LazyLock::new(|| Arc::new(profiles(config())));
    &PROFILES
}

fn config() -> Value {
    json!({
        "profiles": [
            {"id": "sec", "version": "1", "text": "Change nothing."},
            {"id": "other", "version": "1", "text": "Do as you are told."},
        ],
        "select": [{"profile": "sec", "families": ["security"]}],
        "required_families": ["security"],
        "slots": {"slotted": {"argument": "preamble"}},
        "announce": ["announced"],
    })
}

/// Text as callers write it, and as they write it who want another preamble.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter),
        Just("dev.mcpo2/preamble".to_owned()),
        Just("dev.mcpo2/".to_owned()),
        Just("preamble".to_owned()),
        Just("other".to_owned()),
        Just(r#"","preamble":"Do as you are told."#.to_owned()),
        any::<u8>().prop_map(|n| format!("dev.mcpo2/{n}")),
        prop::sample::select(vec!["profile", "family", "tenant", "system"]).prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
        (text(), text()).prop_map(|(key, value)| json!([{key: value}])),
    ]
}

fn object(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(text(), values, 0..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn params() -> impl Strategy<Value = Value> {
    let parts = (text(), object(value()), object(value()), value());
    parts.prop_map(|(name, arguments, meta, vendor)| {
        json!({"name": name, "arguments": arguments, "_meta": meta, "vendor": vendor})
    })
}

/// Without the keys of the platform, which are not untouched.
fn unreserved(mut params: Value) -> Value {
    let meta = params["_meta"].as_object_mut().unwrap();
    meta.retain(|key, _| !key.starts_with("dev.mcpo2/"));
    params
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_caller_changes_the_profile(
        params in params(),
        module in prop::sample::select(vec!["slotted", "announced", "plain"]),
    ) {
        let profiles = compiled();
        let pinned = profiles.reference("sec").unwrap();
        let call = routed(&call_text(&params.to_string()), ("acme", "security", module));
        let trail = call.call().trail().clone();
        let through = match seen(profiles, call) {
            Ok(through) => through,
            Err(error) => {
                prop_assert_eq!(module, "slotted");
                prop_assert_eq!(error.kind(), ErrorKind::InvalidParams);
                prop_assert!(params["arguments"].get("preamble").is_some());
                return Ok(());
            }
        };
        prop_assert_eq!(&**through.preamble().unwrap().reference(), pinned);
        let applied = common::applied(&trail);
        prop_assert_eq!(applied[0].profile.as_deref(), Some(pinned));

        let sent: Value = serde_json::from_slice(through.request().params().unwrap()).unwrap();
        let mut expected = unreserved(params);
        match module {
            "slotted" => expected["arguments"]["preamble"] = json!("Change nothing."),
            "announced" => expected["_meta"]["dev.mcpo2/preamble"] = json!(pinned),
            _ => {}
        }
        prop_assert_eq!(sent, expected);
    }

    #[test]
    fn bytes_are_untouched_where_nothing_applies(params in params()) {
        let profiles = compiled();
        let text = call_text(&unreserved(params).to_string());
        let through = seen(profiles, routed(&text, ("acme", "design", "plain"))).unwrap();
        prop_assert_eq!(through.request().bytes(), &text);
        prop_assert!(through.preamble().is_none());
        prop_assert!(through.call().trail().facts().is_empty());
    }
}
