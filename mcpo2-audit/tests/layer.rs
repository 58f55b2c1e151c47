//! What the layer promises its neighbours.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{path::Path, time::Duration};

use futures_util::{StreamExt, stream};
use mcpo2_audit::{
    AuditLayer, AuditService, CallRecord, ErrorKind, Event, Ledger, Options, Outcome, RecordId,
    Source, tail, verify,
};
use mcpo2_core::{
    AuthMethod, Basis, Body, Call, Classified, Digest, Error, Fact, Frame, Frames, Message,
    Principal, Reply,
};
use tower::{ServiceExt, util::MapErr};
use tower_test::mock::{self, Mock, Spawn};

const REQUEST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add",
    "arguments":{"password":"hunter2"},
    "_meta":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}}"#;
const RESULT: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"content":["s3cr3t"]}}"#;
const PROGRESS: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;

type Inner = MapErr<Mock<Call, Reply>, fn(tower::BoxError) -> Error>;
type Handle = mock::Handle<Call, Reply>;

struct Bench {
    dir: tempfile::TempDir,
    ledger: Ledger,
    service: Spawn<AuditService<Inner>>,
    handle: Handle,
}

fn bench(options: Options) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), options).unwrap();
    let (service, handle) = mock::spawn_with(|mock: Mock<Call, Reply>| {
        let inner: Inner = mock.map_err(Error::from as fn(tower::BoxError) -> Error);
        tower::Layer::layer(&AuditLayer::new(ledger.clone()), inner)
    });
    Bench {
        dir,
        ledger,
        service,
        handle,
    }
}

fn call_of(bytes: &'static str) -> Call {
    let Message::Request(request) = Message::parse(bytes).unwrap() else {
        panic!("a response")
    };
    let ada = Principal::new(
        "acme".parse().unwrap(),
        "ada".parse().unwrap(),
        AuthMethod::Host,
    );
    let mut call = Call::new(request, ada.with_roles(["analyst"]));
    call.extensions_mut()
        .insert(Source::new("http").with_remote("192.0.2.1:9"));
    call
}

fn newest(dir: &Path) -> (RecordId, CallRecord) {
    let entry = tail(dir, 1).unwrap().pop().unwrap();
    match entry.record.event {
        Event::Call(call) => (entry.record.id, *call),
        other => panic!("{other:?}"),
    }
}

/// One call that the inner service answers so, and its record; a stream is read to its end.
async fn recorded(answer: Result<Reply, Error>) -> CallRecord {
    let mut it = bench(Options::default());
    assert!(it.service.poll_ready().is_ready());
    let future = it.service.call(call_of(REQUEST));
    let (_, responder) = it.handle.next_request().await.unwrap();
    match answer {
        Ok(reply) => responder.send_response(reply),
        Err(error) => responder.send_error(error),
    }
    if let Ok(reply) = future.await
        && let Body::Stream(mut frames) = reply.into_body()
    {
        while frames.next().await.is_some() {}
    }
    it.ledger.flush().unwrap();
    verify(it.dir.path()).unwrap();
    assert_eq!(
        verify(it.dir.path()).unwrap().extent.size,
        1,
        "one record a call"
    );
    newest(it.dir.path()).1
}

impl Bench {
    /// Calls, and gives what comes through the layer of a reply that is these messages.
    async fn streamed(&mut self, messages: &[&'static str]) -> Frames {
        assert!(self.service.poll_ready().is_ready());
        let future = self.service.call(call_of(REQUEST));
        let (_, responder) = self.handle.next_request().await.unwrap();
        responder.send_response(frames(messages));
        match future.await.unwrap().into_body() {
            Body::Stream(frames) => frames,
            other => panic!("no stream: {other:?}"),
        }
    }
}

fn frames(messages: &[&'static str]) -> Reply {
    let frames: Vec<_> = messages.iter().map(|it| Ok(Frame::new(*it))).collect();
    Reply::stream(stream::iter(frames))
}

#[tokio::test]
async fn complete_reply_is_recorded_with_what_the_layers_found_and_no_contents() {
    let mut it = bench(Options::default());
    assert!(it.service.poll_ready().is_ready());
    let future = it.service.call(call_of(REQUEST));
    let (call, responder) = it.handle.next_request().await.unwrap();
    let id = *call.extensions().get::<RecordId>().unwrap();
    call.trail().record(Fact::Classified(Classified {
        family: Some("security".parse().unwrap()),
        basis: Basis::Registry,
        conflict: None,
        evidence: vec![],
        ruleset: Digest::of(b"rules"),
    }));
    responder.send_response(Reply::complete(RESULT));
    let reply = future.await.unwrap();
    assert_eq!(reply.extensions().get(), Some(&id));
    assert!(matches!(reply.body(), Body::Complete(bytes) if bytes == RESULT));

    it.ledger.flush().unwrap();
    let (recorded_id, call) = newest(it.dir.path());
    assert_eq!(recorded_id, id);
    assert_eq!(call.end.outcome, Outcome::Ok);
    assert_eq!(call.transport.as_deref(), Some("http"));
    assert_eq!(call.remote.as_deref(), Some("192.0.2.1:9"));
    assert_eq!(
        call.trace.as_deref(),
        Some("4bf92f3577b34da6a3ce929d0e0e4736")
    );
    assert_eq!(call.family.unwrap().as_str(), "security");
    assert_eq!(call.facts.len(), 1);
    assert_eq!(call.principal.roles, [Box::from("analyst")]);
    assert_eq!(call.request.digest, it.ledger.digest(REQUEST.as_bytes()));
    assert_eq!(call.request.argument_bytes, 22);
    assert_eq!(call.end.digest, Some(it.ledger.digest(RESULT.as_bytes())));
    let segment = it.dir.path().join("seg/00000000000000000000.seg");
    let file = std::fs::read(segment).unwrap();
    // Nor anything that says who it was.
    for content in ["hunter2", "s3cr3t", "password", "\"ada\"", "192.0.2.1"] {
        let found = memchr::memmem::find(&file, content.as_bytes());
        assert_eq!(found, None, "{content}");
    }
}

#[tokio::test]
async fn digest_of_a_stream_is_of_all_its_messages_each_with_its_length() {
    let mut it = bench(Options::default());
    let mut frames = it.streamed(&[PROGRESS, RESULT]).await;
    while frames.next().await.is_some() {}
    it.ledger.flush().unwrap();
    let secret = std::fs::read(it.dir.path().join("secret")).unwrap();
    let key = blake3::derive_key("mcpo2 2026 audit content v1", &secret);
    let mut hasher = blake3::Hasher::new_keyed(&key);
    for message in [PROGRESS, RESULT] {
        let length = u64::try_from(message.len()).unwrap();
        hasher
            .update(&length.to_le_bytes())
            .update(message.as_bytes());
    }
    let (_, call) = newest(it.dir.path());
    assert_eq!(call.end.digest, Some(hasher.finalize().into()));
}

#[tokio::test]
async fn each_way_to_end_has_its_outcome() {
    let tool_error = r#"{"jsonrpc":"2.0","id":7,"result":{"isError":true,"content":[]}}"#;
    let error = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no"}}"#;
    let outcome = |answer| async { recorded(answer).await.end.outcome };
    assert_eq!(
        outcome(Ok(Reply::complete(tool_error))).await,
        Outcome::ToolError
    );
    assert_eq!(
        outcome(Ok(Reply::complete(error))).await,
        Outcome::Error { code: -32602 }
    );
    assert_eq!(outcome(Ok(Reply::complete("{"))).await, Outcome::Unreadable);
    assert_eq!(outcome(Ok(Reply::accepted())).await, Outcome::Ok);
    assert_eq!(outcome(Ok(frames(&[PROGRESS, RESULT]))).await, Outcome::Ok);
    assert_eq!(
        outcome(Ok(frames(&[tool_error, PROGRESS]))).await,
        Outcome::ToolError
    );
    assert_eq!(
        outcome(Ok(frames(&[PROGRESS, ""]))).await,
        Outcome::Detached
    );
    let other = r#"{"jsonrpc":"2.0","id":8,"result":{}}"#;
    assert_eq!(outcome(Ok(frames(&[other]))).await, Outcome::Detached);
}

#[tokio::test]
async fn denial_and_failure_are_recorded_with_their_cause() {
    let denied = Error::new(mcpo2_core::ErrorKind::Denied, "Unknown tool: add");
    assert_eq!(recorded(Err(denied)).await.end.outcome, Outcome::Denied);

    let long = "x".repeat(5000);
    let failed = Error::new(mcpo2_core::ErrorKind::TimedOut, "too long").with_source(long);
    let end = recorded(Err(failed)).await.end;
    let kind = "timed_out".into();
    assert_eq!(end.outcome, Outcome::Failed { kind });
    let cause = end.cause.unwrap();
    assert!(
        cause.starts_with("too long: xxx") && cause.len() < 1100,
        "{cause}"
    );
    assert_eq!((end.messages, end.digest), (0, None));
}

#[tokio::test]
async fn error_in_a_stream_is_recorded() {
    let broken = Error::new(mcpo2_core::ErrorKind::Upstream, "connection lost");
    let reply = Reply::stream(stream::iter([Ok(Frame::new(PROGRESS)), Err(broken)]));
    let end = recorded(Ok(reply)).await.end;
    let kind = "upstream".into();
    assert_eq!(end.outcome, Outcome::Failed { kind });
    assert_eq!(end.messages, 1);
}

#[tokio::test]
async fn call_dropped_before_its_reply_is_cancelled() {
    let mut it = bench(Options::default());
    assert!(it.service.poll_ready().is_ready());
    let future = it.service.call(call_of(REQUEST));
    let _request = it.handle.next_request().await.unwrap();
    assert_eq!(it.ledger.stats().reserved, 1);
    drop(future);
    it.ledger.flush().unwrap();
    assert_eq!(newest(it.dir.path()).1.end.outcome, Outcome::Cancelled);
    assert_eq!(it.ledger.stats().reserved, 0);
}

#[tokio::test]
async fn stream_dropped_half_way_is_cancelled_and_one_dropped_behind_its_response_is_not() {
    for (read, expected) in [(1, Outcome::Cancelled), (2, Outcome::Ok)] {
        let mut it = bench(Options::default());
        let mut frames = it.streamed(&[PROGRESS, RESULT]).await;
        for _ in 0..read {
            frames.next().await.unwrap().unwrap();
        }
        it.ledger.flush().unwrap();
        assert_eq!(
            verify(it.dir.path()).unwrap().extent.size,
            0,
            "not before the end"
        );
        drop(frames);
        it.ledger.flush().unwrap();
        let end = newest(it.dir.path()).1.end;
        assert_eq!((end.outcome, end.messages), (expected, read));
    }
}

#[tokio::test]
async fn full_ledger_refuses_before_the_inner_service_is_called() {
    let mut it = bench(Options::default().with_queue(1));
    assert!(it.service.poll_ready().is_ready());
    let first = it.service.call(call_of(REQUEST));
    let (_, responder) = it.handle.next_request().await.unwrap();
    assert!(it.service.poll_ready().is_ready());
    let second = it.service.call(call_of(REQUEST)).await.unwrap_err();
    assert_eq!(second.kind(), mcpo2_core::ErrorKind::Overloaded);
    assert!(it.handle.poll_request().is_pending());

    responder.send_response(Reply::complete(RESULT));
    first.await.unwrap();
    it.ledger.flush().unwrap();
    assert!(it.service.poll_ready().is_ready());
    drop(it.service.call(call_of(REQUEST)));
    assert!(it.handle.poll_request().is_ready());
}

#[tokio::test]
async fn ledger_that_failed_once_refuses_all_that_comes_and_says_why() {
    let mut it = bench(Options::default());
    // The first segment cannot be made, where something is in its place.
    std::fs::create_dir_all(it.dir.path().join("seg/00000000000000000000.seg")).unwrap();
    it.ledger
        .append(Event::Admin(mcpo2_audit::Note::new("reload")))
        .unwrap();
    assert_eq!(it.ledger.flush().unwrap_err().kind(), ErrorKind::Poisoned);
    let health = it.ledger.health().unwrap_err();
    assert_eq!(health.kind(), ErrorKind::Poisoned);
    assert!(
        std::error::Error::source(&health)
            .unwrap()
            .to_string()
            .contains("begin a segment")
    );
    assert!(it.service.poll_ready().is_ready());
    let refused = it.service.call(call_of(REQUEST)).await.unwrap_err();
    assert_eq!(refused.kind(), mcpo2_core::ErrorKind::Unavailable);
    assert!(it.handle.poll_request().is_pending());
    assert_eq!(it.ledger.stats().lost, 1);
}

#[tokio::test]
async fn closed_ledger_takes_no_call_but_records_the_end_of_those_under_way() {
    let mut it = bench(Options::default());
    assert!(it.service.poll_ready().is_ready());
    let future = it.service.call(call_of(REQUEST));
    let (_, responder) = it.handle.next_request().await.unwrap();
    it.ledger.close().unwrap();
    assert_eq!(it.ledger.health().unwrap_err().kind(), ErrorKind::Closed);
    responder.send_response(Reply::complete(RESULT));
    future.await.unwrap();
    it.ledger.close().unwrap();
    assert_eq!(newest(it.dir.path()).1.end.outcome, Outcome::Ok);
    Ledger::open(it.dir.path(), Options::default()).unwrap();
}

#[tokio::test]
async fn readiness_is_that_of_the_inner_service() {
    let mut it = bench(Options::default());
    it.handle.allow(0);
    assert!(it.service.poll_ready().is_pending());
    it.handle.allow(1);
    assert!(it.service.poll_ready().is_ready());
}

#[tokio::test]
async fn durations_come_from_the_clock_and_names_are_cut() {
    #[derive(Debug)]
    struct Fixed(std::sync::atomic::AtomicU64);
    impl mcpo2_audit::Clock for Fixed {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }
        fn monotonic(&self) -> Duration {
            let ticks = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Duration::from_millis(ticks * 5)
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let options = Options::default().with_clock(Fixed(0.into()));
    let ledger = Ledger::open(dir.path(), options).unwrap();
    let name = "n".repeat(2000);
    let text = REQUEST.replace("add", &name);
    let inner = tower::service_fn(|_: Call| async { Ok::<_, Error>(Reply::complete(RESULT)) });
    let service = tower::Layer::layer(&AuditLayer::new(ledger.clone()), inner);
    service.oneshot(call_of(text.leak())).await.unwrap();
    ledger.close().unwrap();
    let entry = tail(dir.path(), 1).unwrap().remove(0);
    assert_eq!(entry.record.time, jiff::Timestamp::UNIX_EPOCH);
    let (_, call) = newest(dir.path());
    assert_eq!(call.end.duration_us, 5000);
    let cut = call.request.item.unwrap().name.unwrap();
    assert!(cut.ends_with("…[2000 bytes]") && cut.len() < 540, "{cut}");
}

#[tokio::test]
async fn facts_that_are_too_long_leave_the_others_in_the_record() {
    let mut it = bench(Options::default());
    assert!(it.service.poll_ready().is_ready());
    let future = it.service.call(call_of(REQUEST));
    let (call, responder) = it.handle.next_request().await.unwrap();
    let classified = |evidence: Vec<Box<str>>| {
        Fact::Classified(Classified {
            family: None,
            basis: Basis::Rules,
            conflict: None,
            evidence,
            ruleset: Digest::of(b"rules"),
        })
    };
    call.trail()
        .record(classified(vec!["\u{1}".repeat(500_000).into()]));
    for _ in 0..1000 {
        call.trail().record(classified(vec!["kept".into()]));
    }
    responder.send_response(Reply::complete(RESULT));
    future.await.unwrap();
    it.ledger.flush().unwrap();
    verify(it.dir.path()).unwrap();
    let facts = serde_json::to_value(newest(it.dir.path()).1.facts).unwrap();
    let facts = facts.as_array().unwrap();
    assert_eq!(facts[0]["omitted"]["kind"], "classified");
    assert_eq!(facts[1]["classified"]["evidence"][0], "kept");
    assert_eq!(
        (facts.len(), &facts[16]["omitted"]["facts"]),
        (17, &985.into())
    );
}

#[test]
fn place_that_is_not_used_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default().with_queue(1)).unwrap();
    let place = ledger.reserve().unwrap();
    assert_eq!(ledger.reserve().unwrap_err().kind(), ErrorKind::Full);
    drop(place);
    ledger
        .reserve()
        .unwrap()
        .fill(Event::Admin(mcpo2_audit::Note::new("reload")));
    ledger.close().unwrap();
    assert_eq!(verify(dir.path()).unwrap().extent.size, 1);
}

#[test]
fn note_whose_escapes_are_long_is_cut_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let mut note = mcpo2_audit::Note::new("suspicious_names");
    for number in 0..40 {
        note = note.with(number.to_string(), "\u{1}".repeat(5000));
    }
    let roles = (0..80).map(|number| format!("{number}{}", "\u{2}".repeat(200)));
    let roles: Vec<String> = roles.collect();
    let ada = Principal::new(
        "acme".parse().unwrap(),
        "ada".parse().unwrap(),
        AuthMethod::Host,
    );
    let ada = ada.with_roles(roles.clone()).with_scopes(roles);
    let note = note.with_principal(mcpo2_audit::Caller::from(&ada));
    ledger.append(Event::Module(note)).unwrap();
    ledger.close().unwrap();
    let Event::Module(note) = tail(dir.path(), 1).unwrap().remove(0).record.event else {
        panic!("no note")
    };
    assert!(note.detail["omitted"].ends_with(" bytes"));
    assert_eq!(note.principal.unwrap().scopes.len(), 64);
}
