//! What the leaves promise the layers above them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code,
    deprecated,
    reason = "a failed test may panic, the tests share more than each uses, and roots are still there"
)]

mod common;

use futures_util::StreamExt;
use mcpo2_core::{Body, ErrorKind, Frames, Message};
use mcpo2_rmcp::{HandlerService, PeerService};
use rmcp::{RoleClient, ServiceExt, service::RunningService};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use self::common::{Handler, routed, tool_call};

type Events = mpsc::UnboundedReceiver<&'static str>;

fn handler() -> (HandlerService<Handler>, Events) {
    let (handler, events) = Handler::new();
    (HandlerService::new(handler), events)
}

async fn peer() -> (RunningService<RoleClient, ()>, PeerService, Events) {
    let (handler, events) = Handler::new();
    let (ours, its) = tokio::io::duplex(4096);
    tokio::spawn(async move { handler.serve(its).await.unwrap().waiting().await });
    let client = ().serve(ours).await.unwrap();
    let service = PeerService::new(client.peer().clone());
    (client, service, events)
}

fn complete(body: Body) -> Value {
    match body {
        Body::Complete(bytes) => serde_json::from_slice(&bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn next(frames: &mut Frames) -> Option<Value> {
    let frame = frames.next().await?.unwrap();
    assert!(Message::parse(frame.data().clone()).is_ok());
    Some(serde_json::from_slice(frame.data()).unwrap())
}

#[tokio::test]
async fn a_handler_that_says_only_its_result_gives_one_message() {
    let (service, _events) = handler();
    let reply = service.oneshot(routed(tool_call("echo"))).await.unwrap();
    let answer = complete(reply.into_body());
    assert_eq!(answer["id"], "a");
    assert_eq!(answer["result"]["content"][0]["type"], "text");
}

#[tokio::test]
async fn an_id_stays_to_the_letter() {
    let (service, _events) = handler();
    let mut message = tool_call("echo");
    message["id"] = json!(u64::MAX);
    let reply = service.oneshot(routed(message)).await.unwrap();
    assert_eq!(complete(reply.into_body())["id"], u64::MAX);
}

#[tokio::test]
async fn what_a_handler_says_on_the_way_stands_in_front_of_its_result() {
    let (service, _events) = handler();
    let reply = service
        .oneshot(routed(tool_call("progress")))
        .await
        .unwrap();
    let Body::Stream(mut frames) = reply.into_body() else {
        panic!("no stream")
    };
    for step in [1.0, 2.0] {
        let said = next(&mut frames).await.unwrap();
        assert_eq!(said["method"], "notifications/progress");
        assert_eq!(
            said["params"],
            json!({ "progressToken": "t", "progress": step })
        );
    }
    assert_eq!(next(&mut frames).await.unwrap()["id"], "a");
    assert_eq!(next(&mut frames).await, None);
}

#[tokio::test]
async fn a_reply_that_is_dropped_stops_the_handler() {
    let (service, mut events) = handler();
    let reply = service.oneshot(routed(tool_call("forever"))).await.unwrap();
    assert_eq!(events.recv().await, Some("begun"));
    drop(reply);
    assert_eq!(events.recv().await, Some("dropped"));
}

#[tokio::test]
async fn a_future_that_is_dropped_stops_the_handler() {
    let (service, mut events) = handler();
    let mut silent = tool_call("forever");
    silent["params"]["_meta"] = json!({});
    let call = tokio::spawn(service.oneshot(routed(silent)));
    assert_eq!(events.recv().await, Some("begun"));
    call.abort();
    assert_eq!(events.recv().await, Some("dropped"));
}

#[tokio::test]
async fn a_question_to_nobody_is_answered_with_an_error() {
    let (service, _events) = handler();
    let reply = service.oneshot(routed(tool_call("roots"))).await.unwrap();
    let answer = complete(reply.into_body());
    assert_eq!(answer["result"]["content"][0]["text"], "None");
}

#[tokio::test]
async fn a_notification_is_accepted() {
    let (service, _events) = handler();
    let message = json!({ "jsonrpc": "2.0", "method": "notifications/roots/list_changed" });
    let reply = service.oneshot(routed(message)).await.unwrap();
    assert!(matches!(reply.body(), Body::Empty));
}

#[tokio::test]
async fn a_peer_answers_with_what_its_server_says() {
    let (_client, service, _events) = peer().await;
    let mut message = tool_call("echo");
    message["params"]["_meta"]["io.example/vendor"] = json!(1);
    let reply = service.clone().oneshot(routed(message)).await.unwrap();
    let answer = complete(reply.into_body());
    assert_eq!(answer["id"], "a");
    let seen = answer["result"]["content"][0]["text"].as_str().unwrap();
    let seen: Value = serde_json::from_str(seen).unwrap();
    assert_eq!(seen["meta"]["io.example/vendor"], 1);

    let reply = service.oneshot(routed(tool_call("fail"))).await.unwrap();
    let error = &complete(reply.into_body())["error"];
    assert_eq!(
        *error,
        json!({ "code": -32602, "message": "no", "data": { "why": 7 } })
    );
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_at_the_peer() {
    let (_client, service, mut events) = peer().await;
    let call = tokio::spawn(service.oneshot(routed(tool_call("forever"))));
    assert_eq!(events.recv().await, Some("begun"));
    call.abort();
    // rmcp tells the handler, and lets it run on.
    assert_eq!(events.recv().await, Some("told"));
}

#[tokio::test]
async fn a_peer_hears_nothing_of_other_connections_ids() {
    let (_client, service, mut events) = peer().await;
    let call = tokio::spawn(service.clone().oneshot(routed(tool_call("forever"))));
    assert_eq!(events.recv().await, Some("begun"));
    for id in 0..8 {
        let message = json!({
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id },
        });
        let reply = service.clone().oneshot(routed(message)).await.unwrap();
        assert!(matches!(reply.body(), Body::Empty));
    }
    // The connection is in order: what was sent before these was read before they are answered.
    for _ in 0..2 {
        let echo = service.clone().oneshot(routed(tool_call("echo")));
        echo.await.unwrap();
    }
    assert!(events.try_recv().is_err());
    assert!(!call.is_finished());
}

#[tokio::test]
async fn a_peer_that_is_gone_is_unavailable() {
    let (client, service, _events) = peer().await;
    client.cancel().await.unwrap();
    let error = service
        .oneshot(routed(tool_call("echo")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
