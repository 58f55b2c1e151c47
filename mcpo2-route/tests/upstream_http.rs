//! What links over HTTP promise, against a server that says what each test needs, byte for byte.
#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, StatusCode};
use mcpo2_core::{Body, Error, ErrorKind, Frame, Frames, Message, ProtocolVersion, Reply, Request};
use mcpo2_route::upstream::{
    ClientInfo, ForwardHeaders, Hello, Limits, Link, Upstream,
    http::{Endpoint, HttpUpstream},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// A request as the module got it.
#[derive(Debug, Clone)]
struct Seen {
    connection: usize,
    verb: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    fn says(&self, method: &str) -> bool {
        self.body.contains(&format!(r#""method":"{method}""#))
    }
}

/// One thing that the module does with a connection.
#[derive(Clone)]
enum Step {
    Say(String),
    /// Says it again and again, this far apart.
    Repeat(String, Duration),
    Hang,
    Reset,
    Close,
}

struct Module {
    address: std::net::SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Module {
    async fn start(answer: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Some(request) = read(&mut stream, connection).await {
                        log.lock().unwrap().push(request.clone());
                        for step in answer(&request) {
                            if !act(&mut stream, step).await {
                                return;
                            }
                        }
                    }
                });
            }
        });
        Self { address, seen }
    }

    fn upstream(&self, limits: Limits) -> HttpUpstream {
        let url = format!("http://{}/mcp", self.address).parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer ours"));
        headers.insert("accept", HeaderValue::from_static("nonsense"));
        let endpoint = Endpoint::new(url, headers).unwrap();
        HttpUpstream::new(endpoint, ClientInfo::default(), limits).unwrap()
    }

    async fn shared(&self) -> Arc<dyn Link> {
        self.upstream(Limits::default()).open(None).await.unwrap()
    }

    async fn private(&self) -> Arc<dyn Link> {
        let upstream = self.upstream(Limits::default());
        upstream.open(Some(&hello())).await.unwrap()
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits for a request, which comes when it comes.
    async fn got(&self, what: impl Fn(&Seen) -> bool) -> Seen {
        let found = async {
            loop {
                if let Some(seen) = self.seen().into_iter().find(&what) {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found)
            .await
            .unwrap()
    }
}

async fn read(stream: &mut BufReader<TcpStream>, connection: usize) -> Option<Seen> {
    let mut first = String::new();
    stream.read_line(&mut first).await.ok().filter(|&n| n > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen {
        connection,
        verb: first.split(' ').next().unwrap().to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

async fn act(stream: &mut BufReader<TcpStream>, step: Step) -> bool {
    match step {
        Step::Say(text) => stream.write_all(text.as_bytes()).await.is_ok(),
        Step::Repeat(text, apart) => loop {
            if stream.write_all(text.as_bytes()).await.is_err() {
                return false;
            }
            tokio::time::sleep(apart).await;
        },
        Step::Hang => std::future::pending().await,
        Step::Reset => {
            stream.get_ref().set_zero_linger().unwrap();
            false
        }
        Step::Close => false,
    }
}

fn with(status: u16, headers: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    vec![Step::Say(format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    ))]
}

fn json(status: u16, body: &str) -> Vec<Step> {
    with(status, "content-type: application/json\r\n", body)
}

fn accepted() -> Vec<Step> {
    with(202, "", "")
}

/// The head of an event stream, and its first bytes as one chunk.
fn events(text: &str) -> Step {
    Step::Say(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{}",
        chunk(text)
    ))
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn end() -> Step {
    Step::Say("0\r\n\r\n".to_owned())
}

fn id(seen: &Seen) -> String {
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    body["id"].to_string()
}

/// A module of the stateless revision, which answers other requests by `answer`.
async fn stateless(answer: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static) -> Module {
    Module::start(move |seen| match seen.says("server/discover") {
        true => {
            let result = r#"{"supportedVersions":["2026-07-28"],"x":1}"#;
            json(
                200,
                &format!(r#"{{"jsonrpc":"2.0","id":"mcpo2-1","result":{result}}}"#),
            )
        }
        false => answer(seen),
    })
    .await
}

/// A module with sessions, which answers other requests by `answer`.
async fn sessions(answer: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static) -> Module {
    Module::start(move |seen| {
        if seen.says("server/discover") {
            return with(400, "", "Bad Request: no session");
        }
        if seen.says("initialize") {
            let body =
                r#"{"jsonrpc":"2.0","id":"mcpo2-1","result":{"protocolVersion":"2025-06-18"}}"#;
            let headers = "content-type: application/json\r\nmcp-session-id: s-1\r\n";
            return with(200, headers, body);
        }
        let quiet = ["notifications/initialized", "notifications/cancelled"];
        if seen.verb == "DELETE" || quiet.iter().any(|method| seen.says(method)) {
            return accepted();
        }
        answer(seen)
    })
    .await
}

fn hello() -> Hello {
    let params = r#"{"protocolVersion":"2025-06-18", "capabilities":{"x":1e400},"clientInfo":{}}"#;
    Hello::new(params, ProtocolVersion::V2025_06_18)
}

fn request(text: &str) -> Request {
    match Message::parse(text.to_owned()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

async fn ask(link: &dyn Link, text: &str) -> Result<Reply, Error> {
    link.request(&request(text), &ForwardHeaders::default())
        .await
}

fn text(reply: Reply) -> String {
    match reply.into_body() {
        Body::Complete(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("not complete: {other:?}"),
    }
}

fn frames(reply: Reply) -> Frames {
    match reply.into_body() {
        Body::Stream(frames) => frames,
        other => panic!("no stream: {other:?}"),
    }
}

/// The error that a stream ends in.
async fn fault(reply: Reply) -> Error {
    let mut frames = frames(reply);
    loop {
        if let Err(error) = frames.next().await.unwrap() {
            return error;
        }
    }
}

fn said(frame: &Frame) -> &str {
    std::str::from_utf8(frame.data()).unwrap()
}

const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
const PONG: &str = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{"progressToken":"t"},"name":"n"}}"#;

#[tokio::test]
async fn bytes_and_the_headers_of_the_revision_pass_and_no_others() {
    let answer =
        r#" {"result":{"n":1e999,"z":18446744073709551616,"a":0},"jsonrpc":"2.0","id":"é"}"#;
    let module = stateless(move |_| json(200, answer)).await;
    let link = module.shared().await;
    assert!(link.version().is_stateless());
    assert_eq!(
        link.server(),
        r#"{"supportedVersions":["2026-07-28"],"x":1}"#
    );

    let call = "{ \"jsonrpc\":\"2.0\",\n \"id\":\"é\",\"method\":\"tools/call\",\"params\":{\"name\":\"nä\"}, \"v\":1e400}";
    let mut sent = HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer theirs"),
        ("cookie", "c=1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("mcp-name", "forged"),
        ("mcp-param-region", "eu"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ] {
        sent.insert(name, HeaderValue::from_static(value));
    }
    let reply = link
        .request(&request(call), &ForwardHeaders::pick(&sent))
        .await
        .unwrap();
    assert_eq!(text(reply), answer);

    let seen = module.seen().pop().unwrap();
    assert_eq!(seen.body, call);
    let mut names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "mcp-method",
        "mcp-name",
        "mcp-param-region",
        "mcp-protocol-version",
        "traceparent",
    ];
    assert_eq!(names, expected);
    assert_eq!(seen.header("authorization"), Some("Bearer ours"));
    assert_eq!(
        seen.header("accept"),
        Some("application/json, text/event-stream")
    );
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert_eq!(seen.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(seen.header("mcp-method"), Some("tools/call"));
    assert_eq!(seen.header("mcp-name"), Some("=?base64?bsOk?="));
    assert!(link.listen(None).await.unwrap().is_none());
}

#[tokio::test]
async fn a_long_request_that_was_edited_arrives_as_it_would_in_one_piece() {
    let module = stateless(|seen| {
        let id = id(seen);
        json(
            200,
            &format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#),
        )
    })
    .await;
    let link = module.shared().await;
    // Longer than what an edit copies, and than what a socket takes at once.
    for length in [100_000, 3_000_000] {
        let long = "0123456789abcde\u{e9}".repeat(length / 16);
        let call = |name: &str, meta: &str| {
            format!(
                r#"{{ "jsonrpc":"2.0","id":"a","method":"tools/call", "params":{{"name":"{name}","arguments":{{"x":"{long}"}},"_meta":{{{meta}}} }}}}"#
            )
        };
        let edited = request(&call("m__n", r#""z" : 1"#))
            .with_item_name("n")
            .with_meta("y", "[2]")
            .with_meta("z", "3");
        assert_eq!(edited.meta_json().unwrap(), br#"{"y":[2],"z" : 3}"#);
        let headers = ForwardHeaders::default();
        text(link.request(&edited, &headers).await.unwrap());
        let seen = module.seen().pop().unwrap();
        let expected = call("n", r#""y":[2],"z" : 3"#);
        assert!(seen.body == expected, "{length}");
        assert!(edited.bytes() == expected.as_bytes(), "{length}");
    }
}

#[tokio::test]
async fn a_session_is_that_of_its_client() {
    let module = sessions(|seen| match seen.verb.as_str() {
        "GET" => with(405, "", ""),
        _ => json(200, PONG),
    })
    .await;
    let link = module.private().await;
    assert_eq!(link.version(), ProtocolVersion::V2025_06_18);
    assert_eq!(text(ask(&*link, PING).await.unwrap()), PONG);
    assert!(link.listen(None).await.unwrap().is_none());
    link.close().await;
    drop(link);
    let seen = module.seen();
    let params = String::from_utf8(hello().params().to_vec()).unwrap();
    assert!(seen[0].body.ends_with(&format!(r#""params":{params}}}"#)));
    assert_eq!(seen[0].header("mcp-protocol-version"), None);
    assert!(seen[1].says("notifications/initialized"));
    for later in &seen[1..] {
        assert_eq!(later.header("mcp-session-id"), Some("s-1"));
        assert_eq!(later.header("mcp-protocol-version"), Some("2025-06-18"));
        assert_eq!(later.header("mcp-method"), None);
    }
    assert_eq!(seen[2].body, PING);
    let verbs: Vec<_> = seen.iter().map(|seen| seen.verb.as_str()).collect();
    assert_eq!(verbs, ["POST", "POST", "POST", "GET", "DELETE"]);
}

#[tokio::test]
async fn a_session_that_the_module_lost_is_closed() {
    let lost =
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}"#;
    let module = sessions(move |_| json(404, lost)).await;
    let link = module.private().await;
    assert_eq!(
        ask(&*link, PING).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(!link.is_open());
    assert_eq!(
        link.send(PONG.into()).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    drop(link);
    tokio::task::yield_now().await;
    assert!(module.seen().iter().all(|seen| seen.verb != "DELETE"));
}

#[tokio::test]
async fn a_session_with_a_module_that_has_none_is_stateless() {
    let module = stateless(|seen| match seen.says("initialize") {
        true => json(
            400,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"?"}}"#,
        ),
        false => json(200, PONG),
    })
    .await;
    let upstream = module.upstream(Limits::default());
    for _ in 0..2 {
        let link = upstream.open(Some(&hello())).await.unwrap();
        assert!(link.version().is_stateless());
    }
    // The second time it is known.
    let tried = module
        .seen()
        .iter()
        .filter(|seen| seen.says("initialize"))
        .count();
    assert_eq!(tried, 1);
}

#[tokio::test]
async fn two_clients_of_a_shared_session_may_use_one_id_and_one_token() {
    let module = sessions(|seen| {
        let id = id(seen);
        let progress = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{id},"progress":1.50}}}}"#
        );
        let result = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"of": {id}}}}}"#);
        let text = format!("id: e{id}\ndata: {progress}\n\ndata: {result}\n\n");
        vec![events(&text), end()]
    })
    .await;
    let link = module.shared().await;
    let (one, two) = tokio::join!(ask(&*link, CALL), ask(&*link, CALL));
    for (reply, n) in [(one, 1), (two, 2)] {
        let got: Vec<_> = frames(reply.unwrap()).map(Result::unwrap).collect().await;
        assert_eq!(got.len(), 2);
        assert_eq!(
            said(&got[0]),
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1.50}}"#
        );
        // Whoever resumed by it would have the stream of all.
        assert_eq!(got[0].event_id(), None);
        assert_eq!(
            said(&got[1]),
            format!(r#"{{"jsonrpc":"2.0","id":"a","result":{{"of": {n}}}}}"#)
        );
    }
}

#[tokio::test]
async fn a_dropped_call_of_a_shared_session_is_cancelled_and_a_dropped_session_deleted() {
    let module = sessions(|_| vec![Step::Hang]).await;
    let link = module.shared().await;
    let held = Arc::clone(&link);
    let waiting = tokio::spawn(async move { ask(&*held, CALL).await });
    module.got(|seen| seen.says("tools/call")).await;
    waiting.abort();
    let told = module
        .got(|seen| seen.says("notifications/cancelled"))
        .await;
    assert!(told.body.contains(r#""requestId":1"#), "{}", told.body);
    drop(link);
    let deleted = module.got(|seen| seen.verb == "DELETE").await;
    assert_eq!(deleted.header("mcp-session-id"), Some("s-1"));
}

#[tokio::test]
async fn the_era_is_asked_for_once() {
    let module = sessions(|_| accepted()).await;
    let upstream = module.upstream(Limits::default());
    for _ in 0..2 {
        let link = upstream.open(None).await.unwrap();
        assert_eq!(link.version(), ProtocolVersion::V2025_06_18);
    }
    let probes = module
        .seen()
        .iter()
        .filter(|seen| seen.says("server/discover"))
        .count();
    assert_eq!(probes, 1);
}

#[tokio::test]
async fn an_error_of_the_stateless_revision_is_no_reason_to_fall_back() {
    for (error, tries) in [
        (r#"{"code":-32020,"message":"x"}"#, 1),
        (r#"{"code":-32021,"message":"x"}"#, 1),
        (
            r#"{"code":-32022,"message":"x","data":{"supported":["2027-01-01"]}}"#,
            1,
        ),
        (
            r#"{"code":-32022,"message":"x","data":{"supported":["2025-11-25"]}}"#,
            2,
        ),
        // The handshake next, and then the stream of 2024-11-05.
        (r#"{"code":-32600,"message":"x"}"#, 3),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":null,"error":{error}}}"#);
        let module = Module::start(move |_| json(400, &body)).await;
        let opened = module.upstream(Limits::default()).open(None).await;
        assert_eq!(opened.unwrap_err().kind(), ErrorKind::Upstream);
        assert_eq!(module.seen().len(), tries, "{error}");
    }
}

#[tokio::test]
async fn what_the_module_answers_keeps_its_status() {
    for (status, answer, expected) in [
        (
            404,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601}}"#,
            None,
        ),
        (
            500,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32603}}"#,
            None,
        ),
        (
            400,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32020}}"#,
            Some(r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32020}}"#),
        ),
    ] {
        let module = stateless(move |_| json(status, answer)).await;
        let reply = ask(&*module.shared().await, PING).await.unwrap();
        assert_eq!(reply.status(), StatusCode::from_u16(status).unwrap());
        assert_eq!(text(reply), expected.unwrap_or(answer));
    }
}

#[tokio::test]
async fn what_is_no_answer_is_an_error_that_tells_no_address() {
    let module_says = |steps: Vec<Step>| stateless(move |_| steps.clone());
    let gzip = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    for (steps, kind, words) in [
        (with(401, "", ""), ErrorKind::Upstream, "credentials"),
        (json(403, PONG), ErrorKind::Upstream, "credentials"),
        (
            with(302, "location: http://10.0.0.1/\r\n", ""),
            ErrorKind::Upstream,
            "protocol",
        ),
        (with(500, "", "<html>"), ErrorKind::Upstream, "protocol"),
        (with(429, "", ""), ErrorKind::Overloaded, "too many"),
        (with(503, "", ""), ErrorKind::Unavailable, "not available"),
        (with(200, gzip, PONG), ErrorKind::Upstream, "protocol"),
        (json(200, "{"), ErrorKind::Upstream, "protocol"),
        (
            json(200, r#"{"jsonrpc":"2.0","id":8,"result":{}}"#),
            ErrorKind::Upstream,
            "protocol",
        ),
        (accepted(), ErrorKind::Upstream, "protocol"),
        (vec![Step::Reset], ErrorKind::Upstream, "broke"),
    ] {
        let module = module_says(steps).await;
        let error = ask(&*module.shared().await, PING).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let shown = error.to_string();
        assert!(
            shown.contains(words) && !shown.contains("127.0.0.1"),
            "{shown}"
        );
        // Nothing is sent twice, and no redirect followed.
        assert_eq!(module.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_module_that_is_not_there_is_unavailable() {
    let module = stateless(|_| accepted()).await;
    let upstream = module.upstream(Limits::default());
    // Bound and never listening: the port is nobody else's, and who connects is refused.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let gone = Module {
        address: held.local_addr().unwrap(),
        seen: Arc::default(),
    };
    let error = gone
        .upstream(Limits::default())
        .open(None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!error.to_string().contains("127.0.0.1"));
    assert!(!format!("{upstream:?}").contains("127.0.0.1"));
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let length =
        "HTTP/1.1 200 x\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n";
    let noise = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n";
    let now = Duration::ZERO;
    for steps in [
        vec![
            Step::Say(length.into()),
            Step::Repeat("a".repeat(4096), now),
        ],
        vec![events(noise), Step::Repeat(chunk(noise), now)],
        vec![
            events("data: "),
            Step::Repeat(chunk(&"a".repeat(4096)), now),
        ],
        vec![events(": "), Step::Repeat(chunk(&"a".repeat(4096)), now)],
    ] {
        let module = stateless(move |_| steps.clone()).await;
        let mut limits = Limits::default();
        limits.response_bytes = 100_000;
        let link = module.upstream(limits).open(None).await.unwrap();
        let error = match ask(&*link, PING).await {
            Err(error) => error,
            Ok(reply) => fault(reply).await,
        };
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}

/// The error of a call that is given up. Once the module has the call, the clock jumps from timer to
/// timer; before, it is that of the wall, so that no greeting comes too late.
async fn given_up(module: &Module, link: Arc<dyn Link>) -> Error {
    let asked = tokio::spawn(async move {
        match ask(&*link, PING).await {
            Err(error) => error,
            Ok(reply) => fault(reply).await,
        }
    });
    module.got(|seen| seen.says("ping")).await;
    tokio::time::pause();
    let error = asked.await.unwrap();
    tokio::time::resume();
    error
}

#[tokio::test]
async fn an_answer_that_is_too_slow_is_given_up() {
    let (short, long) = (Duration::from_secs(60), Duration::from_secs(6000));
    let head = "HTTP/1.1 200 x\r\ncontent-type: application/json\r\ncontent-length: 999999\r\n\r\n";
    let drip = Duration::from_secs(1);
    for (steps, idle, total) in [
        (vec![Step::Hang], short, long),
        (vec![Step::Say(head.into()), Step::Hang], short, long),
        (vec![events(": here\n\n"), Step::Hang], short, long),
        // Each byte comes in time, the whole never does.
        (
            vec![Step::Say(head.into()), Step::Repeat(" ".into(), drip)],
            long,
            short,
        ),
        (
            vec![events(":\n"), Step::Repeat(chunk(":\n"), drip)],
            long,
            short,
        ),
    ] {
        let module = stateless(move |_| steps.clone()).await;
        let mut limits = Limits::default();
        limits.idle = idle;
        limits.total = total;
        let link = module.upstream(limits).open(None).await.unwrap();
        assert_eq!(given_up(&module, link).await.kind(), ErrorKind::TimedOut);
    }
}

#[tokio::test]
async fn a_call_of_a_session_that_takes_too_long_is_cancelled() {
    for steps in [vec![Step::Hang], vec![events(": here\n\n"), Step::Hang]] {
        let module = sessions(move |_| steps.clone()).await;
        let mut limits = Limits::default();
        limits.idle = Duration::from_secs(60);
        let link = module.upstream(limits).open(Some(&hello())).await.unwrap();
        let error = given_up(&module, Arc::clone(&link)).await;
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let told = module
            .got(|seen| seen.says("notifications/cancelled"))
            .await;
        assert!(told.body.contains(r#""requestId":7"#), "{}", told.body);
    }
}

#[tokio::test]
async fn a_dropped_call_of_a_session_is_not_cancelled() {
    let module = sessions(|seen| match seen.says("ping") {
        true => vec![Step::Hang],
        false => accepted(),
    })
    .await;
    let link = module.private().await;
    let held = Arc::clone(&link);
    let waiting = tokio::spawn(async move { ask(&*held, PING).await });
    module.got(|seen| seen.says("ping")).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    drop(link);
    // What comes last would come behind a cancellation.
    module.got(|seen| seen.verb == "DELETE").await;
    assert!(
        module
            .seen()
            .iter()
            .all(|seen| !seen.says("notifications/cancelled"))
    );
}

#[tokio::test]
async fn a_module_without_a_certificate_is_not_spoken_to() {
    let module = stateless(|_| accepted()).await;
    let url = format!("https://{}/mcp", module.address).parse().unwrap();
    let endpoint = Endpoint::new(url, HeaderMap::new()).unwrap();
    let upstream = HttpUpstream::new(endpoint, ClientInfo::default(), Limits::default()).unwrap();
    let error = upstream.open(None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(module.seen().iter().all(|seen| seen.body.is_empty()));
}

#[tokio::test]
async fn a_stream_that_breaks_ends_in_an_error() {
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
    for last in [Step::Reset, Step::Close, end()] {
        let module =
            stateless(move |_| vec![events(&format!("data: {log}\n\n")), last.clone()]).await;
        let mut stream = frames(ask(&*module.shared().await, PING).await.unwrap());
        let first = stream.next().await.unwrap();
        // A reset may overtake what was sent before it.
        if let Ok(frame) = first {
            assert_eq!(said(&frame), log);
            assert_eq!(
                stream.next().await.unwrap().unwrap_err().kind(),
                ErrorKind::Upstream
            );
        }
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn noise_in_a_stream_reaches_nobody() {
    let noise = [
        "data: hello\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":8,\"result\":{}}\n\n",
        "event: other\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"ok\":0}}\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"ok\":1}}\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"ok\":2}}\n\n",
    ];
    let module = stateless(move |_| vec![events(&noise.concat()), end()]).await;
    let stream = frames(ask(&*module.shared().await, PING).await.unwrap());
    let got: Vec<_> = stream.map(Result::unwrap).collect().await;
    let got: Vec<_> = got
        .iter()
        .map(said)
        .filter(|said| !said.is_empty())
        .collect();
    assert_eq!(got, [r#"{"jsonrpc":"2.0","id":7,"result":{"ok":1}}"#]);
}

#[tokio::test]
async fn a_private_stream_keeps_ids_for_its_client_to_resume() {
    let module = sessions(|seen| match seen.verb.as_str() {
        "GET" => vec![events(&format!("id: 3\ndata: {PONG}\n\n")), end()],
        _ => vec![events("id: 2\nretry: 7\ndata:\n\n"), end()],
    })
    .await;
    let link = module.private().await;
    let stream = frames(ask(&*link, PING).await.unwrap());
    let got: Vec<_> = stream.map(Result::unwrap).collect().await;
    assert_eq!(got, [Frame::new("").with_event_id("2").with_retry_ms(7)]);
    let rest = link.listen(Some("2")).await.unwrap().unwrap();
    let got: Vec<_> = rest.map(Result::unwrap).collect().await;
    assert_eq!(got, [Frame::new(PONG).with_event_id("3")]);
    let resumed = module.got(|seen| seen.verb == "GET").await;
    assert_eq!(resumed.header("last-event-id"), Some("2"));
    assert_eq!(resumed.header("accept"), Some("text/event-stream"));
}

#[tokio::test]
async fn a_shared_stream_is_resumed_by_the_gateway() {
    let module = sessions(|seen| match seen.verb.as_str() {
        "GET" => {
            let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"x": 1}}"#;
            vec![events(&format!("data: {answer}\n\n")), end()]
        }
        _ => vec![events("id: 2\nretry: 1\ndata:\n\n"), Step::Close],
    })
    .await;
    let stream = frames(ask(&*module.shared().await, PING).await.unwrap());
    let got: Vec<_> = stream.map(Result::unwrap).collect().await;
    assert_eq!(
        got,
        [Frame::new(r#"{"jsonrpc":"2.0","id":7,"result":{"x": 1}}"#)]
    );
    let resumed = module.got(|seen| seen.verb == "GET").await;
    assert_eq!(resumed.header("last-event-id"), Some("2"));
}

#[tokio::test]
async fn what_the_module_asks_reaches_the_client_of_a_session_only() {
    let ask_back = r#"{"jsonrpc":"2.0","id":0,"method":"roots/list"}"#;
    let module = sessions(move |seen| {
        if !seen.says("ping") {
            return accepted();
        }
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, id(seen));
        vec![
            events(&format!("data: {ask_back}\n\ndata: {answer}\n\n")),
            end(),
        ]
    })
    .await;
    let stream = frames(ask(&*module.private().await, PING).await.unwrap());
    let got: Vec<_> = stream.map(Result::unwrap).collect().await;
    assert_eq!([said(&got[0]), said(&got[1])], [ask_back, PONG]);
    assert!(
        module
            .seen()
            .iter()
            .all(|seen| !seen.body.contains("-32601"))
    );

    let stream = frames(ask(&*module.shared().await, PING).await.unwrap());
    let got: Vec<_> = stream.map(Result::unwrap).collect().await;
    assert_eq!(got.iter().map(said).collect::<Vec<_>>(), [PONG]);
    module.got(|seen| seen.body.contains("-32601")).await;
}

#[tokio::test]
async fn a_connection_serves_one_answer_after_the_other() {
    let module = stateless(|seen| match seen.says("ping") {
        true => json(200, PONG),
        false => vec![
            events("data: {\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{}}\n\n"),
            end(),
        ],
    })
    .await;
    let link = module.shared().await;
    for _ in 0..20 {
        ask(&*link, PING).await.unwrap();
        assert_eq!(frames(ask(&*link, CALL).await.unwrap()).count().await, 1);
    }
    // A request right behind a stream may find its connection still busy with the end of it.
    let seen = module.seen();
    let connections = seen.iter().map(|seen| seen.connection).max().unwrap() + 1;
    assert!(connections <= 3, "{connections}");
}

#[tokio::test]
async fn sessions_are_counted() {
    let module = sessions(|_| accepted()).await;
    let mut limits = Limits::default();
    limits.sessions = 1;
    let upstream = module.upstream(limits);
    let first = upstream.open(Some(&hello())).await.unwrap();
    let refused = upstream.open(Some(&hello())).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
    drop(first);
    upstream.open(Some(&hello())).await.unwrap();
}
