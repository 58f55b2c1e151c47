//! B03: bodies without measure.

use std::{fs, path::Path};

use mcpo2_testkit::raw::vendor::Era;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{
    self,
    client::{modern, stateless},
    process::{Mcpo2, path},
    soon,
};

/// The highest that the memory of a process has been, in bytes.
fn peak(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB").trim();
    kib.parse::<usize>().unwrap() * 1024
}

/// Sends a head and then chunks of a body until it is all sent or nobody takes more: how much was
/// taken, and what came back.
async fn pour(
    mcpo2: std::net::SocketAddr,
    framing: &str,
    chunk: Vec<u8>,
    all: usize,
) -> (usize, String) {
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {mcpo2}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{framing}\r\n\r\n"
    );
    let (mut from, mut to) = TcpStream::connect(mcpo2).await.unwrap().into_split();
    let pouring = tokio::spawn(async move {
        let mut sent = 0;
        if to.write_all(head.as_bytes()).await.is_ok() {
            while sent < all && to.write_all(&chunk).await.is_ok() {
                sent += chunk.len();
            }
        }
        sent
    });
    let mut answer = Vec::new();
    let _ = soon("the end of the connection", from.read_to_end(&mut answer)).await;
    let sent = soon("the refusal to take more", pouring).await.unwrap();
    (sent, String::from_utf8_lossy(&answer).into_owned())
}

fn serve(dir: &Path, url: &str) -> Mcpo2 {
    Mcpo2::run(&[
        "serve",
        "--dir",
        &path(dir),
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        url,
    ])
}

#[tokio::test]
async fn b03_a_body_without_measure_takes_no_memory() {
    const LIMIT: usize = 4 << 20;
    const GIB: usize = 1 << 30;
    let dir = tempfile::tempdir().unwrap();
    let upstream = support::vendor(Era::Modern).await;
    let mut mcpo2 = serve(dir.path(), &upstream.url());
    let address = mcpo2.address().await;
    let call = || {
        modern(
            address,
            stateless("1", "tools/call", r#""name":"vendor_call""#),
        )
        .answer()
    };
    assert_eq!(call().await.code(), None);
    // As large as may be: what memory one body takes is not what is asked here.
    let fits = format!(
        r#""name":"vendor_call","arguments":{{"q":"{}"}}"#,
        "x".repeat(LIMIT - 4096)
    );
    let answer = modern(address, stateless("1", "tools/call", &fits))
        .answer()
        .await;
    assert_eq!(answer.code(), None);
    let before = peak(mcpo2.pid());

    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    for _ in 0..4 {
        let length = format!("Content-Length: {GIB}");
        let (sent, answer) = pour(address, &length, vec![b' '; 0x10000], GIB).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(sent < GIB / 4, "{sent} bytes were taken");
        let (sent, answer) = pour(address, "Transfer-Encoding: chunked", chunk.clone(), GIB).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(sent < GIB / 4, "{sent} bytes were taken");
    }
    let grown = peak(mcpo2.pid()).saturating_sub(before);
    // What one refused body took may still be there when the next comes: a few of its largest, and
    // nothing of the eight gibibytes that were announced.
    assert!(grown < 4 * LIMIT, "{grown} bytes more");
    assert_eq!(call().await.code(), None);
    assert_eq!(upstream.log().of("tools/call").count(), 3);
}
