//! What it costs to read a message and to edit it, by its length: `cargo bench -p mcpo2-core`.
//! Prints; judges nothing. Where the system tells (Linux does), it is the time of the processor,
//! and others on the machine do not count.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that fails should say so"
)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mcpo2_core::{Message, Request, json};

/// How long each figure is measured for.
const TIME: Duration = Duration::from_millis(200);

fn main() {
    println!("{:>28} {:>10} {:>12} {:>10}", "", "bytes", "ns", "MB/s");
    for (name, text) in messages() {
        let bytes = Bytes::from(text);
        row(&format!("{name}, check"), &bytes, || {
            json::check(black_box(&bytes)).unwrap();
        });
        row(&format!("{name}, parse"), &bytes, || {
            black_box(Message::parse(black_box(&bytes).clone()).unwrap());
        });
        let call = request(bytes.clone());
        row(&format!("{name}, two edits"), &bytes, || {
            let edited = call.with_item_name("echo").with_meta("dev/x", r#"{"a":1}"#);
            black_box(edited.pieces());
        });
        let answer = Bytes::from(answer(&call));
        row(&format!("{name}, answer"), &answer, || {
            black_box(Message::parse(black_box(&answer).clone()).unwrap());
        });
    }
}

/// A short call, one with metadata, and long ones: of letters, of other letters, with escapes, and
/// of many small values.
fn messages() -> Vec<(&'static str, String)> {
    let long = |piece: &str, bytes: usize| call(&quoted(piece, bytes), META);
    let numbers: Vec<String> = (0..100_000).map(|n| format!(r#"{{"x":{n}.5}}"#)).collect();
    vec![
        ("short", call("\"0123456789abcdef0123456789abcdef\"", "")),
        (
            "with metadata",
            call(&quoted("0123456789abcdef", 150), META),
        ),
        ("16 KiB", long("0123456789abcdef", 16 << 10)),
        ("1 MiB", long("0123456789abcdef", 1 << 20)),
        ("1 MiB of Greek", long("ένα δύο τρία ", 1 << 20)),
        ("1 MiB of lines", long(r"fn main() { }\n", 1 << 20)),
        (
            "1 MiB of points",
            call(&format!("[{}]", numbers.join(",")), META),
        ),
    ]
}

const META: &str = r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;

fn quoted(piece: &str, bytes: usize) -> String {
    format!("\"{}\"", piece.repeat(bytes / piece.len()))
}

fn call(text: &str, meta: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"bench__echo","arguments":{{"text":{text}}}{meta}}}}}"#
    )
}

fn answer(call: &Request) -> String {
    let arguments = std::str::from_utf8(call.arguments().unwrap()).unwrap();
    let text = arguments.strip_prefix(r#"{"text":"#).unwrap();
    format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":[{{"type":"text","text":{text}]}}}}"#)
}

fn request(bytes: Bytes) -> Request {
    match Message::parse(bytes).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("no request"),
    }
}

fn row(name: &str, bytes: &[u8], work: impl Fn()) {
    let (began, before, mut calls) = (Instant::now(), processor(), 0_u32);
    while began.elapsed() < TIME {
        for _ in 0..16 {
            work();
        }
        calls += 16;
    }
    let passed = match (before, processor()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => began.elapsed(),
    };
    let each = passed.as_secs_f64() / f64::from(calls);
    let length = f64::from(u32::try_from(bytes.len()).unwrap());
    println!(
        "{name:>28} {length:>10} {:>12.0} {:>10.0}",
        each * 1e9,
        length / each / 1e6
    );
}

/// The time that this thread has had so far.
fn processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
