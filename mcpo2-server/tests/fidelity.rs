//! What passes through the gateway is what was sent, to the byte: both ways, in both eras, over
//! HTTP and over standard streams, as JSON and as events.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use http::StatusCode;
use mcpo2_server::Mode;
use mcpo2_testkit::raw::{
    Answer, Canned, RawUpstream,
    vendor::{self, ERROR, Era, STREAM_EVENTS},
};

use self::support::{
    Gateway, client,
    process::{Mcpo2, path, raw_child},
    until, vendor as upstream,
};

/// What an encoder would write otherwise, for the params of any request.
const VENDOR: &str = r#""vendorParam":{ "z":1.10,"a":[ ],"h":1e400 },"arguments":{"z":12345678901234567890123,"a":-0,"f":1E+2,"t":"caf\u00e9 \/ \ud83d\ude00"}"#;

/// Requests that the vendor's server answers, and what of their params says what they address.
const REQUESTS: [(&str, &str); 9] = [
    ("tools/list", ""),
    ("tools/call", r#""name":"vendor_call""#),
    ("resources/list", ""),
    ("resources/templates/list", ""),
    ("resources/read", r#""uri":"raw:\/\/one""#),
    ("prompts/list", ""),
    ("prompts/get", r#""name":"vendor_prompt""#),
    (
        "completion/complete",
        r#""ref":{"name":"vendor_prompt","type":"ref/prompt"}"#,
    ),
    ("vendor/method", ""),
];

/// A request in an order and a form that nobody else writes.
fn request(era: Era, id: &str, method: &str, target: &str) -> String {
    let comma = if target.is_empty() { "" } else { "," };
    let own = match era {
        Era::Modern => {
            r#","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"vendorCap":{"z":1,"a":1.0}}"#
        }
        Era::Legacy => "",
    };
    format!(
        r#"{{ "params" : {{{target}{comma}{VENDOR},"_meta":{{"com.example/x":{{"z":1,"a":18446744073709551617}}{own}}}}} ,"vendorEnvelope":null,"id":{id}, "method":"{method}","jsonrpc":"2.0" }}"#
    )
}

/// The vendor's answer to a request of this id.
fn answered(era: Era, id: &str, method: &str) -> String {
    let result = vendor::result(era, method).unwrap();
    format!(r#"{{"result":{result},"vendorEnvelope":[1.0,1],"id":{id},"jsonrpc":"2.0"}}"#)
}

async fn sent(upstream: &RawUpstream, method: &str) -> String {
    let log = upstream
        .wait_for(|log| log.of(method).next().is_some())
        .await;
    let received = log.of(method).last().unwrap();
    String::from_utf8(received.body.to_vec()).unwrap()
}

#[tokio::test]
async fn stateless_messages_over_http_keep_every_byte() {
    let upstream = upstream(Era::Modern).await;
    let gateway = Gateway::before(&upstream.url()).await;
    for (method, target) in REQUESTS {
        let body = request(Era::Modern, r#""a\u0062c""#, method, target);
        let answer = client::modern(gateway.address, body.clone()).answer().await;
        assert_eq!(answer.status, StatusCode::OK, "{method}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(
            answer.text(),
            answered(Era::Modern, r#""a\u0062c""#, method)
        );
        assert_eq!(sent(&upstream, method).await, body);
    }
}

#[tokio::test]
async fn messages_of_a_session_over_http_keep_every_byte() {
    let upstream = upstream(Era::Legacy).await;
    let gateway = Gateway::before(&upstream.url()).await;
    let session = client::begin(gateway.address, "{}").await;
    for (method, target) in REQUESTS {
        let body = request(Era::Legacy, r#""a\u0062c""#, method, target);
        let ask = client::in_session(gateway.address, &session, body.clone());
        let answer = ask.answer().await;
        assert_eq!(answer.status, StatusCode::OK, "{method}");
        assert_eq!(
            answer.text(),
            answered(Era::Legacy, r#""a\u0062c""#, method)
        );
        assert_eq!(sent(&upstream, method).await, body);
    }
}

#[tokio::test]
async fn events_keep_every_byte() {
    for era in [Era::Modern, Era::Legacy] {
        let upstream = upstream(era).await;
        let gateway = Gateway::before(&upstream.url()).await;
        let name = r#""name":"vendor_stream""#;
        let body = request(era, "-7", "tools/call", name).replace(
            r#""com.example/x""#,
            r#""progressToken":"t\u006fken","com.example/x""#,
        );
        let ask = match era {
            Era::Modern => client::modern(gateway.address, body),
            Era::Legacy => {
                let session = client::begin(gateway.address, "{}").await;
                client::in_session(gateway.address, &session, body)
            }
        };
        let mut stream = ask.open().await;
        let mut heard = Vec::new();
        while let Some(event) = stream.event().await {
            heard.push(event.data);
        }
        let told =
            STREAM_EVENTS.map(|event| event.replace(r#""$progressToken""#, r#""t\u006fken""#));
        let [first, second] = told;
        assert_eq!(heard, [first, second, answered(era, "-7", "tools/call")]);
    }
}

#[tokio::test]
async fn a_module_s_errors_pass_with_their_status() {
    let teapot = Answer::json(ERROR).with_status(StatusCode::IM_A_TEAPOT);
    let canned = Canned::vendor(Era::Modern).with("vendor/teapot", teapot);
    let upstream = RawUpstream::start(canned).await.unwrap();
    let gateway = Gateway::before(&upstream.url()).await;
    let told = ERROR.replace(r#""$id""#, "5");

    let body = request(Era::Modern, "5", "tools/call", r#""name":"vendor_error""#);
    let answer = client::modern(gateway.address, body).answer().await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, &*told));

    let body = request(Era::Modern, "5", "vendor/teapot", "");
    let answer = client::modern(gateway.address, body).answer().await;
    assert_eq!(
        (answer.status, answer.text()),
        (StatusCode::IM_A_TEAPOT, &*told)
    );

    let body = request(Era::Modern, "5", "vendor/unheard-of", "");
    let answer = client::modern(gateway.address, body).answer().await;
    let unknown = r#"{"id":5,"error":{"vendorHint":7,"message":"no such method","code":-32601},"jsonrpc":"2.0"}"#;
    assert_eq!(
        (answer.status, answer.text()),
        (StatusCode::NOT_FOUND, unknown)
    );
}

#[tokio::test]
async fn of_the_client_s_headers_only_those_of_the_protocol_go_on() {
    let upstream = upstream(Era::Modern).await;
    let gateway = Gateway::before(&upstream.url()).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let body = request(Era::Modern, "1", "tools/call", r#""name":"vendor_call""#);
    let answer = client::modern(gateway.address, body)
        .with("mcp-param-region", "eu")
        .with("traceparent", trace)
        .with("tracestate", "vendor=1")
        .with("cookie", "session=canary")
        .with("x-canary", "canary")
        .with("x-forwarded-user", "canary")
        .with("mcp-session-id", "canary")
        .with("user-agent", "canary")
        .answer()
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let log = upstream.log();
    let received = log.of("tools/call").last().unwrap();
    assert_eq!(received.header("mcp-param-region"), Some("eu"));
    assert_eq!(received.header("traceparent"), Some(trace));
    assert_eq!(received.header("tracestate"), Some("vendor=1"));
    assert_eq!(received.header("mcp-method"), Some("tools/call"));
    assert_eq!(received.header("mcp-name"), Some("vendor_call"));
    for received in &log.received {
        assert!(!format!("{:?}", received.headers).contains("canary"));
        assert_eq!(received.header("authorization"), None);
    }
}

/// Requests in both forms, to a module that is a child process. Its pipe is shared by all clients
/// of the stateless form, so ids on it are the gateway's; there is no other difference.
#[tokio::test]
async fn a_child_process_gets_and_gives_every_byte() {
    let logs = tempfile::tempdir().unwrap();
    for era in [Era::Modern, Era::Legacy] {
        let log = logs.path().join(format!("{era:?}"));
        let gateway = before_child(&log).await;
        let session = match era {
            Era::Modern => None,
            Era::Legacy => Some(client::begin(gateway.address, "{}").await),
        };
        for (method, target) in REQUESTS {
            let body = request(era, r#""a\u0062c""#, method, target);
            let ask = match &session {
                None => client::modern(gateway.address, body.clone()),
                Some(session) => client::in_session(gateway.address, session, body.clone()),
            };
            let answer = ask.answer().await;
            // The child answers as a modern server would, whoever asks.
            assert_eq!(
                answer.text(),
                answered(Era::Modern, r#""a\u0062c""#, method)
            );
            let line = until("the line in the child's log", || line_of(&log, method)).await;
            let (before, after) = body.split_once(r#""a\u0062c""#).unwrap();
            let id = line
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after));
            let id = id.unwrap_or_else(|| panic!("{line} is not {body}"));
            match era {
                Era::Modern => assert!(id.parse::<u64>().is_ok(), "{id}"),
                Era::Legacy => assert_eq!(id, r#""a\u0062c""#),
            }
        }
        let records = gateway.stop().await;
        assert!(support::calls(records).len() >= REQUESTS.len());
    }
}

/// A gateway before one module that is a child process.
async fn before_child(log: &std::path::Path) -> Gateway {
    let command = raw_child(log);
    let (program, arguments) = command.split_first().unwrap();
    let stdio = serde_json::json!({ "command": program, "args": arguments });
    let yaml = support::observed("http://127.0.0.1:1", "").replace(
        r#"http: { url: "http://127.0.0.1:1" }"#,
        &format!("stdio: {stdio}"),
    );
    Gateway::start(&yaml, Mode::Observed).await
}

fn line_of(log: &std::path::Path, method: &str) -> Option<String> {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    let wanted = format!(r#""method":"{method}""#);
    let ours = |line: &&str| line.contains(&wanted) && line.contains("vendorEnvelope");
    log.lines().rfind(ours).map(str::to_owned)
}

#[tokio::test]
async fn a_client_on_standard_streams_gets_and_gives_every_byte() {
    let dir = tempfile::tempdir().unwrap();
    for era in [Era::Modern, Era::Legacy] {
        let upstream = upstream(era).await;
        let url = upstream.url();
        let mut mcpo2 = Mcpo2::run(&[
            "serve",
            "--stdio",
            "--dir",
            &path(dir.path()),
            "--upstream",
            &url,
        ]);
        if era == Era::Legacy {
            let params = r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}"#;
            mcpo2.say(&client::plain("0", "initialize", params)).await;
            assert!(mcpo2.hear().await.contains("protocolVersion"));
            mcpo2
                .say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
                .await;
        }
        for (method, target) in REQUESTS {
            let body = request(era, r#""a\u0062c""#, method, target);
            mcpo2.say(&body).await;
            assert_eq!(mcpo2.hear().await, answered(era, r#""a\u0062c""#, method));
            assert_eq!(sent(&upstream, method).await, body);
        }
        mcpo2.stdin.take();
        let (status, said) = mcpo2.ended().await;
        assert!(status.success(), "{said}");
    }
}

/// Over HTTP/2 all requests of a client share one connection.
#[tokio::test]
async fn http_2_keeps_every_byte_and_no_call_waits_for_another() {
    use http_body_util::{BodyExt as _, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let upstream = upstream(Era::Modern).await;
    let gateway = Gateway::before(&upstream.url()).await;
    let stream = tokio::net::TcpStream::connect(gateway.address)
        .await
        .unwrap();
    let executor = TokioExecutor::new();
    let (send, connection) = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream))
        .await
        .unwrap();
    let driving = tokio::spawn(connection);
    let ask = |tool: &str, authority: &str| {
        let body = request(
            Era::Modern,
            "1",
            "tools/call",
            &format!(r#""name":"{tool}""#),
        );
        let uri = format!("http://{authority}/mcp");
        let ask = http::Request::post(uri)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool);
        let ask = ask
            .body(Full::new(bytes::Bytes::from(body.clone())))
            .unwrap();
        let mut send = send.clone();
        async move { (send.send_request(ask).await.unwrap(), body) }
    };
    let ours = gateway.address.to_string();
    let (hanging, _) = support::soon("the head", ask("vendor_hang", &ours)).await;
    let (answer, body) = support::soon("the head", ask("vendor_call", &ours)).await;
    assert_eq!(answer.version(), http::Version::HTTP_2);
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(text, answered(Era::Modern, "1", "tools/call"));
    assert_eq!(sent(&upstream, "tools/call").await, body);
    let (foreign, _) = support::soon("the head", ask("vendor_call", "evil.example")).await;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    // A stream that is reset is a call that is cancelled, on a connection that goes on.
    drop(hanging);
    support::soon(
        "the cancellation",
        upstream.wait_for(|log| log.abandoned == 1),
    )
    .await;
    let (answer, _) = support::soon("the head", ask("vendor_call", &ours)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    driving.abort();
}

/// What a tool says before its result, with a token for its progress.
fn streamed(era: Era, id: &str) -> (String, [String; 3]) {
    let body = request(era, id, "tools/call", r#""name":"vendor_stream""#);
    let token = r#""progressToken":"t\u006fken","com.example/x""#;
    let body = body.replace(r#""com.example/x""#, token);
    let told = |event: &str| event.replace(r#""$progressToken""#, r#""t\u006fken""#);
    let [progress, note] = STREAM_EVENTS.map(told);
    (body, [progress, note, answered(era, id, "tools/call")])
}

#[tokio::test]
async fn events_of_a_module_over_http_are_lines_of_a_client_s_input() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = upstream(Era::Modern).await;
    let (dir, url) = (path(dir.path()), upstream.url());
    let mut mcpo2 = Mcpo2::run(&["serve", "--stdio", "--dir", &dir, "--upstream", &url]);
    let (body, told) = streamed(Era::Modern, "-7");
    mcpo2.say(&body).await;
    for line in told {
        assert_eq!(mcpo2.hear().await, line);
    }
    mcpo2.stdin.take();
    assert!(mcpo2.ended().await.0.success());
}

#[tokio::test]
async fn lines_of_a_child_process_are_events_for_a_client_over_http() {
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("log");
    let gateway = before_child(&log).await;
    let (body, [progress, _, answer]) = streamed(Era::Modern, r#""a\u0062c""#);
    let mut stream = client::modern(gateway.address, body).open().await;
    let mut heard = Vec::new();
    while let Some(event) = stream.event().await {
        heard.push(event.data);
    }
    // What is of no call in particular has no place among the answers of one.
    assert_eq!(heard, [progress, answer]);
    gateway.stop().await;
}
