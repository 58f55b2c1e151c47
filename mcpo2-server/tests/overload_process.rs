//! A process that is asked for too much: row P08 of the catalogue of faults, and what of the rows O
//! shows in a process of its own alone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{net::SocketAddr, path::Path, process::Command, time::Instant};

use futures_util::future::join_all;
use http::StatusCode;
use mcpo2_testkit::raw::vendor::Era;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use self::support::{
    PATIENT,
    client::{self, Streaming, listen, modern, stateless},
    key, observed,
    process::{Mcpo2, path},
    soon, vendor as upstream,
};

const REFUSED: &str = "a connection was not accepted";

fn call(address: SocketAddr) -> client::Ask {
    modern(
        address,
        stateless("1", "tools/call", r#""name":"module__vendor_call""#),
    )
}

fn file(dir: &Path, upstream: &str) -> String {
    let http = "http: { timeouts: { headers: 500ms } }\n";
    write(dir, &observed(upstream, http))
}

fn write(dir: &Path, yaml: &str) -> String {
    let file = dir.join("mcpo2.yaml");
    std::fs::write(&file, yaml).unwrap();
    path(&file)
}

#[tokio::test]
async fn p08_with_few_descriptors_a_crowd_waits_and_calls_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = upstream(Era::Modern).await;
    let file = file(dir.path(), &upstream.url());
    let serve = ["serve", "-f", &file, "--listen", "127.0.0.1:0"];
    let mut mcpo2 = Mcpo2::run_with_descriptors(64, &serve);
    let address = mcpo2.address().await;
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(TcpStream::connect(address).await.unwrap());
    }
    for _ in 0..3 {
        let answer = call(address).answer().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
    drop(crowd);
    mcpo2.signal("TERM");
    let (status, said) = mcpo2.ended().await;
    assert!(status.success(), "{said}");
    assert!(!said.contains(REFUSED), "{said}");
    mcpo2_audit::verify(dir.path().join("ledger")).unwrap();
}

#[tokio::test]
async fn p08_without_a_descriptor_left_it_waits_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = upstream(Era::Modern).await;
    let file = file(dir.path(), &upstream.url());
    let mut mcpo2 = Mcpo2::run(&["serve", "-f", &file, "--listen", "127.0.0.1:0"]);
    let address = mcpo2.address().await;
    assert_eq!(call(address).answer().await.status, StatusCode::OK);
    // None beside the standard streams, so that one which is closed meanwhile frees nothing.
    limit(&mcpo2, 3);
    let began = Instant::now();
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let probe = format!("GET /livez HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        socket.write_all(probe.as_bytes()).await.unwrap();
        waiting.push(socket);
    }
    for _ in 0..3 {
        mcpo2.says(REFUSED).await;
    }
    limit(&mcpo2, 1024);
    for mut socket in waiting {
        let mut answer = String::new();
        let read = socket.read_to_string(&mut answer);
        soon("an answer", read).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(call(address).answer().await.status, StatusCode::OK);
    let took = usize::try_from(began.elapsed().as_secs()).unwrap();
    mcpo2.signal("TERM");
    let (status, said) = mcpo2.ended().await;
    assert!(status.success(), "{said}");
    // It tries ten times a second, and not as often as it can.
    let tried = said.matches(REFUSED).count();
    assert!(tried < 30 + 15 * took, "{tried} times in {took} s");
    mcpo2_audit::verify(dir.path().join("ledger")).unwrap();
}

#[tokio::test]
async fn o03_a_thousand_idle_streams_are_kept_and_one_caller_has_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = upstream(Era::Legacy).await;
    let (ada, ada_entry) = key("ada", "acme");
    let (ben, ben_entry) = key("ben", "globex");
    let http = format!("http: {{ admission: {{ streams_per_principal: 1000 }} }}\n{PATIENT}");
    let yaml = observed(&upstream.url(), &http).replace(
        "identity: { anonymous: { tenant: local } }",
        &format!("identity:\n  api_keys:\n    {ada_entry}\n    {ben_entry}"),
    );
    let file = write(dir.path(), &yaml);
    let mut mcpo2 = Mcpo2::run(&["serve", "-f", &file, "--listen", "127.0.0.1:0"]);
    let address = mcpo2.address().await;
    mcpo2.read_on();
    let session = client::begin_as(address, "{}", Some(&ada)).await;
    let before = resident(&mcpo2);
    let streams = join_all((0..1000).map(|_| listen(address, &session).key(&ada).open())).await;
    assert!(streams.iter().all(stands));
    let each = resident(&mcpo2).saturating_sub(before) / 1000;
    assert!(each < 128 << 10, "{each} bytes a stream");
    let more = listen(address, &session).key(&ada).answer().await;
    assert_eq!(more.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (more.code(), more.header("retry-after")),
        (Some(-31003), "1"),
        "{}",
        more.text()
    );
    let theirs = client::begin_as(address, "{}", Some(&ben)).await;
    assert!(stands(&listen(address, &theirs).key(&ben).open().await));
    drop(streams);
    soon("room for a stream", async {
        while !stands(&listen(address, &session).key(&ada).open().await) {}
    })
    .await;
}

fn stands(stream: &Streaming) -> bool {
    stream.status == StatusCode::OK
}

/// How much memory a process has, in bytes.
fn resident(mcpo2: &Mcpo2) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", mcpo2.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib * 1024
}

#[tokio::test]
async fn o04_over_stdio_a_client_that_reads_late_gets_every_answer() {
    const CALLS: usize = 3000;
    let dir = tempfile::tempdir().unwrap();
    let upstream = upstream(Era::Modern).await;
    let (dir, url) = (path(dir.path()), upstream.url());
    let mut mcpo2 = Mcpo2::run(&["serve", "--stdio", "--dir", &dir, "--upstream", &url]);
    let mut stdin = mcpo2.stdin.take().unwrap();
    let asking = tokio::spawn(async move {
        for id in 0..CALLS {
            let call = stateless(&id.to_string(), "tools/call", r#""name":"vendor_call""#);
            stdin.write_all((call + "\n").as_bytes()).await.unwrap();
        }
        stdin
    });
    // As far as it comes while nothing is read: what fits into pipes, and what may be under way.
    upstream
        .wait_for(|log| log.of("tools/call").count() > 100)
        .await;
    let mut answered = vec![false; CALLS];
    for _ in 0..CALLS {
        let answer: serde_json::Value = serde_json::from_str(&mcpo2.hear().await).unwrap();
        let is_overloaded = answer["error"]["code"] == -31003;
        assert!(answer["result"].is_object() || is_overloaded, "{answer}");
        let id = usize::try_from(answer["id"].as_u64().unwrap()).unwrap();
        assert!(!std::mem::replace(&mut answered[id], true), "{answer}");
    }
    drop(asking.await.unwrap());
    let (status, said) = mcpo2.ended().await;
    assert!(status.success(), "{said}");
}

/// Sets the soft limit on open files of a process that runs.
fn limit(mcpo2: &Mcpo2, most: usize) {
    let status = Command::new("prlimit")
        .args([
            format!("--pid={}", mcpo2.pid()),
            format!("--nofile={most}:"),
        ])
        .status()
        .unwrap();
    assert!(status.success());
}
