//! What the layers promise that discharge obligations: redaction and rates.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::{
    future::{Ready, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use futures_util::{StreamExt as _, stream};
use mcpo2_core::{
    Body, Call, Decision, Error, ErrorKind, Fact, Frame, Obligations, Permitted, Reply, Routed,
    Target,
};
use mcpo2_policy::{Buckets, RateLayer, RatesConfig, RedactConfig, RedactLayer, Tally};
use serde_json::json;
use tower::{Layer, Service, ServiceExt as _};

const MAIL: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"text":"ada@example.com"}}"#;

/// Answers all calls, and counts them.
#[derive(Clone, Default)]
struct Inner {
    reply: Option<fn() -> Reply>,
    calls: Arc<Mutex<usize>>,
    is_ready: bool,
}

impl Inner {
    fn answering(reply: fn() -> Reply) -> Self {
        Self {
            reply: Some(reply),
            is_ready: true,
            ..Self::default()
        }
    }

    fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }
}

impl<R> Service<R> for Inner {
    type Response = Reply;
    type Error = Error;
    type Future = Ready<Result<Reply, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.is_ready {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    fn call(&mut self, _: R) -> Self::Future {
        *self.calls.lock().unwrap() += 1;
        ready(Ok((self.reply.unwrap())()))
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Tally for Heard {
    fn redacted(&self, finder: &str, count: u64) {
        self.0.lock().unwrap().push(format!("{finder} {count}"));
    }

    fn rate_refused(&self, class: &str) {
        self.0.lock().unwrap().push(class.to_owned());
    }
}

/// A call of a tool.
fn call() -> Call {
    common::call(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#)
}

fn permitted(call: Call, redact: &[&str], rates: &[&str]) -> Permitted {
    let mut obligations = Obligations::default();
    obligations.redact = redact.iter().map(|name| (*name).into()).collect();
    obligations.rate_classes = rates.iter().map(|name| (*name).into()).collect();
    call.decide(Decision::Allow(obligations)).unwrap()
}

fn routed(call: Call, redact: &[&str]) -> Routed {
    permitted(call, redact, &[]).route(Target::gateway())
}

fn text(body: &Body) -> &str {
    match body {
        Body::Complete(bytes) => std::str::from_utf8(bytes).unwrap(),
        Body::Empty | Body::Stream(_) => panic!("no message"),
    }
}

fn redact() -> RedactLayer {
    RedactLayer::new(RedactConfig::default().compile().unwrap())
}

#[tokio::test]
async fn a_call_that_owes_nothing_passes_as_it_is() {
    let inner = Inner::answering(|| Reply::complete(MAIL));
    let reply = redact().layer(inner.clone()).oneshot(routed(call(), &[]));
    assert_eq!(text(reply.await.unwrap().body()), MAIL);
    let rates = RateLayer::new(
        RatesConfig::default().compile().unwrap(),
        Arc::default(),
        Arc::new(()),
    );
    let reply = rates.layer(inner).oneshot(permitted(call(), &[], &[]));
    assert_eq!(text(reply.await.unwrap().body()), MAIL);
}

#[tokio::test]
async fn what_is_found_is_blotted_out_counted_and_recorded() {
    let (heard, call) = (Arc::<Heard>::default(), call());
    let layer = redact().with_tally(Arc::<Heard>::clone(&heard));
    let inner = Inner::answering(|| Reply::complete(MAIL));
    let reply = layer
        .layer(inner)
        .oneshot(routed(call.clone(), &["email", "ip"]));
    let reply = reply.await.unwrap();
    assert_eq!(
        text(reply.body()),
        MAIL.replace("ada@example.com", "[redacted:email]")
    );
    assert_eq!(*heard.0.lock().unwrap(), ["email 1"]);
    let facts = serde_json::to_value(call.trail().facts()).unwrap();
    assert_eq!(
        facts,
        json!([{ "redacted": { "finders": { "email": 1 } } }])
    );
}

#[tokio::test]
async fn each_frame_is_looked_through_and_a_stream_ends_with_the_first_that_cannot_be() {
    let frames = || {
        let frames = [MAIL, "", MAIL, "{", MAIL].map(|data| Ok(Frame::new(data)));
        Reply::stream(stream::iter(frames))
    };
    let call = call();
    let service = redact().layer(Inner::answering(frames));
    let reply = service.oneshot(routed(call.clone(), &["email"])).await;
    let Body::Stream(frames) = reply.unwrap().into_body() else {
        panic!("no stream");
    };
    let mut frames: Vec<_> = frames.collect().await;
    assert_eq!(
        frames.pop().unwrap().unwrap_err().kind(),
        ErrorKind::Upstream
    );
    let blotted = MAIL.replace("ada@example.com", "[redacted:email]");
    let data: Vec<_> = frames
        .iter()
        .map(|frame| frame.as_ref().unwrap().data())
        .collect();
    assert_eq!(data, [&blotted, "", &blotted]);
    let facts = call.trail().facts();
    let [Fact::Redacted(redacted)] = &facts[..] else {
        panic!("{facts:?}");
    };
    assert_eq!(redacted.finders["email"], 2);
}

#[tokio::test]
async fn what_nobody_knows_is_denied_before_it_is_done() {
    let inner = Inner::answering(|| Reply::complete(MAIL));
    let refused = redact()
        .layer(inner.clone())
        .oneshot(routed(call(), &["email", "nobody"]));
    let error = refused.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (ErrorKind::Denied, "Unknown tool: a".into())
    );
    let rates = RateLayer::new(
        RatesConfig::default().compile().unwrap(),
        Arc::default(),
        Arc::new(()),
    );
    let refused = rates
        .layer(inner.clone())
        .oneshot(permitted(call(), &[], &["nobody"]));
    let error = refused.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (ErrorKind::Denied, "Unknown tool: a".into())
    );
    assert_eq!(inner.calls(), 0);
}

#[tokio::test]
async fn above_what_keeps_results_only_reads_of_references_are_looked_through() {
    let read = |uri: &str| {
        common::call(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{{"uri":"{uri}"}}}}"#
        ))
    };
    let inner = Inner::answering(|| Reply::complete(MAIL));
    for (call, blots) in [
        (call(), false),
        (read("file:///mcpo2+artifact"), false),
        (read("mcpo2+artifact://r/0"), true),
        (read("MCPO2+Artifact://r/0"), true),
    ] {
        let service = redact().of_references().layer(inner.clone());
        let reply = service.oneshot(routed(call, &["email"])).await.unwrap();
        assert_eq!(text(reply.body()) != MAIL, blots);
    }
}

#[tokio::test]
async fn a_call_over_its_rate_is_refused_and_says_when_to_come_again() {
    let config = json!({ "classes": { "slow": { "per_minute": 1, "burst": 2 } } });
    let config: RatesConfig = serde_json::from_value(config).unwrap();
    let (heard, buckets) = (Arc::<Heard>::default(), Arc::<Buckets>::default());
    let inner = Inner::answering(|| Reply::complete(MAIL));
    // What was used stays used when the layer is made anew.
    let ask = || {
        let rates = config.compile().unwrap();
        let tally = Arc::<Heard>::clone(&heard);
        let layer = RateLayer::new(rates, Arc::clone(&buckets), tally);
        layer
            .layer(inner.clone())
            .oneshot(permitted(call(), &[], &["slow"]))
    };
    ask().await.unwrap();
    ask().await.unwrap();
    let error = ask().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(error.data().unwrap().starts_with(r#"{"retryAfterMs":"#));
    assert!(!error.to_string().contains("slow"));
    assert_eq!(*heard.0.lock().unwrap(), ["slow"]);
    assert_eq!(inner.calls(), 2);
}

#[tokio::test]
async fn readiness_is_that_of_the_inner_service() {
    let mut context = Context::from_waker(std::task::Waker::noop());
    for is_ready in [true, false] {
        let inner = Inner {
            is_ready,
            ..Inner::default()
        };
        let mut redact = redact().layer(inner.clone());
        let poll = Service::<Routed>::poll_ready(&mut redact, &mut context);
        assert_eq!(poll.is_ready(), is_ready);
        let rates = RatesConfig::default().compile().unwrap();
        let rates = RateLayer::new(rates, Arc::default(), Arc::new(()));
        let mut rates = rates.layer(inner);
        let poll = Service::<Permitted>::poll_ready(&mut rates, &mut context);
        assert_eq!(poll.is_ready(), is_ready);
    }
}

#[test]
fn what_comes_outside_of_calls_is_looked_through_or_left_out() {
    let rules = json!([
        {"id": "a", "effect": "allow", "tools": ["a"], "obligations": {"redact": ["email"]}},
        {"id": "b", "effect": "allow", "mode": "shadow", "tools": ["b"],
         "obligations": {"redact": ["ip"]}},
    ]);
    let names = common::policy(rules).redacts();
    assert!(names.iter().map(AsRef::as_ref).eq(["email", "ip"]));
    let frame = |names, data: &'static str| {
        let frame = redact().frame(names, Frame::new(data).with_event_id("7"));
        frame.map(|frame| (frame.event_id().map(str::to_owned), frame.data().clone()))
    };
    let (id, data) = frame(&names, MAIL).unwrap();
    let blotted = MAIL.replace("ada@example.com", "[redacted:email]");
    assert_eq!(
        (id.as_deref(), data.as_ref()),
        (Some("7"), blotted.as_bytes())
    );
    assert_eq!(frame(&names, "").unwrap().1, "");
    assert!(frame(&names, "{").is_none());
    assert!(frame(&names, r#"{"result":{"blob":"AA=="}}"#).is_none());
    let (nobody, none) = (["nobody".into()].into(), [].into());
    assert!(frame(&nobody, MAIL).is_none());
    assert_eq!(frame(&none, "{").unwrap().1, "{");
}
