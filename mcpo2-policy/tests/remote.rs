//! What a layer with a remote engine promises its neighbours.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod common;

use std::{
    future::pending,
    sync::{Arc, Mutex},
    task::Poll,
};

use bytes::Bytes;
use common::{call, policy};
use mcpo2_core::{
    Call, Denial, Digest, Duty, Error, ErrorKind, Fact, Obligations, Permitted, Reply,
};
use mcpo2_policy::{Engine as _, Policy, PolicyLayer, RemoteEngine, RemotePolicyLayer, Verdict};
use serde_json::{Value, json};
use tower::{Layer, Service};
use tower_test::mock::{self, Spawn};

type Handle = mock::Handle<Permitted, Reply>;

#[derive(Clone)]
struct Inner(mock::Mock<Permitted, Reply>);

impl Service<Permitted> for Inner {
    type Response = Reply;
    type Error = Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx).map_err(Error::from)
    }

    fn call(&mut self, permitted: Permitted) -> Self::Future {
        let reply = self.0.call(permitted);
        Box::pin(async move { reply.await.map_err(Error::from) })
    }
}

/// Says what a test wants, and keeps what it was asked.
#[derive(Default)]
struct Far {
    asked: Mutex<Vec<Value>>,
    denies: Option<&'static str>,
    owes: Option<u64>,
    regions: &'static [&'static str],
    never_answers: bool,
}

#[async_trait::async_trait]
impl RemoteEngine for Far {
    async fn decide(&self, document: Bytes) -> Verdict {
        let document: Value = serde_json::from_slice(&document).unwrap();
        let name = document["target"]["name"].clone();
        self.asked.lock().unwrap().push(document);
        if self.never_answers {
            return pending().await;
        }
        if self.denies.is_some_and(|denied| name == denied) {
            let denial = Denial::new(vec!["far".parse().unwrap()], "no");
            return Verdict::deny(denial, self.digest());
        }
        let mut owed = Obligations::default();
        owed.max_result_bytes = self.owes.and_then(std::num::NonZeroU64::new);
        let regions = self.regions.iter().map(|region| region.parse().unwrap());
        owed.regions = (!self.regions.is_empty()).then(|| regions.collect());
        Verdict::allow(vec!["far".parse().unwrap()], "yes", owed, self.digest())
    }

    fn digest(&self) -> Digest {
        Digest::of(b"far")
    }
}

fn near() -> Policy {
    policy(
        json!([{"id": "near", "effect": "allow", "tools": ["add", "sub"],
        "obligations": {"max_result_bytes": 500}},
        {"id": "reads", "effect": "allow", "resources": ["test://**"]}]),
    )
}

fn layer(far: &Arc<Far>) -> RemotePolicyLayer {
    let local = PolicyLayer::new(Arc::new(near())).discharging([Duty::MaxResultBytes]);
    local.and_remote(Arc::clone(far) as Arc<dyn RemoteEngine>)
}

type Stack = Spawn<mcpo2_policy::RemotePolicyService<Inner>>;

fn stack(layer: &RemotePolicyLayer) -> (Stack, Handle) {
    let (inner, handle) = mock::pair();
    (Spawn::new(layer.layer(Inner(inner))), handle)
}

fn tools_call(name: &str) -> Call {
    call(&format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}"}}}}"#
    ))
}

fn decided(call: &Call) -> Value {
    let facts = call.trail().facts();
    let decided = facts.iter().find_map(|fact| match fact {
        Fact::Decided(decided) => Some(serde_json::to_value(decided).unwrap()),
        _ => None,
    });
    decided.unwrap()
}

async fn denied(far: &Arc<Far>, call: &Call) -> Error {
    let (mut service, mut handle) = stack(&layer(far));
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let error = service.call(call.clone()).await.unwrap_err();
    let mut next = waiting(&mut handle);
    assert!(next.take().is_none(), "the inner service was called");
    error
}

/// A request that already waits at the inner service.
fn waiting(handle: &mut Handle) -> Option<Permitted> {
    match handle.poll_request() {
        Poll::Ready(Some((permitted, _))) => Some(permitted),
        _ => None,
    }
}

#[tokio::test]
async fn what_both_allow_passes_with_what_both_oblige_to() {
    let far = Arc::new(Far {
        owes: Some(100),
        ..Far::default()
    });
    let (mut service, mut handle) = stack(&layer(&far));
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = tools_call("add");
    let reply = tokio::spawn(service.call(call.clone()));
    let (permitted, responder) = handle.next_request().await.unwrap();
    assert_eq!(permitted.obligations().max_result_bytes.unwrap().get(), 100);
    responder.send_response(Reply::accepted());
    reply.await.unwrap().unwrap();
    assert_eq!(decided(&call)["rules"], json!(["near", "far"]));
    assert_eq!(far.asked.lock().unwrap()[0]["target"]["name"], "add");
}

#[tokio::test]
async fn what_the_remote_engine_denies_never_reaches_the_inner_service() {
    let far = Arc::new(Far {
        denies: Some("add"),
        ..Far::default()
    });
    let call = tools_call("add");
    assert_eq!(denied(&far, &call).await.kind(), ErrorKind::Denied);
    assert_eq!(decided(&call)["rules"], json!(["far"]));
}

#[tokio::test]
async fn what_is_denied_here_is_not_asked_elsewhere() {
    let far = Arc::new(Far::default());
    assert_eq!(
        denied(&far, &tools_call("drop")).await.kind(),
        ErrorKind::Denied
    );
    assert!(far.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_the_remote_engine_demands_and_nothing_discharges_denies() {
    let far = Arc::new(Far {
        owes: Some(1),
        ..Far::default()
    });
    let local = PolicyLayer::new(Arc::new(Policy::allow_all()));
    let (mut service, mut handle) = stack(&local.and_remote(far));
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = tools_call("add");
    service.call(call.clone()).await.unwrap_err();
    assert_eq!(decided(&call)["rules"], json!(["sys:obligation"]));
    // Both decided, and so the record names the rules of both.
    assert_ne!(decided(&call)["bundle"], json!(near().digest()));
}

#[tokio::test]
async fn the_protocol_and_lists_are_not_asked_elsewhere() {
    let far = Arc::new(Far {
        never_answers: true,
        ..Far::default()
    });
    for method in ["tools/list", "ping", "initialize"] {
        let (mut service, mut handle) = stack(&layer(&far));
        handle.allow(1);
        assert!(service.poll_ready().is_ready());
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
        let reply = tokio::spawn(service.call(call(&text)));
        let (_, responder) = handle.next_request().await.unwrap();
        responder.send_response(Reply::accepted());
        reply.await.unwrap().unwrap();
    }
    assert!(far.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn each_resource_of_a_subscription_is_asked_for() {
    let far = Arc::new(Far {
        denies: Some("test://b"),
        ..Far::default()
    });
    let call = call(
        r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen",
            "params":{"notifications":{"resourceSubscriptions":["test://a","test://b","test://c"]}}}"#,
    );
    assert_eq!(denied(&far, &call).await.kind(), ErrorKind::Denied);
    let asked = far.asked.lock().unwrap();
    let names: Vec<_> = asked
        .iter()
        .map(|input| input["target"]["name"].clone())
        .collect();
    assert_eq!(names, ["test://a", "test://b"]);
}

#[tokio::test]
async fn each_task_of_a_subscription_is_asked_for() {
    let far = Arc::new(Far {
        denies: Some("7"),
        ..Far::default()
    });
    let local = PolicyLayer::new(Arc::new(Policy::allow_all()));
    let (mut service, mut handle) = stack(&local.and_remote(Arc::clone(&far) as _));
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = call(
        r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen",
            "params":{"notifications":{"resourceSubscriptions":["test://a"],"taskIds":["7"]}}}"#,
    );
    let error = service.call(call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    let asked = far.asked.lock().unwrap();
    let asked = asked
        .iter()
        .map(|input| (&input["action"], &input["target"]["name"]));
    let expected = [("resources/read", "test://a"), ("tasks/get", "7")];
    let expected = expected.map(|(action, name)| (json!(action), json!(name)));
    assert!(asked.eq(expected.iter().map(|(action, name)| (action, name))));
}

/// The subscription itself runs in the gateway; what it tells of runs where the module does.
#[tokio::test]
async fn a_resource_of_a_subscription_is_told_of_where_it_may_run() {
    let far = Arc::new(Far {
        regions: &["eu"],
        ..Far::default()
    });
    let call = call(
        r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen",
            "params":{"notifications":{"resourceSubscriptions":["test://a"]}}}"#,
    );
    // Nobody knows where its module runs.
    assert_eq!(denied(&far, &call).await.kind(), ErrorKind::Denied);
    assert_eq!(decided(&call)["rules"], json!(["sys:region"]));
}

#[tokio::test]
async fn a_read_of_what_the_gateway_keeps_is_asked_for() {
    let uri = "mcpo2+artifact://gateway/a/0123";
    let far = Arc::new(Far {
        denies: Some(uri),
        ..Far::default()
    });
    let local = PolicyLayer::new(Arc::new(Policy::allow_all()));
    let (mut service, mut handle) = stack(&local.and_remote(Arc::clone(&far) as _));
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = call(&format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{{"uri":"{uri}"}}}}"#
    ));
    assert_eq!(
        service.call(call).await.unwrap_err().kind(),
        ErrorKind::Denied
    );
    assert_eq!(far.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn readiness_is_the_inner_services_and_the_ready_one_is_called() {
    let far = Arc::new(Far::default());
    let (mut service, mut handle) = stack(&layer(&far));
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    // A mock panics where it is called without having been ready: so does a clone of it.
    let reply = tokio::spawn(service.call(tools_call("add")));
    let (_, responder) = handle.next_request().await.unwrap();
    responder.send_response(Reply::accepted());
    reply.await.unwrap().unwrap();
    assert!(service.poll_ready().is_pending());
}

#[tokio::test]
async fn dropping_the_future_stops_the_question() {
    let far = Arc::new(Far {
        never_answers: true,
        ..Far::default()
    });
    let (mut service, mut handle) = stack(&layer(&far));
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let mut future = Box::pin(service.call(tools_call("add")));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut cx).is_pending());
    let holders = Arc::strong_count(&far);
    drop(future);
    assert!(Arc::strong_count(&far) < holders);
    assert!(waiting(&mut handle).is_none());
}
