//! B14: requests that two readers of HTTP would part differently.

use crate::{
    bench::Bench,
    support::client::{raw, stateless},
};

/// A request that nobody may take, since it is part of another's body.
fn smuggled(bench: &Bench) -> String {
    let body = stateless("666", "tools/call", r#""name":"vendor_call""#);
    format!(
        "{}Content-Length: {}\r\n\r\n{body}",
        head(bench),
        body.len()
    )
}

fn head(bench: &Bench) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMcp-Protocol-Version: 2026-07-28\r\n\
         Mcp-Method: tools/call\r\nMcp-Name: vendor_call\r\n",
        bench.address(),
    )
}

#[tokio::test]
async fn b14_a_request_with_two_lengths_carries_no_other() {
    let bench = Bench::observed().await;
    let body = stateless("1", "tools/call", r#""name":"vendor_call""#);
    let (length, chunked) = (
        body.len(),
        format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
    );
    let other = smuggled(&bench);
    let all = length + other.len();
    // Both lengths, either way round: the longer would make one request of two, the shorter two.
    for framing in [
        format!("Content-Length: {length}\r\nContent-Length: {all}\r\n\r\n{body}"),
        format!("Content-Length: {all}\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!("Content-Length: {length}, {all}\r\n\r\n{body}"),
        format!("Content-Length: +{length}\r\n\r\n{body}"),
        format!("Content-Length: 0x{length:x}\r\n\r\n{body}"),
        format!("Content-Length: -1\r\n\r\n{body}"),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n{chunked}"),
        format!("Transfer-Encoding: identity\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n{chunked}"),
        format!("Transfer-Encoding : chunked\r\n\r\n{chunked}"),
        format!(
            "Transfer-Encoding: chunked\r\n\r\n{:x};a\nb\r\n{body}\r\n0\r\n\r\n",
            length
        ),
        format!("Transfer-Encoding: chunked\r\n\r\n-1\r\n{body}\r\n0\r\n\r\n"),
        format!("Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{body}\r\n0\r\n\r\n"),
        format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{body}\r\n0\r\n\r\n"),
        format!(
            "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}XX0\r\n\r\n",
            length
        ),
        format!("X-Folded: a\r\n b\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!("X-Folded: a\r\n\tContent-Length: 0\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!(" X-Leading: a\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!("X-No-Colon\r\nContent-Length: {length}\r\n\r\n{body}"),
    ] {
        let before = bench.reached();
        let answer = raw(
            bench.address(),
            format!("{}{framing}{other}", head(&bench)).as_bytes(),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{framing}: {answer}");
        // And no other answer behind it.
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{framing}: {answer}"
        );
        assert_eq!(bench.reached(), before, "{framing}");
    }
    assert!(bench.still_serves().await);
}

/// RFC 9112 §6.3 lets a server take the chunks and close: then nothing behind them is a request.
#[tokio::test]
async fn b14_a_length_beside_chunks_ends_the_connection_behind_them() {
    let bench = Bench::observed().await;
    let body = stateless("1", "tools/call", r#""name":"vendor_call""#);
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let other = smuggled(&bench);
    for framing in [
        format!("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunked}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 99999\r\n\r\n{chunked}"),
    ] {
        let before = bench.reached();
        let answer = raw(
            bench.address(),
            format!("{}{framing}{other}", head(&bench)).as_bytes(),
        )
        .await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(!answer.contains("666"), "{answer}");
        assert!(bench.reached() <= before + 1);
    }
}
