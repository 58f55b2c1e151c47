//! A process that runs out of file descriptors: row P08 of the catalogue of faults.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{net::SocketAddr, path::Path, process::Command, time::Instant};

use http::StatusCode;
use mcpo2_testkit::raw::vendor::Era;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use self::support::{
    client::{modern, stateless},
    observed,
    process::{Mcpo2, path},
    soon, vendor as upstream,
};

const REFUSED: &str = "a connection was not accepted";

fn call(address: SocketAddr) -> support::client::Ask {
    modern(
        address,
        stateless("1", "tools/call", r#""name":"module__vendor_call""#),
    )
}

fn file(dir: &Path, upstream: &str) -> String {
    let file = dir.join("mcpo2.yaml");
    let http = "http: { timeouts: { headers: 500ms } }\n";
    std::fs::write(&file, observed(upstream, http)).unwrap();
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
