//! How a server stops: told to once, told to twice, and not told at all.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{net::SocketAddr, path::Path};

use http::{Method, StatusCode};
use mcpo2_audit::{CallRecord, Event, Outcome, Record};
use mcpo2_testkit::raw::{RawUpstream, vendor::Era};

use self::support::{
    Gateway, calls,
    client::{self, Streaming, bare, in_session, listen, modern, plain, stateless},
    process::{Mcpo2, path},
    soon, until, vendor as upstream,
};

fn serve(dir: &Path, upstream: &RawUpstream) -> Mcpo2 {
    let (dir, url) = (path(dir), upstream.url());
    let listen = ["--listen", "127.0.0.1:0"];
    Mcpo2::run(&[
        "serve",
        "--dir",
        &dir,
        listen[0],
        listen[1],
        "--upstream",
        &url,
    ])
}

fn records(dir: &Path) -> Vec<Record> {
    let ledger = dir.join("ledger");
    mcpo2_audit::verify(&ledger).unwrap();
    let entries = mcpo2_audit::calls(&ledger).unwrap();
    entries.map(|entry| entry.unwrap().record).collect()
}

fn tool_calls(dir: &Path) -> Vec<CallRecord> {
    let calls = calls(records(dir)).into_iter();
    calls
        .filter(|call| &*call.request.method == "tools/call")
        .collect()
}

/// A call that runs until the module is told to end it.
async fn hang(address: SocketAddr, session: &str) -> Streaming {
    let body = plain("7", "tools/call", r#""name":"vendor_hang""#);
    let stream = in_session(address, session, body).open().await;
    assert_eq!(stream.status, StatusCode::OK);
    stream
}

/// Waits until it says that it drains. A connection that is opened in the moment in which the drain
/// begins may be closed before it has said anything.
async fn is_draining(address: SocketAddr) {
    let probe = || bare(address, "").method(Method::GET).path("/readyz");
    soon("the drain", async {
        loop {
            match probe().try_open().await {
                Ok(answer) if answer.status == StatusCode::SERVICE_UNAVAILABLE => return,
                Ok(_) | Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_signal_ends_streams_and_lets_calls_finish() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = upstream(Era::Legacy).await;
    let mut mcpo2 = serve(dir.path(), &upstream);
    let address = mcpo2.address().await;
    let session = client::begin(address, "{}").await;
    let mut stream = listen(address, &session).open().await;
    let mut call = hang(address, &session).await;
    mcpo2.signal("TERM");
    // The stream would go on for ever, so it ends; who comes now is told that it is late.
    assert_eq!(stream.event().await, None);
    is_draining(address).await;
    let late = in_session(address, &session, plain("8", "tools/list", ""))
        .answer()
        .await;
    assert_eq!(
        (late.status, late.code()),
        (StatusCode::SERVICE_UNAVAILABLE, Some(-31002))
    );
    assert_eq!(
        (late.header("retry-after"), &late.json()["id"]),
        ("1", &8.into())
    );
    upstream.emit(r#"{"jsonrpc":"2.0","id":"$id","result":{"content":[],"z":1.0}}"#);
    let answer = call.event().await.unwrap();
    assert_eq!(
        answer.data,
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[],"z":1.0}}"#
    );
    assert_eq!(call.event().await, None);
    let (status, said) = mcpo2.ended().await;
    assert_eq!(status.code(), Some(0), "{said}");
    let ended = tool_calls(dir.path());
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].end.outcome, Outcome::Ok);
    let last = records(dir.path()).pop().unwrap();
    assert!(matches!(last.event, Event::ServerStop(_)));
}

/// A call that waits for its user finishes too: the answer comes on a connection of its own.
#[tokio::test]
async fn while_it_drains_a_client_can_answer_what_a_call_asks() {
    let gateway = Gateway::before(&support::fixture().await).await;
    let address = gateway.address;
    let session = client::begin(address, r#"{"elicitation":{"form":{}}}"#).await;
    let body = plain(
        "1",
        "tools/call",
        r#""name":"test_elicitation","arguments":{}"#,
    );
    let mut call = in_session(address, &session, body).open().await;
    let question = call
        .message(|message| message["method"] == "elicitation/create")
        .await;
    gateway.shutdown.drain();
    is_draining(address).await;
    let said = format!(
        r#"{{"jsonrpc":"2.0","id":{},"result":{{"action":"decline"}}}}"#,
        question["id"]
    );
    let taken = in_session(address, &session, said).answer().await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    let answer = call.message(|message| message["id"] == 1).await;
    assert!(answer.to_string().contains("action=decline"), "{answer}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_second_signal_ends_the_calls_too() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = upstream(Era::Legacy).await;
    let mut mcpo2 = serve(dir.path(), &upstream);
    let address = mcpo2.address().await;
    let session = client::begin(address, "{}").await;
    let mut call = hang(address, &session).await;
    mcpo2.signal("TERM");
    is_draining(address).await;
    mcpo2.signal("TERM");
    while call.event().await.is_some() {}
    let (status, said) = mcpo2.ended().await;
    assert!(status.code().is_some(), "{said}");
    let ended = tool_calls(dir.path());
    assert_eq!(ended.len(), 1);
    assert_ne!(ended[0].end.outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_drain_takes_no_longer_than_it_may() {
    let upstream = upstream(Era::Modern).await;
    let yaml = support::observed(&upstream.url(), "http: { timeouts: { drain: 100ms } }\n");
    let gateway = Gateway::start(&yaml, mcpo2_server::Mode::Observed).await;
    let body = stateless("1", "tools/call", r#""name":"vendor_hang""#);
    let _call = modern(gateway.address, body).open().await;
    let ended = calls(gateway.stop().await);
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].end.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn while_it_drains_it_says_that_it_is_not_ready() {
    let upstream = upstream(Era::Modern).await;
    // An address where nobody else binds, so that its port stays free.
    let free = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    let admin = free.local_addr().unwrap();
    drop(free);
    let more = format!("http: {{ admin_listen: \"{admin}\" }}\n");
    let yaml = support::observed(&upstream.url(), &more);
    let gateway = Gateway::start(&yaml, mcpo2_server::Mode::Observed).await;
    let probe = |path: &str| {
        bare(admin, "")
            .method(Method::GET)
            .path(path)
            .without("content-type")
    };
    soon("the admin address", async {
        while tokio::net::TcpStream::connect(admin).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let ready = probe("/readyz").answer().await;
    assert_eq!((ready.status, ready.text()), (StatusCode::OK, "ok\n"));

    let body = stateless("1", "tools/call", r#""name":"vendor_hang""#);
    let mut call = modern(gateway.address, body).open().await;
    let listening = stateless("2", "subscriptions/listen", r#""notifications":{}"#);
    let mut subscription = modern(gateway.address, listening).open().await;
    assert!(subscription.event().await.is_some());
    gateway.shutdown.drain();
    while subscription.event().await.is_some() {}
    for _ in 0..20 {
        let ready = probe("/readyz").answer().await;
        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ready.text(), "draining\n");
        assert_eq!(probe("/livez").answer().await.status, StatusCode::OK);
    }
    upstream
        .emit(r#"{"jsonrpc":"2.0","id":"$id","result":{"resultType":"complete","content":[]}}"#);
    assert!(call.event().await.unwrap().data.contains("resultType"));
    let ended = calls(gateway.stop().await).into_iter();
    let mut ended = ended.filter(|call| &*call.request.method == "tools/call");
    assert_eq!(ended.next().unwrap().end.outcome, Outcome::Ok);
}

#[tokio::test]
async fn one_that_was_killed_starts_again_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = upstream(Era::Modern).await;
    let body = stateless("1", "tools/call", r#""name":"vendor_call""#);
    let mut mcpo2 = serve(dir.path(), &upstream);
    let address = mcpo2.address().await;
    assert_eq!(
        modern(address, body.clone()).answer().await.status,
        StatusCode::OK
    );
    let written = || {
        let entries = mcpo2_audit::calls(dir.path().join("ledger")).ok()?;
        let records: Vec<_> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.record)
            .collect();
        (calls(records).len() == 1).then_some(())
    };
    until("the record", written).await;
    mcpo2.signal("KILL");
    assert_eq!(mcpo2.ended().await.0.code(), None);

    let mut mcpo2 = serve(dir.path(), &upstream);
    let address = mcpo2.address().await;
    assert_eq!(modern(address, body).answer().await.status, StatusCode::OK);
    mcpo2.signal("TERM");
    assert!(mcpo2.ended().await.0.success());
    assert_eq!(tool_calls(dir.path()).len(), 2);
    let starts = records(dir.path()).into_iter();
    let starts = starts.filter(|record| matches!(record.event, Event::ServerStart(_)));
    assert_eq!(starts.count(), 2);
}
