//! What the layer promises its neighbours.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::sync::Arc;

use common::{
    CALL, TestClock, artifacts, call, config, message, obliged, principal, reading, response,
    result, route, routed,
};
use futures_util::{Stream, StreamExt, stream};
use mcpo2_artifact::{ArtifactLayer, ArtifactService, Artifacts};
use mcpo2_core::{
    Body, Digest, Error, ErrorKind, Fact, Frame, Offloaded, ProtocolVersion, Reply, Routed,
};
use serde_json::{Value, json};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;

type Mock = tower::util::MapErr<mock::Mock<Routed, Reply>, fn(tower::BoxError) -> Error>;

fn mocked(artifacts: Artifacts) -> (ArtifactService<Mock>, mock::Handle<Routed, Reply>) {
    let (mock, handle) = mock::pair::<Routed, Reply>();
    let inner = mock.map_err(Error::from as fn(tower::BoxError) -> Error);
    (ArtifactLayer::new(Arc::new(artifacts)).layer(inner), handle)
}

fn small() -> Value {
    json!({"threshold_bytes": 300, "preview_bytes": 40})
}

fn long_result() -> String {
    let text = "äöü ".repeat(100);
    format!(
        r#"{{"resultType":"complete","content":[{{"type":"text","text":"{text}"}}],"isError":true,"_meta":{{"vendor/x":12345678901234567890123}}}}"#
    )
}

/// What the layer makes of this reply.
async fn through(artifacts: &Arc<Artifacts>, call: Routed, reply: Reply) -> Result<Reply, Error> {
    let mut reply = Some(reply);
    let inner = service_fn(move |_: Routed| {
        let reply = reply.take().unwrap();
        async { Ok::<_, Error>(reply) }
    });
    let layer = ArtifactLayer::new(Arc::clone(artifacts));
    layer.layer(inner).oneshot(call).await
}

async fn read(artifacts: &Arc<Artifacts>, call: Routed) -> Result<Reply, Error> {
    let inner = service_fn(|_: Routed| async { panic!("it reached the inner service") });
    let layer = ArtifactLayer::new(Arc::clone(artifacts));
    layer.layer(inner).oneshot(call).await
}

/// Keeps a long result and gives its URI.
async fn kept(artifacts: &Arc<Artifacts>) -> String {
    let reply = Reply::complete(response(&long_result()));
    let reply = through(artifacts, routed(CALL), reply).await.unwrap();
    let uri = &result(reply)["content"][1]["uri"];
    uri.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn readiness_is_the_inner_services() {
    let (mut service, mut handle) = mocked(artifacts(small()));
    handle.allow(0);
    let mut ready = task::spawn(());
    assert_pending!(ready.enter(|cx, _| service.poll_ready(cx)));
    handle.allow(1);
    assert_ready!(ready.enter(|cx, _| service.poll_ready(cx))).unwrap();
    let call = service.call(routed(CALL));
    let answer = async {
        let (request, respond) = handle.next_request().await.unwrap();
        respond.send_error(format!("no {}", request.request().method()));
    };
    let (reply, ()) = tokio::join!(call, answer);
    assert_eq!(reply.unwrap_err().kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn result_that_is_not_too_long_passes_byte_for_byte() {
    let exact = response(&long_result());
    let artifacts = Arc::new(artifacts(json!({"threshold_bytes": exact.len()})));
    let reply = through(&artifacts, routed(CALL), Reply::complete(exact.clone())).await;
    assert_eq!(message(reply.unwrap()), exact);
    assert_eq!(artifacts.bytes_kept(), 0);
}

#[tokio::test]
async fn long_result_becomes_a_preview_and_a_link() {
    let artifacts = Arc::new(artifacts(small()));
    let call = routed(CALL);
    let trail = call.call().trail().clone();
    let whole = long_result();
    let reply = Reply::complete(response(&whole));
    let reply = message(through(&artifacts, call, reply).await.unwrap());

    assert!(reply.starts_with(r#"{ "jsonrpc":"2.0","vendor":1,"result":{"content":["#));
    let members = r#""resultType":"complete","isError":true,"_meta":{"vendor/x":12345678901234567890123}},"id":1 }"#;
    assert!(reply.ends_with(members), "{reply}");
    let reply: Value = serde_json::from_str(&reply).unwrap();
    let [text, link] = &reply["result"]["content"].as_array().unwrap()[..] else {
        panic!("not two blocks");
    };
    let uri = link["uri"].as_str().unwrap();
    assert_eq!(
        text["text"],
        format!(
            "{}\n… {} of {} bytes left out; read on with resources/read of {uri}?bytes=30-{} …\n{}",
            &whole[..30],
            whole.len() - 40,
            whole.len(),
            whole.len() - 10,
            &whole[whole.len() - 10..],
        )
    );
    let digest = Digest::of(whole.as_bytes());
    let size = whole.len();
    assert_eq!(
        *link,
        json!({
            "type": "resource_link", "uri": uri, "name": "result of write",
            "mimeType": "application/json", "size": size, "_meta": {"dev.mcpo2/digest": digest},
        })
    );
    let [Fact::Offloaded(fact)] = &trail.facts()[..] else {
        panic!("not one fact");
    };
    let bytes = size.try_into().unwrap();
    assert_eq!(*fact, Offloaded { digest, bytes });

    let reply = read(&artifacts, reading(uri, principal("acme", "ada"))).await;
    assert_eq!(
        result(reply.unwrap()),
        json!({"contents": [{
            "uri": uri, "mimeType": "application/json", "text": whole,
            "_meta": {
                "dev.mcpo2/digest": digest, "dev.mcpo2/range": [0, size], "dev.mcpo2/size": size,
            },
        }]})
    );
}

#[tokio::test]
async fn other_members_cannot_carry_a_result_past_the_limit() {
    let artifacts = Arc::new(artifacts(small()));
    let long = "x".repeat(400);
    let whole = json!({
        "_meta": {"x": long}, "content": [], "isError": false, "small": 1,
        "structuredContent": {"x": long},
    });
    let reply = Reply::complete(response(&whole.to_string()));
    let reply = through(&artifacts, routed(CALL), reply).await.unwrap();
    let result = result(reply);
    let keys: Vec<_> = result.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["content", "isError", "small"]);

    let whole = json!({"content": [{"text": long}], "structuredContent": {"n": 1}});
    let reply = Reply::complete(response(&whole.to_string()));
    let reply = through(&artifacts, routed(CALL), reply).await.unwrap();
    assert_eq!(self::result(reply)["structuredContent"], json!({"n": 1}));
}

#[tokio::test]
async fn caller_that_knows_no_links_finds_the_uri_in_the_text() {
    let artifacts = Arc::new(artifacts(small()));
    let old = route(call(CALL).with_version(ProtocolVersion::V2025_03_26));
    let reply = Reply::complete(response(&long_result()));
    let result = result(through(&artifacts, old, reply).await.unwrap());
    let [text] = &result["content"].as_array().unwrap()[..] else {
        panic!("not one block");
    };
    assert!(
        text["text"]
            .as_str()
            .unwrap()
            .contains("mcpo2+artifact://r/")
    );
}

#[tokio::test]
async fn smaller_of_threshold_and_obligation_counts() {
    let bytes = response(&long_result());
    for (threshold, obligation, offloads) in [
        (None, bytes.len() - 1, true),
        (None, bytes.len(), false),
        (Some(bytes.len()), 100, true),
        (Some(100), bytes.len(), true),
    ] {
        let artifacts = Arc::new(artifacts(json!({"threshold_bytes": threshold})));
        let call = obliged(obligation.try_into().unwrap());
        let reply = Reply::complete(bytes.clone());
        let reply = message(through(&artifacts, call, reply).await.unwrap());
        assert_eq!(reply != bytes, offloads, "{threshold:?} {obligation}");
    }
}

#[tokio::test]
async fn what_is_no_result_of_a_tool_passes_however_long() {
    let artifacts = Arc::new(artifacts(json!({"threshold_bytes": 10})));
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"it went wrong"}}"#;
    let asks = response(r#"{"resultType":"input_required","inputRequests":{}}"#);
    let task = response(r#"{"task":{"taskId":"1","status":"working"}}"#);
    let long = response(&long_result());
    let list = ("tools/list", "{}");
    for (request, bytes) in [
        (CALL, error),
        (CALL, &asks),
        (CALL, &task),
        (list, &long),
        (list, "garbage of a module"),
    ] {
        let reply = Reply::complete(bytes.to_owned());
        let reply = through(&artifacts, routed(request), reply).await.unwrap();
        assert_eq!(message(reply), bytes);
    }
    // A result says what it is by its content, whatever type it claims.
    let claims = response(r#"{"resultType":"input_required","content":[]}"#);
    let reply = Reply::complete(claims.clone());
    let reply = through(&artifacts, routed(CALL), reply).await.unwrap();
    assert_ne!(message(reply), claims);

    let reply = Reply::complete("garbage of a module");
    let error = through(&artifacts, routed(CALL), reply).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Upstream);
}

fn frames(reply: Reply) -> impl Stream<Item = Result<Frame, Error>> {
    match reply.into_body() {
        Body::Stream(frames) => frames,
        other => panic!("not a stream: {other:?}"),
    }
}

#[tokio::test]
async fn only_the_response_of_a_stream_is_looked_at() {
    let artifacts = Arc::new(artifacts(small()));
    let progress = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"x":"{}"}}}}"#,
        "x".repeat(500)
    );
    let sent = vec![
        Frame::new("").with_event_id("0").with_retry_ms(5),
        Frame::new(progress).with_event_id("1"),
        Frame::new(response(&long_result())).with_event_id("2"),
    ];
    let failed = Err(Error::new(ErrorKind::Upstream, "it broke"));
    let all = sent.clone().into_iter().map(Ok).chain([failed]);
    let reply = Reply::stream(stream::iter(all));
    let reply = through(&artifacts, routed(CALL), reply).await.unwrap();
    let got: Vec<_> = frames(reply).collect().await;
    assert_eq!(got.len(), 4);
    assert_eq!(got[0].as_ref().unwrap(), &sent[0]);
    assert_eq!(got[1].as_ref().unwrap(), &sent[1]);
    let last = got[2].as_ref().unwrap();
    assert_eq!(last.event_id(), Some("2"));
    assert!(String::from_utf8_lossy(last.data()).contains("resource_link"));
    assert_eq!(got[3].as_ref().unwrap_err().kind(), ErrorKind::Upstream);
}

#[tokio::test]
async fn frames_come_as_they_are_sent() {
    let artifacts = Arc::new(artifacts(small()));
    let one = stream::iter([Ok(Frame::new("first"))]).chain(stream::pending());
    let reply = through(&artifacts, routed(CALL), Reply::stream(one)).await;
    let mut frames = task::spawn(frames(reply.unwrap()));
    let first = assert_ready!(frames.poll_next()).unwrap();
    assert_eq!(first.unwrap(), Frame::new("first"));
    assert_pending!(frames.poll_next());
}

#[tokio::test]
async fn read_says_what_it_holds_and_where_to_go_on() {
    let artifacts = Arc::new(artifacts(small()));
    let uri = kept(&artifacts).await;
    let whole = long_result();
    let part = format!("{uri}?bytes=0-52");
    let newest = json!({"uri": part}).to_string();
    let reply = read(&artifacts, routed(("resources/read", &newest))).await;
    let result = result(reply.unwrap());
    let content = &result["contents"][0];
    // Byte 52 is within a character: the range ends before it.
    assert_eq!(
        content["text"],
        whole[..52 - usize::from(!whole.is_char_boundary(52))]
    );
    assert_eq!(content["mimeType"], "text/plain");
    let end = content["_meta"]["dev.mcpo2/range"][1].as_u64().unwrap();
    assert_eq!(
        content["_meta"]["dev.mcpo2/next"],
        format!("{uri}?bytes={end}-")
    );
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["cacheScope"], "private");
    assert_eq!(result["ttlMs"], 3_600_000);
}

#[tokio::test]
async fn what_a_caller_may_not_read_looks_as_if_it_were_not_there() {
    let clock = TestClock::new();
    let artifacts = config(small()).compile().unwrap().with_clock(clock.clone());
    let artifacts = Arc::new(artifacts);
    let uri = kept(&artifacts).await;
    let refused = async |call: Routed| {
        let error = read(&artifacts, call).await.unwrap_err();
        (error.kind(), error.to_string())
    };
    let not_found = (ErrorKind::NotFound, "Resource not found".to_owned());
    let ada = || principal("acme", "ada");
    assert!(read(&artifacts, reading(&uri, ada())).await.is_ok());
    for (uri, who) in [
        ("mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA", ada()),
        (&uri, principal("acme", "eve")),
        (&uri, principal("globex", "ada")),
        ("mcpo2+artifact://x", ada()),
        ("MCPO2+ARTIFACT:", ada()),
        (&format!("{uri}?bytes=1000000-"), ada()),
        (&format!("{uri}?lines=2-"), ada()),
        (&format!("{uri}?bytes=x"), ada()),
    ] {
        assert_eq!(refused(reading(uri, who)).await, not_found, "{uri}");
    }
    let subscribe = json!({"uri": uri}).to_string();
    let subscribe = routed(("resources/subscribe", &subscribe));
    assert_eq!(refused(subscribe).await, not_found);
    clock.advance(3600);
    assert_eq!(refused(reading(&uri, ada())).await, not_found);
}

#[tokio::test]
async fn other_resources_reach_the_inner_service() {
    let artifacts = Arc::new(artifacts(small()));
    let call = reading("file:///a", principal("acme", "ada"));
    let reply = through(&artifacts, call, Reply::complete("the reply")).await;
    assert_eq!(message(reply.unwrap()), "the reply");
}

#[tokio::test]
async fn result_that_fits_no_limit_fails_its_call() {
    let size = long_result().len();
    for limits in [
        json!({"threshold_bytes": 300, "max_object_bytes": size - 1}),
        json!({"threshold_bytes": 300, "max_object_bytes": size, "max_total_bytes": size}),
    ] {
        let artifacts = Arc::new(artifacts(limits));
        let reply = Reply::complete(response(&long_result()));
        let error = through(&artifacts, routed(CALL), reply).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(error.to_string(), "result too large");
        assert_eq!(artifacts.bytes_kept(), 0);

        let one = stream::iter([Ok(Frame::new(response(&long_result())))]);
        let reply = through(&artifacts, routed(CALL), Reply::stream(one)).await;
        let got: Vec<_> = frames(reply.unwrap()).collect().await;
        let [Err(error)] = &got[..] else {
            panic!("not one error");
        };
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}
