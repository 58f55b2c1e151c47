//! What the layer promises its neighbours.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use std::sync::Arc;

use mcpo2_classify::{ClassifyLayer, ClassifyService, Config};
use mcpo2_core::{
    AuthMethod, Basis, Call, Classified, Directory, Fact, Facts, Item, Message, Principal, Reply,
};
use tower_test::mock;

type Mock = mock::Mock<Call, Reply>;
type Spawn = mock::spawn::Spawn<ClassifyService<Mock>>;

/// Knows one tool, which belongs to a module for design.
struct OneTool;

impl Directory for OneTool {
    fn describe(&self, item: &Item) -> Option<Arc<Facts>> {
        let facts = Facts::new("studio".parse().unwrap(), "design".parse().unwrap());
        (item.name() == "studio__draw").then(|| Arc::new(facts))
    }
}

fn spawn() -> (Spawn, mock::Handle<Call, Reply>) {
    let layer =
        ClassifyLayer::new(Config::builtin().compile().unwrap()).with_directory(Arc::new(OneTool));
    mock::spawn_layer(layer)
}

fn call(method: &str, params: &str) -> Call {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let Message::Request(request) = Message::parse(text).unwrap() else {
        unreachable!()
    };
    let (tenant, id) = ("acme".parse().unwrap(), "ada".parse().unwrap());
    Call::new(request, Principal::new(tenant, id, AuthMethod::Host))
}

/// The call as the inner service gets it, and what was recorded.
async fn classified(call: Call) -> (Call, Classified) {
    let (mut service, mut inner) = spawn();
    inner.allow(1);
    assert_ready(&mut service);
    let future = service.call(call);
    let (seen, respond) = inner.next_request().await.unwrap();
    respond.send_response(Reply::accepted());
    future.await.unwrap();
    let mut facts = seen.trail().facts();
    assert_eq!(facts.len(), 1, "one fact a layer");
    let Some(Fact::Classified(classified)) = facts.pop() else {
        panic!("another fact")
    };
    (seen, classified)
}

fn assert_ready(service: &mut Spawn) {
    assert!(service.poll_ready().is_ready());
}

#[tokio::test]
async fn readiness_is_the_inner_service_s() {
    let (mut service, mut inner) = spawn();
    inner.allow(0);
    assert!(service.poll_ready().is_pending());
    inner.allow(1);
    assert!(service.poll_ready().is_ready());
}

#[tokio::test]
async fn a_registered_item_has_the_family_of_its_module() {
    let (seen, found) = classified(call("tools/call", r#"{"name":"studio__draw"}"#)).await;
    assert_eq!(seen.family().unwrap().as_str(), "design");
    assert_eq!((found.basis, found.conflict), (Basis::Registry, None));
}

#[tokio::test]
async fn text_that_speaks_of_two_families_is_no_conflict() {
    // The name of the tool itself speaks of design, and its task of security.
    let params = r#"{"name":"studio__draw","arguments":{"query":"list known vulnerabilities"}}"#;
    let (seen, found) = classified(call("tools/call", params)).await;
    assert_eq!(seen.family().unwrap().as_str(), "design");
    assert_eq!((found.basis, found.conflict), (Basis::Registry, None));
    assert_eq!(
        found.evidence,
        ["sec.vulnerability".into(), "des.draw".into()]
    );
}

#[tokio::test]
async fn text_that_disagrees_is_a_conflict_and_switches_nothing() {
    struct Everything;
    impl Directory for Everything {
        fn describe(&self, _: &Item) -> Option<Arc<Facts>> {
            let facts = Facts::new("ops".parse().unwrap(), "engineering".parse().unwrap());
            Some(Arc::new(facts))
        }
    }
    let layer = ClassifyLayer::new(Config::builtin().compile().unwrap())
        .with_directory(Arc::new(Everything));
    let (mut service, mut inner): (Spawn, _) = mock::spawn_layer(layer);
    inner.allow(1);
    assert_ready(&mut service);
    let params = r#"{"name":"run","arguments":{"task":"find the leaked secrets"}}"#;
    let _future = service.call(call("tools/call", params));
    let (seen, _) = inner.next_request().await.unwrap();
    assert_eq!(seen.family().unwrap().as_str(), "engineering");
    let Some(Fact::Classified(found)) = seen.trail().facts().pop() else {
        panic!("another fact")
    };
    assert_eq!(found.conflict.unwrap().as_str(), "security");
    assert_eq!(found.evidence, ["sec.secret".into()]);
}

#[tokio::test]
async fn text_decides_only_for_a_tool_that_nobody_registered() {
    let secret = r#"{"name":"execute","arguments":{"task":"find the leaked secrets"}}"#;
    let (seen, found) = classified(call("tools/call", secret)).await;
    assert_eq!(seen.family().unwrap().as_str(), "security");
    assert_eq!(found.basis, Basis::Rules);

    let (seen, found) = classified(call("prompts/get", secret)).await;
    assert_eq!(seen.family(), None);
    assert_eq!((found.basis, found.family), (Basis::Nothing, None));
}

#[tokio::test]
async fn what_is_no_task_never_votes() {
    let params =
        r#"{"name":"execute","arguments":{"content":"secrets","task":{"task":"secrets"}}}"#;
    let (seen, found) = classified(call("tools/call", params)).await;
    assert_eq!(seen.family(), None);
    assert!(found.evidence.is_empty());
}

#[tokio::test]
async fn a_call_is_passed_on_to_the_letter() {
    let call = call("tools/list", r#"{"cursor":"x" , "vendor":1e400}"#);
    let bytes = call.request().bytes().clone();
    let (seen, found) = classified(call).await;
    assert_eq!(seen.request().bytes(), &bytes);
    assert_eq!(found.basis, Basis::Nothing);
}
