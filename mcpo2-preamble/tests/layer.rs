//! What the layer promises its neighbours.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::sync::Arc;

use common::{applied, call, call_text, obliged, profiles, routed};
use mcpo2_core::{Body, Decision, Error, ErrorKind, Family, Obligations, Reply, Routed, Target};
use mcpo2_preamble::{ConfigError, PreambleLayer, PreambleService, Refusal};
use serde_json::json;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;

const SCAN: (&str, &str, &str) = ("acme", "security", "scanner");

fn config() -> serde_json::Value {
    json!({
        "profiles": [
            {"id": "sec", "version": "1", "text": "Change nothing."},
            {"id": "other", "version": "2.0", "text": "Be \"brief\"."},
        ],
        "select": [{"profile": "sec", "families": ["security"]}],
        "required_families": ["security", "legal"],
    })
}

fn with(key: &str, value: serde_json::Value) -> serde_json::Value {
    let mut config = config();
    config[key] = value;
    config
}

/// What reaches the inner service, or what the caller is told.
async fn seen(config: serde_json::Value, routed: Routed) -> Result<Routed, Error> {
    let (got, inner) = std::sync::mpsc::channel();
    let service = service_fn(move |routed: Routed| {
        got.send(routed).unwrap();
        async { Ok::<_, Error>(Reply::complete("{}")) }
    });
    let layer = PreambleLayer::new(Arc::new(profiles(config)));
    let reply = layer.layer(service).oneshot(routed).await;
    reply.map(|_| inner.try_recv().unwrap())
}

type Mock = tower::util::MapErr<mock::Mock<Routed, Reply>, fn(tower::BoxError) -> Error>;

fn mocked() -> (PreambleService<Mock>, mock::Handle<Routed, Reply>) {
    let (mock, handle) = mock::pair::<Routed, Reply>();
    let inner = mock.map_err(Error::from as fn(tower::BoxError) -> Error);
    let layer = PreambleLayer::new(Arc::new(profiles(config())));
    (layer.layer(inner), handle)
}

#[tokio::test]
async fn readiness_and_the_reply_are_the_inner_services() {
    let (mut service, mut handle) = mocked();
    handle.allow(0);
    let mut ready = task::spawn(());
    assert_pending!(ready.enter(|cx, _| service.poll_ready(cx)));
    handle.allow(1);
    assert_ready!(ready.enter(|cx, _| service.poll_ready(cx))).unwrap();

    let call = service.call(routed(&call_text(r#"{"name":"a"}"#), SCAN));
    let answer = async {
        let (_, respond) = handle.next_request().await.unwrap();
        respond.send_response(Reply::complete("the reply"));
    };
    let (reply, ()) = tokio::join!(call, answer);
    let Body::Complete(reply) = reply.unwrap().into_body() else {
        panic!("not complete");
    };
    assert_eq!(reply, "the reply");
}

#[tokio::test]
async fn refused_call_never_reaches_the_inner_service() {
    let (mut service, mut handle) = mocked();
    handle.allow(1);
    let text = call_text(r#"{"name":"a"}"#);
    let legal = routed(&text, ("acme", "legal", "docs"));
    let error = service.ready().await.unwrap().call(legal).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(!error.to_string().contains("legal"));
    drop(service);
    assert!(handle.next_request().await.is_none());
}

#[tokio::test]
async fn module_in_no_list_gets_its_bytes_untouched_and_the_fact_is_recorded() {
    let text = call_text(r#"{"z":1, "name":"a","arguments":{"preamble":"mine"}}"#);
    let call = routed(&text, SCAN);
    let trail = call.call().trail().clone();
    let seen = seen(config(), call).await.unwrap();
    assert_eq!(seen.request().bytes(), &text);
    assert_eq!(seen.preamble().unwrap().text(), "Change nothing.");
    let [applied] = &applied(&trail)[..] else {
        panic!("not one fact");
    };
    let profile = applied.profile.as_ref().unwrap();
    assert_eq!((&*profile.id, &*applied.point), ("sec", "none"));
    assert_eq!(profile, seen.preamble().unwrap().reference());
}

#[tokio::test]
async fn slot_takes_the_text_and_no_caller_may_set_it() {
    let config = with("slots", json!({"scanner": {"argument": "preamble"}}));
    let text = call_text(r#"{"name":"a","arguments":{"b":12345678901234567890123}}"#);
    let seen_by_module = seen(config.clone(), routed(&text, SCAN)).await.unwrap();
    assert_eq!(
        seen_by_module.request().bytes(),
        &call_text(
            r#"{"name":"a","arguments":{"preamble":"Change nothing.","b":12345678901234567890123}}"#
        )
    );
    assert_eq!(seen_by_module.call().request().bytes(), &text);
    let trail = seen_by_module.call().trail();
    assert_eq!(&*applied(trail)[0].point, "arguments");

    // An escaped key is the same key; and without a profile the argument is still the platform's.
    let engineering = ("acme", "engineering", "scanner");
    for call in [SCAN, engineering] {
        let text = call_text(r#"{"name":"a","arguments":{"pre\u0061mble":"mine"}}"#);
        let error = seen(config.clone(), routed(&text, call)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParams);
        let said = "argument `preamble` is set by the platform";
        assert_eq!(error.to_string(), said);
    }
    let text = call_text(r#"{"name":"a","arguments":["preamble"]}"#);
    let error = seen(config, routed(&text, SCAN)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidParams);
}

#[tokio::test]
async fn announced_module_gets_the_reference_and_not_the_text() {
    let config = with("announce", json!(["scanner"]));
    let text = call_text(r#"{"name":"a","_meta":{"progressToken":7}}"#);
    let seen = seen(config, routed(&text, SCAN)).await.unwrap();
    let digest = seen.preamble().unwrap().reference().digest;
    let meta = format!(
        r#"{{"dev.mcpo2/preamble":{{"id":"sec","version":"1","digest":"{digest}"}},"progressToken":7}}"#
    );
    let expected = call_text(&format!(r#"{{"name":"a","_meta":{meta}}}"#));
    assert_eq!(seen.request().bytes(), &expected);
    assert_eq!(&*applied(seen.call().trail())[0].point, "meta");
}

#[tokio::test]
async fn keys_of_the_platform_are_stripped_and_named() {
    let text = call_text(
        r#"{"name":"a","_meta":{"dev.mcpo2/preamble":{"id":"other"},"a":1,"dev.mcpo2\/x":2}}"#,
    );
    let call = routed(&text, SCAN);
    let trail = call.call().trail().clone();
    let through = seen(config(), call).await.unwrap();
    let expected = call_text(r#"{"name":"a","_meta":{"a":1}}"#);
    assert_eq!(through.request().bytes(), &expected);
    let stripped = &applied(&trail)[0].stripped;
    assert_eq!(
        **stripped,
        ["dev.mcpo2/preamble".into(), "dev.mcpo2/x".into()]
    );

    // Whatever the method, and also where no profile applies.
    let read = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b","_meta":{"dev.mcpo2/x":2}}}"#;
    let through = seen(config(), routed(read, SCAN)).await.unwrap();
    assert_eq!(
        through.request().bytes(),
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b","_meta":{}}}"#
    );
    assert!(through.preamble().is_none());
}

#[tokio::test]
async fn what_the_gateway_answers_is_not_looked_at() {
    let text = call_text(r#"{"name":"a","_meta":{"dev.mcpo2/x":2}}"#);
    let permitted = call(&text, "acme").decide(Decision::Allow(Obligations::default()));
    let to_gateway = permitted.unwrap().route(Target::gateway());
    let through = seen(config(), to_gateway).await.unwrap();
    assert_eq!(through.request().bytes(), &text);
    assert!(through.call().trail().facts().is_empty());
}

#[tokio::test]
async fn obligation_goes_before_selection() {
    let text = call_text(r#"{"name":"a"}"#);
    let through = seen(config(), obliged(&text, SCAN, Some("other"))).await;
    let reference = through.unwrap().preamble().unwrap().reference().clone();
    assert_eq!((&*reference.id, &*reference.version), ("other", "2.0"));
    let error = seen(config(), obliged(&text, SCAN, Some("none"))).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn second_layer_is_refused_unless_it_chooses_the_same() {
    let announce = with("announce", json!(["scanner"]));
    let text = call_text(r#"{"name":"a"}"#);
    let first = seen(announce.clone(), routed(&text, SCAN)).await.unwrap();
    let bytes = first.request().bytes().clone();
    let second = seen(announce, first.clone()).await.unwrap();
    assert_eq!(second.request().bytes(), &bytes);
    assert_eq!(applied(second.call().trail()).len(), 1);

    let other = with("select", json!([{"profile": "other"}]));
    let error = seen(other, first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[test]
fn selection_is_by_tenant_family_and_module() {
    let profiles = profiles(with(
        "select",
        json!([
            {"profile": "sec", "tenants": ["acme"], "modules": ["a", "b"]},
            {"profile": "other", "tenants": ["globex"]},
            {"profile": "other", "families": ["design"], "modules": ["b", "c"]},
        ]),
    ));
    let choose = |tenant: &str, family: &str, module: &str| {
        let facts = mcpo2_core::Facts::new(module.parse().unwrap(), family.parse().unwrap());
        let chosen = profiles.choose(&tenant.parse().unwrap(), &facts, None);
        chosen.map(|found| found.map(|preamble| preamble.reference().id.to_string()))
    };
    let named = |id: &str| Ok(Some(id.to_owned()));
    assert_eq!(choose("acme", "design", "a"), named("sec"));
    assert_eq!(choose("globex", "design", "a"), named("other"));
    assert_eq!(choose("initech", "design", "c"), named("other"));
    assert_eq!(choose("initech", "design", "a"), Ok(None));
    let legal: Family = "legal".parse().unwrap();
    let unresolved = Err(Refusal::Unresolved(legal));
    assert_eq!(choose("initech", "legal", "a"), unresolved);
    // Whether module b is of this family only the registry knows, so it shows when it is called.
    let (first, second) = ("sec".into(), "other".into());
    let ambiguous = Err(Refusal::Ambiguous { first, second });
    assert_eq!(choose("acme", "design", "b"), ambiguous);
}

#[test]
fn instructions_are_by_tenant_or_for_all() {
    let ada = call(&call_text(r#"{"name":"a"}"#), "acme");
    let eve = call(&call_text(r#"{"name":"a"}"#), "globex");
    let told = |config, call: &mcpo2_core::Call| profiles(config).instructions(call.principal());
    assert_eq!(told(config(), &ada), None);
    let all = with("instructions", json!("other"));
    assert_eq!(told(all, &eve).as_deref(), Some("Be \"brief\"."));
    let acme = with("instructions", json!({"acme": "sec"}));
    assert_eq!(told(acme.clone(), &ada).as_deref(), Some("Change nothing."));
    assert_eq!(told(acme, &eve), None);
}

#[test]
fn wrong_configuration_does_not_load() {
    let fails = |config: serde_json::Value| {
        let config: mcpo2_preamble::Config = serde_json::from_value(config).unwrap();
        config.compile().unwrap_err()
    };
    let profile = |text: &str| json!([{"id": "sec", "version": "1", "text": text}]);
    let mut pinned = profile("Change nothing.");
    pinned[0]["digest"] = json!(mcpo2_core::Digest::of(b"Change everything."));
    assert!(matches!(
        fails(with("profiles", pinned.clone())),
        ConfigError::Digest { .. }
    ));
    pinned[0]["digest"] = json!(mcpo2_core::Digest::of(b"Change nothing."));
    profiles(with("profiles", pinned));

    let hidden = fails(with("profiles", profile("a\u{e0041}")));
    assert_eq!(
        hidden.to_string(),
        "the text of profile `sec` has the character U+E0041 at byte 1"
    );
    let twice = json!([
        {"id": "sec", "version": "1", "text": "a"}, {"id": "sec", "version": "2", "text": "b"},
    ]);
    assert!(matches!(
        fails(with("profiles", twice)),
        ConfigError::Duplicate(_)
    ));
    let nameless = json!([{"id": "", "version": "1", "text": "a"}]);
    assert!(matches!(
        fails(with("profiles", nameless)),
        ConfigError::Name { part: "id", .. }
    ));
    for (key, value) in [
        ("select", json!([{"profile": "none"}])),
        ("instructions", json!("none")),
        ("instructions", json!({"acme": "none"})),
    ] {
        assert_eq!(
            fails(with(key, value)),
            ConfigError::UnknownProfile("none".into())
        );
    }
    let ambiguous = json!([
        {"profile": "sec", "families": ["security"]},
        {"profile": "sec", "modules": ["scanner"]},
        {"profile": "other", "tenants": ["acme"], "families": ["security", "design"]},
    ]);
    let (first, second) = (0, 2);
    let error = fails(with("select", ambiguous));
    assert_eq!(error, ConfigError::Ambiguous { first, second });
    let mut both = with("slots", json!({"scanner": {"argument": "p"}}));
    both["announce"] = json!(["scanner"]);
    assert!(matches!(fails(both), ConfigError::TwoPoints(_)));
    let unknown = serde_json::from_value::<mcpo2_preamble::Config>(json!({"profile": []}));
    assert!(unknown.is_err());
}
