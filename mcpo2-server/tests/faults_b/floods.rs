//! B14: floods of frames on an HTTP/2 connection.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{bench::Bench, support::soon};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The header block of a POST without its end: `:method`, `:scheme` and `:path` of the static
/// table, and `:authority` as it is.
fn post(address: SocketAddr) -> Vec<u8> {
    let authority = address.to_string();
    let length = u8::try_from(authority.len()).unwrap();
    let path = b"/mcp";
    let json = b"application/json";
    let accept = b"application/json, text/event-stream";
    [
        &[0x83, 0x86, 0x01, length][..],
        authority.as_bytes(),
        &[0x04, 4],
        path,
        &[0x0f, 0x10, 16],
        json,
        &[0x0f, 0x04, u8::try_from(accept.len()).unwrap()],
        accept,
    ]
    .concat()
}

/// Sends these frames over and over until the server takes no more, and gives the code of its
/// GOAWAY, if there was one.
async fn flood(
    address: SocketAddr,
    first: Vec<u8>,
    mut more: impl FnMut(u32) -> Vec<u8> + Send + 'static,
) -> Option<u32> {
    let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
    let flooding = tokio::spawn(async move {
        let begin = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &first].concat();
        let mut sent = to.write_all(&begin).await;
        let mut n = 0;
        while sent.is_ok() && n < 200_000 {
            let mut batch = Vec::new();
            for _ in 0..50 {
                batch.extend(more(n));
                n += 1;
            }
            sent = to.write_all(&batch).await;
        }
        n
    });
    let mut heard = Vec::new();
    // A reset is as good an end as any.
    let _ = soon("the end of the connection", from.read_to_end(&mut heard)).await;
    let sent = soon("the refusal to take more", flooding).await.unwrap();
    assert!(sent < 200_000, "all of it was taken");
    goaway(&heard)
}

fn goaway(mut bytes: &[u8]) -> Option<u32> {
    while let [a, b, c, kind, _, rest @ ..] = bytes {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let payload = rest.get(4..4 + length)?;
        if *kind == GOAWAY {
            let code = payload.get(4..8)?;
            return Some(u32::from_be_bytes(code.try_into().unwrap()));
        }
        bytes = rest.get(4 + length..)?;
    }
    None
}

/// Others on connections of their own are served while one floods, and after.
async fn floods(
    bench: &Bench,
    first: Vec<u8>,
    more: impl FnMut(u32) -> Vec<u8> + Send + 'static,
) -> Option<u32> {
    let flooding = tokio::spawn(flood(bench.address(), first, more));
    assert!(bench.still_serves().await);
    let code = flooding.await.unwrap();
    assert!(bench.still_serves().await);
    code
}

const PROTOCOL_ERROR: u32 = 1;
const ENHANCE_YOUR_CALM: u32 = 11;

#[tokio::test]
async fn b14_a_flood_of_streams_that_are_reset_at_once_ends_its_connection_and_no_other() {
    let bench = Bench::observed().await;
    let block = post(bench.address());
    let code = floods(&bench, Vec::new(), move |n| {
        let stream = 2 * n + 1;
        let head = frame(HEADERS, END_HEADERS, stream, &block);
        [head, frame(RESET, 0, stream, &8_u32.to_be_bytes())].concat()
    })
    .await;
    assert!([None, Some(ENHANCE_YOUR_CALM)].contains(&code), "{code:?}");
    assert!(bench.reached() >= 2);
}

#[tokio::test]
async fn b14_headers_that_go_on_and_on_end_their_connection_and_no_other() {
    let bench = Bench::observed().await;
    let first = frame(HEADERS, 0, 1, &post(bench.address()));
    let filler = [&[0x00, 1, b'x', 100][..], &[b'y'; 100]]
        .concat()
        .repeat(20);
    let code = floods(&bench, first, move |_| frame(CONTINUATION, 0, 1, &filler)).await;
    assert!(
        [None, Some(PROTOCOL_ERROR), Some(ENHANCE_YOUR_CALM)].contains(&code),
        "{code:?}"
    );
}

#[tokio::test]
async fn b14_a_flood_of_empty_data_ends_its_connection_and_no_other() {
    let bench = Bench::observed().await;
    let first = frame(HEADERS, END_HEADERS, 1, &post(bench.address()));
    let code = floods(&bench, first, |_| frame(DATA, 0, 1, &[])).await;
    assert!([None, Some(ENHANCE_YOUR_CALM)].contains(&code), "{code:?}");
}

/// Each ping and each change of settings is answered, and answers that nobody reads wait.
#[tokio::test]
async fn b14_pings_whose_answers_nobody_reads_hold_up_nobody_else() {
    let bench = Bench::observed().await;
    let mut stream = TcpStream::connect(bench.address()).await.unwrap();
    let begin = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    stream.write_all(&begin).await.unwrap();
    let pings = frame(PING, 0, 0, &[0; 8]).repeat(10_000);
    let flooding = tokio::spawn(async move {
        // It is not read, so the server stops to read too.
        let _ = tokio::time::timeout(
            std::time::Duration::from_secs(2),
            stream.write_all(&pings.repeat(100)),
        )
        .await;
        stream
    });
    for _ in 0..10 {
        assert!(bench.still_serves().await);
    }
    flooding.await.unwrap();
    assert!(bench.still_serves().await);
}

/// RUSTSEC-2026-0258: before 0.4.16 empty frames were not counted.
#[test]
fn b14_the_http_2_in_use_counts_empty_frames() {
    let lock = include_str!("../../../Cargo.lock");
    let mut versions = Vec::new();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        if line == r#"name = "h2""# {
            let version = lines.next().unwrap();
            let version = version
                .strip_prefix(r#"version = ""#)
                .unwrap()
                .trim_end_matches('"');
            let parts: Vec<u32> = version
                .split('.')
                .map(|part| part.parse().unwrap())
                .collect();
            versions.push(parts);
        }
    }
    assert!(!versions.is_empty());
    assert!(
        versions.iter().all(|version| *version >= vec![0, 4, 16]),
        "{versions:?}"
    );
}
