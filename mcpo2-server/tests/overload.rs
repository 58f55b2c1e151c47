//! What comes when there is too much: rows O, P08 and P09 of the catalogue of faults.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::{Method, StatusCode};
use mcpo2_audit::Outcome;
use mcpo2_server::Mode;
use mcpo2_testkit::raw::{
    Answer as Canned, Canned as Answers, RawUpstream,
    vendor::{self, Era},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use self::support::{
    Gateway,
    client::{self, Answer, Ask, Streaming, bare, modern, plain, post, stateless},
    key, observed, rejects, soon, vendor as upstream,
};

fn tool(name: &str) -> String {
    stateless("1", "tools/call", &format!(r#""name":"{name}""#))
}

/// A file for one module, with this under `http` and under the module's `limits`.
fn file(upstream: &str, http: &str, limits: &str) -> String {
    let yaml = observed(upstream, &format!("http: {{ {http} }}\n"));
    let with_limits = format!("approval: approved, limits: {{ {limits} }}");
    yaml.replace("approval: approved", &with_limits)
}

/// The same for two tenants, and their keys.
fn for_two(yaml: &str) -> (String, String, String) {
    let (ada, ada_entry) = key("ada", "acme");
    let (ben, ben_entry) = key("ben", "globex");
    let keys = format!("identity:\n  api_keys:\n    {ada_entry}\n    {ben_entry}");
    let anonymous = "identity: { anonymous: { tenant: local } }";
    (yaml.replace(anonymous, &keys), ada, ben)
}

async fn gateway(yaml: &str) -> Gateway {
    Gateway::start(yaml, Mode::Observed).await
}

/// Calls that hold their places until they are dropped, or the module ends them.
async fn hold(count: usize, ask: impl Fn() -> Ask) -> Vec<Streaming> {
    let held = join_all((0..count).map(|_| ask().open())).await;
    for streaming in &held {
        assert_eq!(streaming.status, StatusCode::OK);
    }
    held
}

fn end_all(upstream: &RawUpstream) {
    let result = vendor::result(Era::Modern, "tools/call").unwrap();
    let answer = format!(r#"{{"jsonrpc":"2.0","id":"$id","result":{result}}}"#);
    upstream.emit(answer);
}

fn is_overloaded(answer: &Answer) -> bool {
    let is = answer.status == StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(is, answer.code() == Some(-31003), "{}", answer.text());
    assert_eq!(is, answer.header("retry-after") == "1");
    is
}

async fn metric(address: SocketAddr, sample: &str) -> u64 {
    let text = bare(address, "").method(Method::GET).path("/metrics");
    let text = text.answer().await;
    let line = text
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(sample));
    let line = line.unwrap_or_else(|| panic!("{sample}: {}", text.text()));
    line.trim().parse().unwrap()
}

async fn until_metric(address: SocketAddr, sample: &str, wanted: u64) {
    soon(sample, async {
        while metric(address, sample).await != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn o01_ten_times_too_much_is_refused_at_once_and_the_rest_is_served() {
    let upstream = upstream(Era::Modern).await;
    let yaml = file(&upstream.url(), "admission: { calls: 16, waiting: 0 }", "");
    let gateway = gateway(&yaml).await;
    let address = gateway.address;
    let held = hold(14, || modern(address, tool("vendor_hang"))).await;
    // Nothing ends while they come, so what they get they get at once.
    let over = join_all((0..140).map(|_| modern(address, tool("vendor_call")).answer())).await;
    assert!(over.iter().all(is_overloaded));
    assert_eq!(upstream.log().of("tools/call").count(), 14);
    end_all(&upstream);
    for mut streaming in held {
        let answer = streaming.message(|message| message["id"] == 1).await;
        assert!(answer["result"].is_object(), "{answer}");
    }
    let after = modern(address, tool("vendor_call")).answer().await;
    assert_eq!(after.status, StatusCode::OK, "{}", after.text());
    assert_eq!(
        metric(address, r#"mcpo2_shed_total{reason="capacity"}"#).await,
        140
    );
    let mut outcomes = BTreeMap::new();
    for call in support::calls(gateway.stop().await) {
        if &*call.request.method == "tools/call" {
            *outcomes
                .entry(format!("{:?}", call.end.outcome))
                .or_insert(0) += 1;
        }
    }
    let counts: Vec<_> = outcomes.values().copied().collect();
    assert_eq!(counts.iter().sum::<i32>(), 155, "{outcomes:?}");
    assert!(
        counts.contains(&140) && counts.contains(&15),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn o01_of_a_crowd_everybody_gets_an_answer_and_a_record() {
    let upstream = upstream(Era::Modern).await;
    let admission = "admission: { calls: 8, waiting: 8, wait: 5s }";
    let gateway = gateway(&file(&upstream.url(), admission, "")).await;
    let address = gateway.address;
    let crowd = join_all((0..160).map(|_| modern(address, tool("vendor_call")).answer())).await;
    let served = crowd.iter().filter(|answer| !is_overloaded(answer)).count();
    assert!(served >= 8, "{served}");
    let calls = gateway.calls();
    let of_tools = calls
        .iter()
        .filter(|call| &*call.request.method == "tools/call");
    assert_eq!(of_tools.count(), 160);
    assert_eq!(upstream.log().of("tools/call").count(), served);
}

#[tokio::test]
async fn o02_a_tenant_that_floods_takes_nothing_from_another() {
    let upstream = upstream(Era::Modern).await;
    // The bound that is hit first is that of all calls, or that of the module.
    for (http, limits) in [
        ("admission: { calls: 16, waiting: 4, wait: 1ms }", ""),
        ("", "concurrency: 16"),
    ] {
        let (yaml, ada, ben) = for_two(&file(&upstream.url(), http, limits));
        let gateway = gateway(&yaml).await;
        let address = gateway.address;
        let _flood = hold(14, || modern(address, tool("vendor_hang")).key(&ada)).await;
        for _ in 0..10 {
            let more = (0..20).map(|_| modern(address, tool("vendor_call")).key(&ada).answer());
            let quiet = modern(address, tool("vendor_call")).key(&ben).answer();
            let (more, quiet) = tokio::join!(join_all(more), quiet);
            assert!(more.iter().all(is_overloaded));
            assert_eq!(quiet.status, StatusCode::OK, "{}", quiet.text());
        }
    }
}

#[tokio::test]
async fn o04_a_client_that_reads_nothing_is_cut_off_and_the_module_with_it() {
    let message = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":"{}"}}}}"#,
        "x".repeat(8000)
    );
    let event = format!("data: {message}\n\n");
    let flood = Canned::endless("text/event-stream", event.clone(), event);
    let canned = Answers::vendor(Era::Modern).with_target("tools/call", "flood", flood);
    let upstream = RawUpstream::start(canned).await.unwrap();
    let gateway = gateway(&file(&upstream.url(), "timeouts: { write: 300ms }", "")).await;
    let body = tool("flood");
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: flood\r\ncontent-length: {}\r\n\r\n{body}",
        gateway.address,
        body.len(),
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    soon(
        "the end of the module's stream",
        upstream.wait_for(|log| log.abandoned == 1),
    )
    .await;
    until_metric(
        gateway.address,
        r#"mcpo2_shed_total{reason="slow_reader"}"#,
        1,
    )
    .await;
    let call = gateway.call_of("tools/call").await;
    assert!(matches!(call.end.outcome, Outcome::Cancelled), "{call:?}");
    assert!(call.end.bytes < 32_000_000, "it was all read");
    assert_eq!(
        metric(
            gateway.address,
            r#"mcpo2_upstream_inflight{module="module"}"#
        )
        .await,
        0
    );
    drop(socket);
}

#[tokio::test]
async fn o05_who_sends_too_slowly_is_cut_off_and_recorded_if_anything_was_asked() {
    let upstream = upstream(Era::Modern).await;
    let gateway = gateway(&file(
        &upstream.url(),
        "timeouts: { headers: 300ms, body: 300ms }",
        "",
    ))
    .await;
    let address = gateway.address;
    let head = format!("POST /mcp HTTP/1.1\r\nhost: {address}\r\n");
    let body = "content-type: application/json\r\naccept: application/json, text/event-stream\r\ncontent-length: 100\r\n\r\n{";
    let slow = ["", "PRI * ", "POST /mcp", &head].map(|said| client::raw(address, said.as_bytes()));
    for answer in join_all(slow).await {
        assert_eq!(answer, "");
    }
    // The body is answered, and the connection is of no more use.
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = soon("an answer", socket.read_to_end(&mut answer)).await;
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{answer:?}");
    let mut reasons: Vec<_> = rejects(gateway.stop().await)
        .into_iter()
        .map(|reject| reject.reason.into_owned())
        .collect();
    reasons.sort();
    assert_eq!(
        reasons,
        ["slow_body", "slow_headers", "slow_headers", "slow_headers"]
    );
    assert!(upstream.log().received.is_empty());
}

#[tokio::test]
async fn o07_names_of_callers_make_no_series_and_their_traces_no_long_records() {
    let upstream = upstream(Era::Modern).await;
    let yaml = observed(&upstream.url(), "");
    let gateway = Gateway::governed(&yaml).await;
    let address = gateway.address;
    let series = async || {
        let text = bare(address, "")
            .method(Method::GET)
            .path("/metrics")
            .answer()
            .await;
        text.text().lines().count()
    };
    modern(address, tool("first")).answer().await;
    let before = series().await;
    for batch in 0..40 {
        let names = (0..50).map(|n| format!("tool-{batch}-{n}"));
        join_all(names.map(|name| modern(address, tool(&name)).answer())).await;
    }
    assert_eq!(series().await, before);
    let long = "0".repeat(1 << 20);
    let traced = modern(address, tool("module__vendor_call")).with("baggage", &long);
    assert!(
        traced
            .try_open()
            .await
            .map_or(true, |answer| answer.status.as_u16() == 431)
    );
    let meta = format!(r#""name":"module__vendor_call","_meta":{{"traceparent":"{long}","#);
    let body = stateless("1", "tools/call", r#""name":"module__vendor_call""#);
    let body = body.replace(r#""name":"module__vendor_call","_meta":{"#, &meta);
    let answer = modern(address, body).answer().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let records = gateway.stop().await;
    let longest = records
        .iter()
        .map(|record| serde_json::to_string(record).unwrap().len())
        .max();
    assert!(longest.unwrap() < 16 << 10);
    assert_eq!(rejects(records).len(), 1);
}

#[tokio::test]
async fn o08_a_module_that_is_down_gets_a_fraction_of_the_calls_and_not_a_multiple() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (count, counted) = tokio::sync::watch::channel(0_usize);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.send_modify(|count| *count += 1);
            drop(socket);
        }
    });
    let gateway = gateway(&file(&url, "", "")).await;
    for _ in 0..30 {
        let calls = (0..10).map(|_| modern(gateway.address, tool("any")).answer());
        for answer in join_all(calls).await {
            assert!(
                matches!(answer.code(), Some(-31002 | -31005)),
                "{}",
                answer.text()
            );
        }
    }
    let asked = *counted.borrow();
    assert!(
        (1..60).contains(&asked),
        "{asked} connections for 300 calls"
    );
}

#[tokio::test]
async fn o08_a_module_that_does_not_answer_is_left_alone_and_tried_by_one_call() {
    let canned = Answers::vendor(Era::Modern).with_target("tools/call", "never", Canned::never());
    let upstream = RawUpstream::start(canned).await.unwrap();
    // The time runs out when the test says so, and not before a slow machine has asked.
    let gateway = gateway(&file(&upstream.url(), "", "timeout: 60s, eject_after: 3")).await;
    let address = gateway.address;
    let runs_out = async |nth: usize| {
        let late = tokio::spawn(modern(address, tool("never")).answer());
        reached(&upstream, nth).await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(60)).await;
        tokio::time::resume();
        let late = late.await.unwrap();
        assert_eq!(late.code(), Some(-31004), "{}", late.text());
    };
    runs_out(1).await;
    runs_out(2).await;
    let served = Instant::now();
    runs_out(3).await;
    let ejected = r#"mcpo2_upstream_ejected{module="module"}"#;
    let ejections = r#"mcpo2_upstream_ejections_total{module="module",reason="timeout"}"#;
    assert_eq!(metric(address, ejected).await, 1);
    assert_eq!(metric(address, ejections).await, 1);
    // Whoever asks meanwhile is refused, until one may try it.
    let tries = tokio::spawn(async move {
        while modern(address, tool("never")).answer().await.code() == Some(-31002) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    reached(&upstream, 4).await;
    // Too short a pause shows on every machine: a slow one only makes it longer.
    assert!(served.elapsed() >= Duration::from_secs(1), "no pause");
    for _ in 0..3 {
        let refused = modern(address, tool("vendor_call")).answer().await;
        assert_eq!(refused.code(), Some(-31002), "{}", refused.text());
    }
    assert_eq!(upstream.log().of("tools/call").count(), 4);
    assert_eq!(metric(address, ejections).await, 1);
    tries.abort();
    soon("the module's return", async {
        while modern(address, tool("vendor_call")).answer().await.status != StatusCode::OK
            || metric(address, ejected).await != 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Waits until this many calls of tools have reached the module.
async fn reached(upstream: &RawUpstream, calls: usize) {
    let are_there = upstream.wait_for(|log| log.of("tools/call").count() == calls);
    soon("a call at the module", are_there).await;
}

#[tokio::test]
async fn o10_what_is_small_on_the_wire_and_large_here_is_refused_unread() {
    let upstream = upstream(Era::Modern).await;
    let gateway = Gateway::before(&upstream.url()).await;
    for encoding in ["gzip", "br", "identity, gzip", "zstd"] {
        let answer = modern(gateway.address, tool("vendor_call"))
            .with("content-encoding", encoding)
            .answer()
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{encoding}"
        );
    }
    let plain = modern(gateway.address, tool("vendor_call")).with("content-encoding", "identity");
    assert_eq!(plain.answer().await.status, StatusCode::OK);
    assert_eq!(upstream.log().of("tools/call").count(), 1);
    let refused = rejects(gateway.stop().await);
    assert!(
        refused
            .iter()
            .all(|reject| reject.reason == "content_encoding")
    );
    assert_eq!(refused.len(), 4);
}

#[tokio::test]
async fn p09_where_memory_is_short_nothing_begins_that_stays_and_one_call_at_a_time_goes_on() {
    let upstream = upstream(Era::Modern).await;
    let gateway = gateway(&file(&upstream.url(), "admission: { memory: 1MiB }", "")).await;
    let address = gateway.address;
    until_metric(address, "mcpo2_memory_stage", 2).await;
    let params = r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}"#;
    for refused in [
        post(address, plain("0", "initialize", params)),
        modern(
            address,
            stateless("1", "subscriptions/listen", r#""notifications":{}"#),
        ),
    ] {
        assert!(is_overloaded(&refused.answer().await));
    }
    let mut held = hold(1, || modern(address, tool("vendor_hang"))).await;
    assert!(is_overloaded(
        &modern(address, tool("vendor_call")).answer().await
    ));
    let alive = bare(address, "")
        .method(Method::GET)
        .path("/livez")
        .answer()
        .await;
    assert_eq!(alive.status, StatusCode::OK);
    end_all(&upstream);
    held[0].message(|message| message["id"] == 1).await;
    drop(held);
    soon("the next call", async {
        while is_overloaded(&modern(address, tool("vendor_call")).answer().await) {}
    })
    .await;
    assert_eq!(upstream.log().of("tools/call").count(), 2);
}

#[tokio::test]
async fn of_a_flood_of_strangers_none_goes_uncounted_and_few_have_a_record() {
    let upstream = upstream(Era::Modern).await;
    let (yaml, ada, _) = for_two(&observed(&upstream.url(), ""));
    let gateway = gateway(&yaml).await;
    let address = gateway.address;
    for _ in 0..12 {
        let flood = (0..50).map(|_| modern(address, tool("vendor_call")).key("wrong").answer());
        for answer in join_all(flood).await {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        }
    }
    // Who is known has a record each.
    for _ in 0..3 {
        post(address, "{").key(&ada).answer().await;
    }
    let refused = rejects(gateway.stop().await);
    let (known, strangers): (Vec<_>, Vec<_>) = refused.iter().partition(|r| r.principal.is_some());
    assert_eq!(known.len(), 3);
    assert!(known.iter().all(|reject| reject.count.is_none()));
    let counted: u64 = strangers
        .iter()
        .map(|reject| reject.count.unwrap_or(1))
        .sum();
    assert_eq!(counted, 600);
    assert!((200..500).contains(&strangers.len()), "{}", strangers.len());
    assert!(upstream.log().received.is_empty());
}
