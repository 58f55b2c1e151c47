//! What the layer promises its neighbours.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use common::*;
use mcpo2_core::{Call, Decision, Error, ErrorKind, Fact, Obligations, Reply, Routed, Routing};
use mcpo2_route::{RouteLayer, RouteService};
use tower::{Layer, Service};
use tower_test::mock::{self, Spawn};

type Handle = mock::Handle<Routed, Reply>;

/// The mock's error is tower's box; our layers speak `Error`.
#[derive(Clone)]
struct Inner(mock::Mock<Routed, Reply>);

impl Service<Routed> for Inner {
    type Response = Reply;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx).map_err(Error::from)
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        let reply = self.0.call(routed);
        Box::pin(async move { reply.await.map_err(Error::from) })
    }
}

fn stack() -> (Spawn<RouteService<Inner>>, Handle) {
    let layer = RouteLayer::new(prefixed([approved("github"), draft("files").build()]));
    let (inner, handle) = mock::pair();
    (Spawn::new(layer.layer(Inner(inner))), handle)
}

fn routings(call: &Call) -> Vec<Routing> {
    let facts = call.trail().facts().into_iter();
    facts
        .map(|fact| match fact {
            Fact::Routed(routing) => routing,
            other => panic!("{other:?}"),
        })
        .collect()
}

const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

#[tokio::test]
async fn a_routed_call_goes_below_with_its_target_and_its_bytes() {
    let (mut service, mut handle) = stack();
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = call_of(
        r#"{ "id":1,"vendor":12345678901234567890123,"params":{"arguments":{"a":1e400},"name":"github__get"},"method":"tools/call","jsonrpc":"2.0"}"#,
    );
    let mut obligations = Obligations::default();
    obligations.preamble = Some("house".into());
    let permitted = call.clone().decide(Decision::Allow(obligations)).unwrap();
    let reply = tokio::spawn(service.call(permitted));
    // So that the wait below ends where the call was refused.
    drop(service);
    let (routed, responder) = handle.next_request().await.unwrap();
    assert_eq!(routed.target().facts().unwrap().module().as_str(), "github");
    assert_eq!(
        routed.request().bytes(),
        r#"{ "id":1,"vendor":12345678901234567890123,"params":{"arguments":{"a":1e400},"name":"get"},"method":"tools/call","jsonrpc":"2.0"}"#
    );
    assert_eq!(routed.call().request().bytes(), call.request().bytes());
    assert_eq!(routed.obligations().preamble.as_deref(), Some("house"));
    responder.send_response(Reply::complete(RESULT));
    assert!(reply.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_route_is_recorded_once_whether_it_leads_somewhere_or_not() {
    for (name, module, candidates) in [
        ("github__get", Some("github"), 1),
        ("files__get", None, 1),
        ("nobody__get", None, 0),
    ] {
        let (mut service, mut handle) = stack();
        handle.allow(1);
        assert!(service.poll_ready().is_ready());
        let call = tool(name);
        let reply = tokio::spawn(service.call(permitted(call.clone())));
        drop(service);
        if let Some((_, responder)) = handle.next_request().await {
            responder.send_response(Reply::complete(RESULT));
        }
        assert_eq!(reply.await.unwrap().is_ok(), module.is_some());
        let routings = routings(&call);
        let [routing] = routings.as_slice() else {
            panic!("{routings:?}")
        };
        assert_eq!(routing.module.as_ref().map(AsRef::as_ref), module);
        assert_eq!(routing.candidates.len(), candidates);
    }
}

#[tokio::test]
async fn a_call_that_leads_nowhere_never_reaches_the_inner_service() {
    let (mut service, mut handle) = stack();
    handle.allow(1);
    for name in ["files__get", "nobody__get"] {
        assert!(service.poll_ready().is_ready());
        let error = service.call(permitted(tool(name))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), format!("Unknown tool: {name}"));
        assert!(handle.poll_request().is_pending());
    }
}

#[tokio::test]
async fn readiness_is_the_inner_services() {
    let (mut service, mut handle) = stack();
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    handle.send_error("broken");
    assert!(matches!(service.poll_ready(), Poll::Ready(Err(_))));
}

#[tokio::test]
async fn what_the_inner_service_fails_with_passes() {
    let (mut service, mut handle) = stack();
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let reply = tokio::spawn(service.call(permitted(tool("github__get"))));
    drop(service);
    let (_, responder) = handle.next_request().await.unwrap();
    responder.send_error(Error::new(ErrorKind::TimedOut, "too slow"));
    let error = reply.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}
