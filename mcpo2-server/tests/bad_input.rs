//! Bad input gets the error that is documented for it, reaches no module, and leaves exactly one
//! entry in the ledger.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::too_many_lines, reason = "tables")]

mod support;

use std::net::SocketAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Method, StatusCode};
use mcpo2_server::Mode;
use mcpo2_testkit::raw::{RawUpstream, vendor::Era};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use self::support::{
    Gateway,
    client::{self, Ask, bare, modern, plain, post, stateless},
    rejects, soon, until, vendor,
};

/// What is sent, and what must come of it: status, JSON-RPC code, and the ledger's word for it.
struct Case {
    name: String,
    ask: Ask,
    status: u16,
    code: i64,
    reason: &'static str,
}

fn case(name: &str, ask: Ask, (status, code): (u16, i64), reason: &'static str) -> Case {
    Case {
        name: name.into(),
        ask,
        status,
        code,
        reason,
    }
}

const PARSE: (u16, i64) = (400, -32700);
const INVALID: (u16, i64) = (400, -32600);
const PARAMS: (u16, i64) = (400, -32602);
const MISMATCH: (u16, i64) = (400, -32020);

/// A gateway with narrow limits before an upstream that nothing may reach.
struct Bench {
    upstream: RawUpstream,
    gateway: Gateway,
    key: String,
}

impl Bench {
    async fn new() -> Self {
        Self::within("10s").await
    }

    /// A body has this time.
    async fn within(body: &str) -> Self {
        let upstream = vendor(Era::Modern).await;
        let (key, entry) = support::key("bot", "acme");
        let limits = format!(
            "http: {{ max_body_bytes: 64KiB, max_header_bytes: 16KiB, timeouts: {{ body: {body} }} }}\n"
        );
        let yaml = support::observed(&upstream.url(), &limits).replace(
            "identity: { anonymous: { tenant: local } }",
            &format!("identity:\n  api_keys:\n    {entry}"),
        );
        let gateway = Gateway::start(&yaml, Mode::Observed).await;
        Self {
            upstream,
            gateway,
            key,
        }
    }

    fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    /// Sends each case, then looks at the upstream and into the ledger.
    async fn check(self, cases: Vec<Case>) {
        let mut wanted = Vec::new();
        for case in cases {
            wanted.push((case.name.clone(), case.status, case.reason.to_owned()));
            let answer = case.ask.answer().await;
            let told = (answer.status.as_u16(), answer.code());
            assert_eq!(told, (case.status, Some(case.code)), "{}", case.name);
            assert_eq!(answer.json()["jsonrpc"], "2.0", "{}", case.name);
        }
        self.finish(wanted).await;
    }

    async fn finish(self, wanted: Vec<(String, u16, String)>) {
        assert!(self.upstream.log().received.is_empty());
        let records = self.gateway.stop().await;
        assert!(support::calls(records.clone()).is_empty());
        let refused = rejects(records).into_iter();
        let names = wanted.iter().map(|(name, ..)| name.clone());
        let names = names.chain(std::iter::repeat("one too many".to_owned()));
        let found: Vec<_> = refused
            .zip(names)
            .map(|(reject, name)| {
                assert_eq!(reject.transport, "http", "{name}");
                let status = reject.status.unwrap_or_default();
                (name, status, reject.reason.into_owned())
            })
            .collect();
        assert_eq!(found, wanted);
    }
}

fn call() -> String {
    stateless("1", "tools/call", r#""name":"vendor_call""#)
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let bench = Bench::new().await;
    let ask = |body: &[u8]| {
        post(bench.address(), Bytes::copy_from_slice(body))
            .key(&bench.key)
            .with("mcp-protocol-version", "2026-07-28")
            .with("mcp-method", "tools/call")
            .with("mcp-name", "vendor_call")
    };
    let good = call();
    let twice = good.replacen(r#""id":1"#, r#""id":1,"\u0069d":2"#, 1);
    let nested = good.replacen(r#""name""#, r#""arguments":{"a":1,"\u0061":2},"name""#, 1);
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let deep = good.replacen(r#""name""#, &format!(r#""arguments":{deep},"name""#), 1);
    let mut cases = Vec::new();
    for (name, body) in [
        ("empty", ""),
        ("not JSON", "hello"),
        ("truncated", good.strip_suffix("}}").unwrap()),
        ("two messages", &format!("{good}{good}")),
        ("a byte order mark", &format!("\u{feff}{good}")),
        (
            "a key twice",
            &good.replacen(r#""id":1"#, r#""id":1,"id":2"#, 1),
        ),
        ("a key twice, once escaped", &twice),
        ("a key of the arguments twice", &nested),
        ("a bomb of brackets", &"[".repeat(60_000)),
        ("arguments too deep", &deep),
        ("a comment", &format!("/* */{good}")),
        ("a comma too many", &good.replacen("}}", ",}}", 1)),
        (
            "a control character",
            &good.replacen("vendor_call", "vendor\u{1}call", 1),
        ),
        (
            "a lone surrogate as a key",
            &good.replacen(r#""name""#, r#""\ud800":1,"name""#, 1),
        ),
    ] {
        cases.push(case(name, ask(body.as_bytes()), PARSE, "parse_error"));
    }
    let bytes = good.as_bytes();
    cases.push(case(
        "not UTF-8",
        ask(&[bytes, b"\xff"].concat()),
        PARSE,
        "parse_error",
    ));
    for (name, body) in [
        ("a batch", format!("[{good}]")),
        ("an empty batch", "[]".into()),
        ("a number", "7".into()),
        ("null", "null".into()),
        ("id null", good.replacen(r#""id":1"#, r#""id":null"#, 1)),
        (
            "id with a fraction",
            good.replacen(r#""id":1"#, r#""id":1.5"#, 1),
        ),
        (
            "id with an exponent",
            good.replacen(r#""id":1"#, r#""id":1e3"#, 1),
        ),
        ("id true", good.replacen(r#""id":1"#, r#""id":true"#, 1)),
        ("id a list", good.replacen(r#""id":1"#, r#""id":[1]"#, 1)),
        ("jsonrpc 1.0", good.replacen("2.0", "1.0", 1)),
        ("no jsonrpc", good.replacen(r#""jsonrpc":"2.0","#, "", 1)),
        ("no method", r#"{"jsonrpc":"2.0","id":1}"#.into()),
        ("method a number", good.replacen(r#""tools/call""#, "7", 1)),
        (
            "method and result",
            good.replacen(r#""id":1"#, r#""id":1,"result":{}"#, 1),
        ),
        (
            "result without id",
            r#"{"jsonrpc":"2.0","result":{}}"#.into(),
        ),
        (
            "params a list",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#.into(),
        ),
    ] {
        cases.push(case(name, ask(body.as_bytes()), INVALID, "invalid_request"));
    }
    for (name, body) in [
        ("name a number", good.replacen(r#""vendor_call""#, "7", 1)),
        (
            "_meta a list",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":[]}}"#.into(),
        ),
    ] {
        cases.push(case(name, ask(body.as_bytes()), PARAMS, "invalid_params"));
    }
    bench.check(cases).await;
}

#[tokio::test]
async fn headers_that_do_not_say_what_the_body_says_are_refused() {
    let bench = Bench::new().await;
    let ask = |body: String| modern(bench.address(), body).key(&bench.key);
    let good = || ask(call());
    let encoded = |text: &str| format!("=?base64?{}?=", BASE64_STANDARD.encode(text));
    let reason = "header_mismatch";
    let (version, method, name) = ("mcp-protocol-version", "mcp-method", "mcp-name");
    let mut cases = vec![
        case("no version", good().without(version), MISMATCH, reason),
        case(
            "other version",
            good().with_only(version, "2025-11-25"),
            MISMATCH,
            reason,
        ),
        case(
            "unknown version",
            good().with_only(version, "2099-01-01"),
            MISMATCH,
            reason,
        ),
        case(
            "version twice",
            good().with(version, "2026-07-28"),
            MISMATCH,
            reason,
        ),
        case("no method", good().without(method), MISMATCH, reason),
        case(
            "other method",
            good().with_only(method, "tools/list"),
            MISMATCH,
            reason,
        ),
        case(
            "method in capitals",
            good().with_only(method, "Tools/Call"),
            MISMATCH,
            reason,
        ),
        case(
            "method twice",
            good().with(method, "tools/call"),
            MISMATCH,
            reason,
        ),
        case(
            "method in Base64",
            good().with_only(method, &encoded("tools/call")),
            MISMATCH,
            reason,
        ),
        case("no name", good().without(name), MISMATCH, reason),
        case(
            "other name",
            good().with_only(name, "vendor_error"),
            MISMATCH,
            reason,
        ),
        case(
            "name in capitals",
            good().with_only(name, "Vendor_Call"),
            MISMATCH,
            reason,
        ),
        case(
            "name twice",
            good().with(name, "vendor_call"),
            MISMATCH,
            reason,
        ),
        case(
            "two names in one",
            good().with_only(name, "vendor_call, vendor_call"),
            MISMATCH,
            reason,
        ),
        case(
            "other name in Base64",
            good().with_only(name, &encoded("vendor_error")),
            MISMATCH,
            reason,
        ),
        case(
            "broken Base64",
            good().with_only(name, "=?base64?***?="),
            MISMATCH,
            reason,
        ),
        case(
            "Base64 of no UTF-8",
            good().with_only(name, "=?base64?/w==?="),
            MISMATCH,
            reason,
        ),
        case(
            "unclosed Base64",
            good().with_only(name, "=?base64?dmVuZG9yX2NhbGw="),
            MISMATCH,
            reason,
        ),
        case(
            "name not ASCII",
            good().with_only(name, "vendor_c\u{e4}ll"),
            MISMATCH,
            reason,
        ),
        case("empty name", good().with_only(name, ""), MISMATCH, reason),
    ];
    for (what, params) in [
        ("prompts/get", r#""name":"p""#),
        ("resources/read", r#""uri":"raw://one""#),
    ] {
        let ask = ask(stateless("1", what, params)).without(name);
        cases.push(case(&format!("{what} without name"), ask, MISMATCH, reason));
    }
    let unknown = call().replacen("2026-07-28", "2099-01-01", 1);
    let unknown = modern(bench.address(), unknown).with_only(version, "2099-01-01");
    let unknown = unknown.key(&bench.key);
    cases.push(case(
        "an unknown version",
        unknown,
        (400, -32022),
        "unsupported_version",
    ));
    let legacy = call().replacen("2026-07-28", "2025-11-25", 1);
    let legacy = modern(bench.address(), legacy).with_only(version, "2025-11-25");
    let legacy = legacy.key(&bench.key);
    cases.push(case(
        "a version with sessions",
        legacy,
        (400, -32022),
        "unsupported_version",
    ));
    for (what, body) in [
        (
            "no metadata",
            plain("1", "tools/call", r#""name":"vendor_call""#),
        ),
        (
            "no capabilities",
            call().replacen("clientCapabilities", "vendor", 1),
        ),
        (
            "capabilities a list",
            call().replacen(r#"Capabilities":{}"#, r#"Capabilities":[]"#, 1),
        ),
        (
            "version a number",
            call().replacen(r#""2026-07-28""#, "2026", 1),
        ),
    ] {
        cases.push(case(what, ask(body), PARAMS, "metadata_missing"));
    }
    bench.check(cases).await;
}

#[tokio::test]
async fn what_belongs_to_no_session_is_refused() {
    let bench = Bench::new().await;
    let ask = |body: String| post(bench.address(), body).key(&bench.key);
    let list = || plain("1", "tools/list", "");
    let hello = |version: &str| {
        let params =
            format!(r#""protocolVersion":{version},"capabilities":{{}},"clientInfo":{{}}"#);
        plain("1", "initialize", &params)
    };
    let get = || {
        bare(bench.address(), "")
            .method(Method::GET)
            .key(&bench.key)
    };
    let get = || get().with("accept", "text/event-stream");
    let delete = || {
        bare(bench.address(), "")
            .method(Method::DELETE)
            .key(&bench.key)
    };
    let (version, session) = ("mcp-protocol-version", "mcp-session-id");
    let unknown = (404, -32600);
    let cases = vec![
        case("no session", ask(list()), INVALID, "session_missing"),
        case(
            "unknown session",
            ask(list()).with(session, "guess"),
            unknown,
            "session_unknown",
        ),
        case(
            "session twice",
            ask(list()).with(session, "a").with(session, "b"),
            MISMATCH,
            "header_mismatch",
        ),
        case(
            "unknown version",
            ask(list()).with(session, "a").with(version, "1999-01-01"),
            INVALID,
            "unsupported_version",
        ),
        case(
            "a response to nobody",
            ask(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.into()),
            INVALID,
            "session_missing",
        ),
        case(
            "an error to nobody",
            ask(r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}"#.into())
                .with(session, "a"),
            unknown,
            "session_unknown",
        ),
        case(
            "a notification of nobody",
            ask(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.into()),
            INVALID,
            "session_missing",
        ),
        case(
            "initialize of no version",
            ask(plain("1", "initialize", "")),
            PARAMS,
            "invalid_params",
        ),
        case(
            "initialize of version 7",
            ask(hello("7")),
            PARAMS,
            "invalid_params",
        ),
        case(
            "initialize without id",
            ask(hello(r#""2025-11-25""#).replacen(r#""id":1,"#, "", 1)),
            INVALID,
            "invalid_request",
        ),
        case(
            "initialize under another version",
            ask(hello(r#""2025-11-25""#)).with(version, "2025-06-18"),
            INVALID,
            "header_mismatch",
        ),
        case(
            "initialize as another method",
            ask(hello(r#""2025-11-25""#)).with("mcp-method", "ping"),
            MISMATCH,
            "header_mismatch",
        ),
        case("GET without session", get(), INVALID, "session_missing"),
        case(
            "GET of an unknown session",
            get().with(session, "guess"),
            unknown,
            "session_unknown",
        ),
        case(
            "GET of an unknown version",
            get().with(session, "a").with(version, "1"),
            INVALID,
            "unsupported_version",
        ),
        case(
            "GET of 2026-07-28",
            get().with(version, "2026-07-28"),
            (405, -32600),
            "method_not_allowed",
        ),
        case(
            "GET that accepts JSON",
            get()
                .with(session, "a")
                .with_only("accept", "application/json"),
            (406, -32600),
            "not_acceptable",
        ),
        case(
            "DELETE without session",
            delete(),
            INVALID,
            "session_missing",
        ),
        case(
            "DELETE of an unknown session",
            delete().with(session, "guess"),
            unknown,
            "session_unknown",
        ),
        case(
            "DELETE of 2026-07-28",
            delete().with(version, "2026-07-28"),
            (405, -32600),
            "method_not_allowed",
        ),
        case(
            "PUT",
            ask(list()).method(Method::PUT),
            (405, -32600),
            "method_not_allowed",
        ),
    ];
    bench.check(cases).await;
}

#[tokio::test]
async fn what_does_not_fit_http_is_refused() {
    let bench = Bench::new().await;
    let address = bench.address();
    let good = || modern(address, call()).key(&bench.key);
    let nobody = || modern(address, call());
    let (kind, accept) = ("content-type", "accept");
    let (unsupported, unacceptable) = ((415, -32600), (406, -32600));
    let (forbidden, unknown) = ((403, -32600), (401, -32600));
    let large = stateless(
        "1",
        "tools/call",
        &format!(r#""name":"vendor_call","a":"{}""#, "x".repeat(70_000)),
    );
    let too_large = (413, -32600);
    let mistyped = format!("{}x", bench.key);
    let (stranger, _) = support::key("bot", "acme");
    let cases = vec![
        case(
            "no content type",
            good().without(kind),
            unsupported,
            "content_type",
        ),
        case(
            "text",
            good().with_only(kind, "text/plain"),
            unsupported,
            "content_type",
        ),
        case(
            "nearly JSON",
            good().with_only(kind, "application/jsonx"),
            unsupported,
            "content_type",
        ),
        case(
            "a form",
            good().with_only(kind, "application/x-www-form-urlencoded"),
            unsupported,
            "content_type",
        ),
        case(
            "accepts nothing",
            good().without(accept),
            unacceptable,
            "not_acceptable",
        ),
        case(
            "accepts JSON only",
            good().with_only(accept, "application/json"),
            unacceptable,
            "not_acceptable",
        ),
        case(
            "accepts events only",
            good().with_only(accept, "text/event-stream"),
            unacceptable,
            "not_acceptable",
        ),
        case(
            "refuses events",
            good().with_only(accept, "application/json, text/event-stream;q=0"),
            unacceptable,
            "not_acceptable",
        ),
        case(
            "too large",
            modern(address, large).key(&bench.key),
            too_large,
            "body_too_large",
        ),
        case(
            "a foreign host",
            good().with_only("host", "evil.example"),
            forbidden,
            "host_not_allowed",
        ),
        case(
            "a host that begins as ours",
            good().with_only("host", "localhost.evil.example"),
            forbidden,
            "host_not_allowed",
        ),
        case(
            "two hosts",
            good().with("host", "localhost"),
            INVALID,
            "bad_host",
        ),
        case(
            "a host that is none",
            good().with_only("host", "a b"),
            INVALID,
            "bad_host",
        ),
        case(
            "a foreign origin",
            good().with("origin", "https://evil.example"),
            forbidden,
            "origin_not_allowed",
        ),
        case(
            "a null origin",
            good().with("origin", "null"),
            forbidden,
            "origin_not_allowed",
        ),
        case("nobody", nobody(), unknown, "no credential"),
        case(
            "a mistyped key",
            nobody().key(&mistyped),
            unknown,
            "an API key with a typing error",
        ),
        case(
            "another's key of this id",
            nobody().key(&stranger),
            unknown,
            "an unknown API key",
        ),
        case(
            "a foreign token",
            nobody().key("abc.def.ghi"),
            unknown,
            "neither an API key nor a token of a known issuer",
        ),
        case(
            "two credentials",
            good().key(&bench.key),
            INVALID,
            "more than one Authorization header",
        ),
        case(
            "another scheme",
            nobody().with("authorization", "Basic YTpi"),
            INVALID,
            "the Authorization header is no bearer token",
        ),
    ];
    bench.check(cases).await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused() {
    let bench = Bench::within("300ms").await;
    let slow = futures_util::stream::pending();
    let slow = modern(bench.address(), call()).key(&bench.key).chunks(slow);
    let cases = vec![case("a slow body", slow, (408, -32600), "slow_body")];
    bench.check(cases).await;
}

#[tokio::test]
async fn strangers_are_told_how_to_show_who_they_are() {
    let bench = Bench::new().await;
    let answer = modern(bench.address(), call()).answer().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="mcpo2""#);
    let wrong = modern(bench.address(), call()).key("x").answer().await;
    assert!(wrong.header("www-authenticate").contains("invalid_token"));
}

#[tokio::test]
async fn an_answer_says_which_request_it_is_to_and_which_versions_there_are() {
    let bench = Bench::new().await;
    let ask = |body: String| modern(bench.address(), body).key(&bench.key);
    let body = call().replacen(r#""id":1"#, r#""id":"seven""#, 1);
    let answer = ask(body).without("mcp-name").answer().await.json();
    assert_eq!(answer["id"], "seven");
    let body = call().replacen("2026-07-28", "2099-01-01", 1);
    let ask = ask(body).with_only("mcp-protocol-version", "2099-01-01");
    let data = ask.answer().await.json()["error"]["data"].clone();
    assert_eq!(data["requested"], "2099-01-01");
    assert!(
        data["supported"]
            .as_array()
            .unwrap()
            .contains(&"2026-07-28".into())
    );
}

/// The other side of the table: what looks odd and is right.
#[tokio::test]
async fn headers_that_say_the_same_in_another_way_pass() {
    let bench = Bench::new().await;
    let encoded = format!("=?base64?{}?=", BASE64_STANDARD.encode("vendor_call"));
    let body = call();
    for (name, kind, accept) in [
        (
            "vendor_call",
            "application/json",
            "application/json, text/event-stream",
        ),
        (&*encoded, "Application/JSON; charset=utf-8", "*/*"),
        (
            " \tvendor_call\t ",
            "application/json;charset=utf-8",
            "text/*;q=0.1, application/*",
        ),
    ] {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhOsT: {}\r\nAUTHORIZATION: bearer {}\r\nMcp-Protocol-Version: \t2026-07-28 \r\n\
             MCP-METHOD:tools/call\r\nMcP-nAmE:{name}\r\nContent-Type: {kind}\r\nAccept: {accept}\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            bench.address(),
            bench.key,
            body.len(),
        );
        let answer = client::raw(bench.address(), head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("vendorEnvelope"), "{answer}");
    }
}

/// The head of a request that is right as far as it goes.
fn head(bench: &Bench, more: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{more}\r\n\r\n",
        bench.address(),
        bench.key
    )
}

#[tokio::test]
async fn a_body_without_end_is_not_read_to_its_end() {
    const MOST: usize = 64 << 20;
    let bench = Bench::new().await;
    let head = head(&bench, "Transfer-Encoding: chunked");
    let stream = TcpStream::connect(bench.address()).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let writing = tokio::spawn(async move {
        to.write_all(head.as_bytes()).await.unwrap();
        let chunk = [b"8000\r\n".as_slice(), &[b' '; 0x8000], b"\r\n"].concat();
        let mut sent = 0;
        while sent < MOST && to.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        sent
    });
    let mut answer = Vec::new();
    let _ = soon("the end of the connection", from.read_to_end(&mut answer)).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let sent = soon("the refusal to take more", writing).await.unwrap();
    assert!(sent < MOST, "all of it was taken");
    bench
        .finish(vec![("endless".into(), 413, "body_too_large".into())])
        .await;
}

#[tokio::test]
async fn a_body_that_is_too_long_by_its_own_account_is_not_waited_for() {
    let bench = Bench::new().await;
    let head = head(&bench, "Content-Length: 9999999999");
    let answer = client::raw(bench.address(), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    bench
        .finish(vec![("announced".into(), 413, "body_too_large".into())])
        .await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_recorded() {
    let bench = Bench::new().await;
    let head = head(&bench, "Content-Length: 100");
    let mut stream = TcpStream::connect(bench.address()).await.unwrap();
    stream
        .write_all(format!("{head}{{\"jsonrpc\"").as_bytes())
        .await
        .unwrap();
    drop(stream);
    until("the record", || {
        rejects(bench.gateway.records()).into_iter().next()
    })
    .await;
    bench
        .finish(vec![("broken".into(), 400, "broken_body".into())])
        .await;
}

#[tokio::test]
async fn headers_without_end_and_what_is_no_http_are_refused_and_recorded() {
    let bench = Bench::new().await;
    let huge = format!("GET /mcp HTTP/1.1\r\nX-Huge: {}", "x".repeat(1 << 20));
    let mut stream = TcpStream::connect(bench.address()).await.unwrap();
    let _ = stream.write_all(huge.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = soon("the end of the connection", stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer = client::raw(bench.address(), b"NOT HTTP AT ALL\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    until("both records", || {
        (rejects(bench.gateway.records()).len() == 2).then_some(())
    })
    .await;
    bench
        .finish(vec![
            ("huge".into(), 431, "headers_too_large".into()),
            ("no HTTP".into(), 400, "not_http".into()),
        ])
        .await;
}

/// In a session there is more that can be wrong, and a module that hears none of it.
#[tokio::test]
async fn what_is_wrong_in_a_session_reaches_no_module() {
    let upstream = vendor(Era::Legacy).await;
    let gateway = Gateway::before(&upstream.url()).await;
    let session = client::begin(gateway.address, "{}").await;
    let heard = upstream
        .wait_for(|log| log.of("notifications/initialized").next().is_some())
        .await;
    let ask = |body: &str| client::in_session(gateway.address, &session, body.to_owned());
    let list = plain("1", "tools/list", "");
    let mut wanted = Vec::new();
    for (ask, status, code, reason) in [
        (
            ask(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
            400,
            -32600,
            "response_to_nobody",
        ),
        (ask(&format!("[{list}]")), 400, -32600, "invalid_request"),
        (ask("{"), 400, -32700, "parse_error"),
        (
            ask(&list).with_only("mcp-protocol-version", "1999-01-01"),
            400,
            -32600,
            "unsupported_version",
        ),
        (
            ask(&plain("1", "server/discover", "")),
            400,
            -32602,
            "metadata_missing",
        ),
        (
            ask(&stateless("1", "tools/list", "")),
            400,
            -32020,
            "header_mismatch",
        ),
    ] {
        let answer = ask.answer().await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (status, Some(code)),
            "{}",
            answer.text()
        );
        wanted.push(reason);
    }
    let after = upstream.log().received;
    assert_eq!(after.len(), heard.received.len());
    let refused = rejects(gateway.stop().await).into_iter();
    let reasons: Vec<_> = refused.map(|reject| reject.reason).collect();
    assert_eq!(reasons, wanted);
}
