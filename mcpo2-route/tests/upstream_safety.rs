//! What a module, or who answers for its name, cannot make the gateway do: rows U05, U10 and U15.
#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod site;

use std::{
    io::Write,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue};
use mcpo2_core::{Body, Error, ErrorKind, ProtocolVersion};
use mcpo2_route::upstream::{
    ClientInfo, Hello, Limits, Upstream,
    http::{Endpoint, HttpUpstream, Network},
};

use site::{Answer, Answers, DISCOVERED, PONG, Seen, Site, answer, endless, json, ping, text};

fn secret() -> HeaderMap {
    let secret = HeaderValue::from_static("Bearer ours");
    [(http::header::AUTHORIZATION, secret)]
        .into_iter()
        .collect()
}

fn at(url: &str) -> Endpoint {
    Endpoint::new(url.parse().unwrap(), secret()).unwrap()
}

fn upstream(site: &Site) -> HttpUpstream {
    with_limits(site, Limits::default())
}

fn with_limits(site: &Site, limits: Limits) -> HttpUpstream {
    let endpoint = at(&format!("http://{}/mcp", site.address));
    HttpUpstream::new(endpoint, ClientInfo::default(), limits).unwrap()
}

/// A module at a name, which leads where `answers` says.
fn named(port: u16, network: Network, answers: &Arc<Answers>) -> HttpUpstream {
    let endpoint = at(&format!("http://module.example:{port}/mcp")).network(network);
    let (client, limits) = (ClientInfo::default(), Limits::default());
    HttpUpstream::with_resolver(endpoint, client, limits, Arc::clone(answers) as _).unwrap()
}

fn hello() -> Hello {
    let params = r#"{"protocolVersion":"2025-11-25"}"#;
    Hello::new(params, ProtocolVersion::V2025_11_25)
}

/// What the operator reads of an error, after a look at what the caller does.
fn cause(error: &Error) -> String {
    let shown = error.to_string();
    for word in ["127.0.0", "169.254", "10.0.0", "module.example", "ours"] {
        assert!(!shown.contains(word), "{shown}");
    }
    error.chain().to_string()
}

/// A stateless module, which answers all but the probe by `answer`.
fn but_for_the_probe(
    answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Answer + Send + Sync + 'static {
    move |seen| match seen.says("server/discover") {
        true => json(DISCOVERED),
        false => answer(seen),
    }
}

#[tokio::test]
async fn u10_a_name_that_flips_to_an_internal_address_is_not_dialled_again() {
    // Each answer ends its connection, so that each call looks the name up.
    let site = Site::start("127.0.0.2", |seen| {
        let mut answer = site::stateless(seen);
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert("connection", close);
        answer
    })
    .await;
    let answers = Answers::new(&["127.0.0.2"]);
    let upstream = named(site.address.port(), Network::Loopback, &answers);
    let link = upstream.open(None).await.unwrap();
    assert_eq!(text(ping(&*link).await.unwrap()), PONG);
    let asked = answers.asked.load(Ordering::SeqCst);
    // Once for each connection: nothing lies between the look-up that is checked and the dialling.
    assert_eq!(asked, site.connections());

    for (address, kind) in [
        ("10.0.0.1", "private"),
        ("169.254.169.254", "of a metadata service"),
        ("::ffff:169.254.169.254", "of a metadata service"),
        ("fe80::1", "link-local"),
        ("0.0.0.0", "reserved"),
        ("8.8.8.8", "public"),
    ] {
        answers.flip(&[address]);
        let error = ping(&*link).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let cause = cause(&error);
        assert!(
            cause.contains(&format!("the address {address} is {kind}")),
            "{cause}"
        );
        assert!(cause.contains("`network: loopback`"), "{cause}");
    }
    assert_eq!(site.connections(), asked);

    answers.flip(&[]);
    let error = ping(&*link).await.unwrap_err();
    assert!(cause(&error).contains("no address"));
    answers.flip(&["127.0.0.2"]);
    assert_eq!(text(ping(&*link).await.unwrap()), PONG);
}

#[tokio::test]
async fn u10_a_public_name_that_leads_to_this_machine_meets_nobody() {
    let canary = Site::canary("127.0.0.2").await;
    for address in ["127.0.0.2", "::ffff:127.0.0.2"] {
        let answers = Answers::new(&[address]);
        let upstream = named(canary.address.port(), Network::Public, &answers);
        for hello in [None, Some(&hello())] {
            let error = upstream.open(hello).await.unwrap_err();
            assert!(cause(&error).contains("is loopback"), "{}", cause(&error));
        }
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn u10_of_several_addresses_only_those_of_the_network_are_tried() {
    let site = Site::start("127.0.0.2", site::stateless).await;
    let answers = Answers::new(&["169.254.169.254", "10.0.0.1", "127.0.0.2"]);
    let upstream = named(site.address.port(), Network::Loopback, &answers);
    let link = upstream.open(None).await.unwrap();
    assert_eq!(text(ping(&*link).await.unwrap()), PONG);
}

#[tokio::test]
async fn u10_an_address_that_is_written_out_is_checked_as_well() {
    let canary = Site::canary("127.0.0.1").await;
    let port = canary.address.port();
    for (host, network) in [
        ("127.0.0.1", Network::Public),
        ("[::ffff:127.0.0.1]", Network::Private),
        ("localhost", Network::Public),
        // Not an address to the URL, but one to the operating system.
        ("2130706433", Network::of_host("2130706433")),
        ("127.1", Network::of_host("127.1")),
        ("0.0.0.0", Network::Any),
        ("169.254.169.254", Network::of_host("169.254.169.254")),
    ] {
        let endpoint = at(&format!("http://{host}:{port}/")).network(network);
        let limits = Limits::default();
        let upstream = HttpUpstream::new(endpoint, ClientInfo::default(), limits).unwrap();
        let error = upstream.open(None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let cause = cause(&error);
        assert!(
            cause.contains(&format!("`network: {network}`")),
            "{host}: {cause}"
        );
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn u10_a_redirect_is_an_error_and_takes_nothing_anywhere() {
    let canary = Arc::new(Site::canary("127.0.0.2").await);
    for status in [300, 301, 302, 303, 304, 307, 308] {
        for to in [
            format!("http://{}/", canary.address),
            format!("//{}/", canary.address),
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "/elsewhere".to_owned(),
            "javascript:alert(1)".to_owned(),
        ] {
            let moved = move |_: &Seen| answer(status, &[("location", &to)], "");
            // In the answer to a call, then in the answer to the very first request.
            let late = Site::start("127.0.0.1", but_for_the_probe(moved.clone())).await;
            let link = upstream(&late).open(None).await.unwrap();
            let early = Site::start("127.0.0.1", moved).await;
            for error in [
                ping(&*link).await.unwrap_err(),
                upstream(&early).open(None).await.unwrap_err(),
                upstream(&early).open(Some(&hello())).await.unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::Upstream);
                let cause = cause(&error);
                assert!(cause.contains("no redirect is followed"), "{cause}");
                assert!(!cause.contains("169.254"), "{cause}");
            }
            let seen = [late.seen(), early.seen()].concat();
            assert!(seen.iter().all(|seen| seen.path == "/mcp"), "{seen:?}");
        }
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn u10_streams_notes_and_the_end_of_a_session_are_not_redirected_either() {
    let canary = Site::canary("127.0.0.2").await;
    let to = format!("http://{}/", canary.address);
    let site = Site::start("127.0.0.1", move |seen| {
        if seen.says("initialize") {
            let headers = [
                ("content-type", "application/json"),
                ("mcp-session-id", "s"),
            ];
            let body =
                r#"{"jsonrpc":"2.0","id":"mcpo2-1","result":{"protocolVersion":"2025-11-25"}}"#;
            return answer(200, &headers, body);
        }
        match seen.says("notifications/initialized") {
            true => answer(202, &[], ""),
            false => answer(307, &[("location", &to)], ""),
        }
    })
    .await;
    let link = upstream(&site).open(Some(&hello())).await.unwrap();
    let note = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
    for error in [
        link.send(Bytes::from_static(note.as_bytes()))
            .await
            .unwrap_err(),
        link.listen(None).await.unwrap_err(),
    ] {
        assert!(cause(&error).contains("no redirect is followed"));
    }
    link.close().await;
    assert!(site.seen().iter().any(|seen| seen.method == "DELETE"));
    assert_eq!(canary.connections(), 0);
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

const GZIP: [(&str, &str); 2] = [
    ("content-type", "application/json"),
    ("content-encoding", "gzip"),
];

async fn ping_of(
    headers: &'static [(&str, &str)],
    body: Vec<u8>,
    limits: Limits,
) -> Result<String, Error> {
    let body = Bytes::from(body);
    let say = but_for_the_probe(move |_| answer(200, headers, body.clone()));
    let site = Site::start("127.0.0.1", say).await;
    let link = with_limits(&site, limits).open(None).await.unwrap();
    let answered = ping(&*link).await;
    for seen in site.seen() {
        assert_eq!(seen.headers["accept-encoding"], "identity");
    }
    answered.map(text)
}

#[tokio::test]
async fn u05_gzip_that_nobody_asked_for_is_understood() {
    let parts = PONG.as_bytes().split_at(9);
    let members = [gzip(parts.0), gzip(parts.1)].concat();
    for body in [gzip(PONG.as_bytes()), members] {
        let answered = ping_of(&GZIP, body, Limits::default()).await;
        assert_eq!(answered.unwrap(), PONG);
    }
}

#[tokio::test]
async fn u05_an_event_in_gzip_comes_when_it_is_there_and_not_when_the_stream_ends() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let note = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
    write!(encoder, "data: {note}\n\n").unwrap();
    encoder.flush().unwrap();
    let first = Bytes::from(std::mem::take(encoder.get_mut()));
    let site = Site::start(
        "127.0.0.1",
        but_for_the_probe(move |_| {
            let headers = [
                ("content-type", "text/event-stream"),
                ("content-encoding", "gzip"),
            ];
            let pieces = first.chunks(3).map(Bytes::copy_from_slice).collect();
            endless(&headers, pieces)
        }),
    )
    .await;
    let link = upstream(&site).open(None).await.unwrap();
    let Body::Stream(mut frames) = ping(&*link).await.unwrap().into_body() else {
        panic!("no stream");
    };
    let frame = tokio::time::timeout(Duration::from_secs(20), frames.next()).await;
    assert_eq!(frame.unwrap().unwrap().unwrap().data(), note);
}

#[tokio::test]
async fn u05_what_is_not_whole_or_in_another_encoding_is_refused() {
    let whole = gzip(PONG.as_bytes());
    let cut = whole[..whole.len() - 3].to_vec();
    let mut wrong = whole.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let mut checksum = whole.clone();
    let place = checksum.len() - 8;
    checksum[place] ^= 1;
    let endless_name = [
        b"\x1f\x8b\x08\x08\0\0\0\0\0\xff".as_slice(),
        &[b'x'; 1 << 20],
    ]
    .concat();
    for body in [
        cut,
        wrong,
        checksum,
        [whole.clone(), b"rest".to_vec()].concat(),
        whole[..5].to_vec(),
        endless_name,
        PONG.into(),
    ] {
        let error = ping_of(&GZIP, body, Limits::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Upstream, "{}", cause(&error));
    }
    for headers in [
        &[("content-encoding", "br")] as &'static [_],
        &[("content-encoding", "deflate")],
        &[("content-encoding", "zstd")],
        &[("content-encoding", "gzip, gzip")],
        &[("content-encoding", "gzip"), ("content-encoding", "gzip")],
        &[("content-encoding", "")],
    ] {
        let error = ping_of(headers, whole.clone(), Limits::default()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Upstream, "{}", cause(&error));
    }
}

#[tokio::test]
async fn u05_a_bomb_is_cut_off_at_the_limit_and_takes_no_memory_beyond() {
    // 1 GiB in 1 MiB: as one member after the other, and with 32 MiB of one in the first.
    let member = gzip(&vec![0; 32 << 20]);
    let bomb = member.repeat(32);
    assert!(bomb.len() < 2 << 20, "{}", bomb.len());
    let mut limits = Limits::default();
    limits.response_bytes = 4 << 20;
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<usize>()
            .unwrap()
            >> 10
    };
    let before = peak();
    let events = [
        ("content-type", "text/event-stream"),
        ("content-encoding", "gzip"),
    ];
    for headers in [&GZIP as &'static [_], events.to_vec().leak()] {
        let error = match headers[0].1 {
            "application/json" => ping_of(headers, bomb.clone(), limits.clone())
                .await
                .unwrap_err(),
            _ => stream_of(headers, bomb.clone(), limits.clone()).await,
        };
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{}", cause(&error));
    }
    let grown = peak() - before;
    assert!(
        grown < 64,
        "{grown} MiB more, for an answer of 4 MiB at most"
    );
}

async fn stream_of(headers: &'static [(&str, &str)], body: Vec<u8>, limits: Limits) -> Error {
    let body = Bytes::from(body);
    let say = but_for_the_probe(move |_| answer(200, headers, body.clone()));
    let site = Site::start("127.0.0.1", say).await;
    let link = with_limits(&site, limits).open(None).await.unwrap();
    let Body::Stream(mut frames) = ping(&*link).await.unwrap().into_body() else {
        panic!("no stream");
    };
    frames.next().await.unwrap().unwrap_err()
}

#[tokio::test]
async fn u15_no_address_that_a_module_names_is_gone_to() {
    let canary = Site::canary("127.0.0.2").await;
    let there = format!("http://{}", canary.address);
    let marker = std::env::temp_dir().join(format!("mcpo2-u15-{}", std::process::id()));
    let shell = format!(
        "http://x/$(touch {0});`touch {0}`|touch {0}",
        marker.display()
    );
    for url in [
        &*there,
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "http://[::ffff:169.254.169.254]/",
        "javascript:alert(document.domain)",
        "file:///etc/passwd",
        "data:text/html,x",
        "gopher://127.0.0.1:11211/",
        &*shell,
    ] {
        let quoted = serde_json::to_string(url).unwrap();
        let bearer = format!("Bearer resource_metadata={quoted}, authorization_uri={quoted}");
        let link = format!("<{url}>; rel=preload");
        let alternative = format!("h2=\"{}\"", canary.address);
        let everywhere = [
            ("content-type", "application/json"),
            ("www-authenticate", &*bearer),
            ("location", url),
            ("content-location", url),
            ("refresh", url),
            ("link", &*link),
            ("alt-svc", &*alternative),
        ];
        let result = format!(
            r#"{{"jsonrpc":"2.0","id":7,"result":{{"resource":{quoted},"authorization_servers":[{quoted}],"authorization_endpoint":{quoted},"token_endpoint":{quoted},"jwks_uri":{quoted},"$ref":{quoted},"icons":[{{"src":{quoted}}}],"content":[{{"type":"resource_link","uri":{quoted},"name":"x"}}]}}}}"#
        );
        for status in [200, 201, 401, 403, 407, 511] {
            let body = result.clone();
            let headers: Vec<_> = everywhere
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
            let site = Site::start(
                "127.0.0.1",
                but_for_the_probe(move |_| {
                    let headers: Vec<_> = headers
                        .iter()
                        .map(|(name, value)| (&**name, &**value))
                        .collect();
                    answer(status, &headers, body.clone())
                }),
            )
            .await;
            let link = upstream(&site).open(None).await.unwrap();
            match (status, ping(&*link).await) {
                // What a result says is for its reader, to the byte.
                (200 | 201 | 407 | 511, Ok(reply)) => match reply.into_body() {
                    Body::Complete(bytes) => assert_eq!(bytes, result),
                    other => panic!("{other:?}"),
                },
                (401 | 403, Err(error)) => {
                    let shown = format!("{} {}", cause(&error), error);
                    assert!(!shown.contains(url), "{shown}");
                }
                (status, other) => panic!("{status}: {other:?}"),
            }
            assert!(site.seen().iter().all(|seen| seen.path == "/mcp"));
            assert_eq!(site.seen().len(), 2, "asked again");
        }
    }
    assert_eq!(canary.connections(), 0);
    assert!(!marker.exists(), "a shell read it");
}

#[test]
fn u15_an_endpoint_is_http_or_https_and_nothing_else() {
    for url in [
        "javascript://x/%0aalert(1)",
        "file://x/etc/passwd",
        "ftp://x/",
        "gopher://x/",
        "ws://x/",
        "data://x/",
        "unix://x/",
        "httpx://x/",
        "/relative",
        "http://user:password@x/",
        "http://user@x/",
    ] {
        assert!(
            Endpoint::new(url.parse().unwrap(), HeaderMap::new()).is_err(),
            "{url}"
        );
    }
}

#[test]
fn u15_an_endpoint_that_a_module_names_is_at_the_same_place_or_none() {
    let base = at("https://Module.example/sse");
    for same in [
        "/messages",
        "/messages?x=http://elsewhere.example/",
        "/..//elsewhere.example",
        "https://module.example/messages",
        "https://MODULE.example:443/messages",
    ] {
        assert!(base.named(same).is_ok(), "{same}");
    }
    for elsewhere in [
        "//elsewhere.example/",
        "\\\\elsewhere.example/",
        "https://elsewhere.example/",
        "https://module.example.elsewhere.example/",
        "https://module.example:444/",
        "http://module.example/",
        "https://user@module.example/",
        "https://module.example@elsewhere.example/",
        "https://169.254.169.254/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:,x",
        "messages",
        "",
        "/a b",
        "/a\r\nHost: elsewhere",
    ] {
        assert!(base.named(elsewhere).is_err(), "{elsewhere}");
    }
}
