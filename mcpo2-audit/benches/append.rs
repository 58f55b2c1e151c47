//! What a record costs: `cargo bench -p mcpo2-audit`. Prints; judges nothing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that fails should say so"
)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use mcpo2_audit::{AuditLayer, Durability, Event, Ledger, Note, Options, verify};
use mcpo2_core::{
    AuthMethod, Basis, Call, Classified, Decided, Digest, Effect, Error, Fact, Message, Principal,
    Reply,
};
use tower::{Layer, Service};

const CALLS: u32 = 50_000;
const REQUEST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call",
    "params":{"name":"github__get_issue","arguments":{"owner":"acme","repo":"app","issue":12}}}"#;
const RESULT: &str =
    r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"ok"}]}}"#;

fn main() {
    for durability in [Durability::Async, Durability::Group] {
        layer(durability);
    }
    flushes();
}

/// The time that the layer adds to a call, and the speed of the writer and of the verifier.
fn layer(durability: Durability) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::default()
        .with_durability(durability)
        .with_queue(1 << 20);
    let ledger = Ledger::open(dir.path(), options).unwrap();
    let inner = tower::service_fn(|call: Call| {
        for fact in facts() {
            call.trail().record(fact);
        }
        std::future::ready(Ok::<_, Error>(Reply::complete(RESULT)))
    });
    let mut audited = AuditLayer::new(ledger.clone()).layer(inner);
    let mut bare = inner;
    let bare = time(|| drop(black_box(now(bare.call(call())))));
    let before = Instant::now();
    let audited = time(|| drop(black_box(now(audited.call(call())))));
    ledger.close().unwrap();
    let written = before.elapsed();
    let before = Instant::now();
    let report = verify(dir.path()).unwrap();
    println!(
        "{durability:?}: bare call {bare:?}, audited {audited:?}; {:.0} records/s written, {:.0} \
         records/s verified",
        f64::from(CALLS) / written.as_secs_f64(),
        f64::from(CALLS) / before.elapsed().as_secs_f64(),
    );
    assert_eq!(report.records, u64::from(CALLS) + 1);
}

/// The time of one record that is waited for.
fn flushes() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let before = Instant::now();
            ledger.append(Event::Admin(Note::new("reload"))).unwrap();
            ledger.flush().unwrap();
            before.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("append and flush: median {:?}", times.get(100).unwrap());
}

fn time(mut work: impl FnMut()) -> Duration {
    let before = Instant::now();
    (0..CALLS).for_each(|_| work());
    before.elapsed() / CALLS
}

fn call() -> Call {
    let Message::Request(request) = Message::parse(REQUEST).unwrap() else {
        panic!("no request")
    };
    let ada = Principal::new(
        "acme".parse().unwrap(),
        "ada".parse().unwrap(),
        AuthMethod::Host,
    );
    Call::new(request, ada)
}

fn facts() -> [Fact; 2] {
    let digest = Digest::of(b"");
    [
        Fact::Classified(Classified {
            family: Some("engineering".parse().unwrap()),
            basis: Basis::Registry,
            conflict: None,
            evidence: vec![],
            ruleset: digest,
        }),
        Fact::Decided(Decided {
            effect: Effect::Allow,
            rules: vec!["engineers-read".parse().unwrap()],
            reason: "engineers may read".into(),
            bundle: digest,
            shadow: None,
        }),
    ]
}

/// The output of a future that is ready.
fn now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("not ready"),
    }
}
