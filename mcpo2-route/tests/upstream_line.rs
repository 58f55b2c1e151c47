//! What links of one message a line promise, over pipes inside the test.
#![cfg(feature = "upstream")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use mcpo2_core::{Body, Error, ErrorKind, Frames, Message, ProtocolVersion, Reply, Request};
use mcpo2_route::upstream::{
    ClientInfo, ForwardHeaders, Hello, Limits, Link, Upstream,
    line::{LineLink, PipeUpstream},
};
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf,
};

/// The module's side of the pipes.
struct Module {
    lines: BufReader<ReadHalf<DuplexStream>>,
    writer: WriteHalf<DuplexStream>,
}

impl Module {
    async fn read(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).await.unwrap();
        assert!(line.ends_with('\n'), "the pipe ended: {line:?}");
        line.trim_end_matches('\n').to_owned()
    }

    async fn write(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).await.unwrap();
        self.writer.write_all(b"\n").await.unwrap();
    }
}

type Pipes = (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>);

fn pipes() -> (Pipes, Module) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (reader, writer) = tokio::io::split(theirs);
    let lines = BufReader::new(reader);
    (tokio::io::split(ours), Module { lines, writer })
}

fn hello() -> Hello {
    let params = r#"{"protocolVersion":"2025-06-18", "capabilities":{"x":1e400},"clientInfo":{}}"#;
    Hello::new(params, ProtocolVersion::V2025_06_18)
}

const SPEAKS_SESSIONS: &str =
    r#"{"jsonrpc":"2.0","id":"mcpo2-1","result":{"protocolVersion":"2025-06-18","v": 1}}"#;
const SPEAKS_STATELESS: &str =
    r#"{"jsonrpc":"2.0","id":"mcpo2-1","result":{"supportedVersions":["2026-07-28"]}}"#;

async fn session(limits: Limits) -> (Arc<LineLink>, Module) {
    let (ours, mut module) = pipes();
    let hello = hello();
    let client = ClientInfo::default();
    let opened = LineLink::open(ours.0, ours.1, Some(&hello), &client, limits, ());
    let script = async {
        module.read().await;
        module.write(SPEAKS_SESSIONS).await;
        module.read().await;
    };
    let (link, ()) = tokio::join!(opened, script);
    (link.unwrap(), module)
}

async fn shared(limits: Limits) -> (Arc<LineLink>, Module) {
    let (ours, mut module) = pipes();
    let client = ClientInfo::default();
    let opened = LineLink::open(ours.0, ours.1, None, &client, limits, ());
    let script = async {
        module.read().await;
        module.write(SPEAKS_STATELESS).await;
    };
    let (link, ()) = tokio::join!(opened, script);
    (link.unwrap(), module)
}

fn request(text: impl Into<bytes::Bytes>) -> Request {
    match Message::parse(text).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

async fn ask(link: &dyn Link, text: &'static str) -> Result<Reply, Error> {
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

async fn next(frames: &mut Frames) -> String {
    let frame = frames.next().await.unwrap().unwrap();
    String::from_utf8(frame.data().to_vec()).unwrap()
}

const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{"progressToken":"t"},"name":"n"}}"#;

#[tokio::test(start_paused = true)]
async fn a_session_says_what_its_client_said() {
    let (ours, mut module) = pipes();
    let hello = hello();
    let client = ClientInfo::default();
    let opened = LineLink::open(ours.0, ours.1, Some(&hello), &client, Limits::default(), ());
    let script = async {
        let first = module.read().await;
        module.write(SPEAKS_SESSIONS).await;
        (first, module.read().await)
    };
    let (link, (first, second)) = tokio::join!(opened, script);
    let params = String::from_utf8(hello.params().to_vec()).unwrap();
    assert!(
        first.ends_with(&format!(r#""method":"initialize","params":{params}}}"#)),
        "{first}"
    );
    assert_eq!(
        second,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#
    );
    let link = link.unwrap();
    assert_eq!(link.version(), ProtocolVersion::V2025_06_18);
    assert_eq!(link.server(), r#"{"protocolVersion":"2025-06-18","v": 1}"#);
}

#[tokio::test(start_paused = true)]
async fn a_session_with_a_module_that_has_none_is_stateless() {
    let (ours, mut module) = pipes();
    let hello = hello();
    let client = ClientInfo::default();
    let opened = LineLink::open(ours.0, ours.1, Some(&hello), &client, Limits::default(), ());
    let script = async {
        module.read().await;
        module
            .write(r#"{"jsonrpc":"2.0","id":"mcpo2-1","error":{"code":-32601,"message":"no"}}"#)
            .await;
        assert!(module.read().await.contains("server/discover"));
        module.write(SPEAKS_STATELESS).await;
    };
    let (link, ()) = tokio::join!(opened, script);
    assert!(link.unwrap().version().is_stateless());
}

#[tokio::test(start_paused = true)]
async fn a_shared_link_falls_back_on_an_error() {
    let (ours, mut module) = pipes();
    let client = ClientInfo::new("me", "1");
    let opened = LineLink::open(ours.0, ours.1, None, &client, Limits::default(), ());
    let script = async {
        let probe = module.read().await;
        assert!(probe.contains(r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#));
        module
            .write(r#"{"jsonrpc":"2.0","id":"mcpo2-1","error":{"code":-1,"message":"what"}}"#)
            .await;
        let initialize = module.read().await;
        assert!(
            initialize.contains(r#""protocolVersion":"2025-11-25""#),
            "{initialize}"
        );
        module
            .write(r#"{"jsonrpc":"2.0","id":"mcpo2-2","result":{"protocolVersion":"2024-11-05"}}"#)
            .await;
        module.read().await
    };
    let (link, last) = tokio::join!(opened, script);
    assert_eq!(link.unwrap().version(), ProtocolVersion::V2024_11_05);
    assert!(last.contains("notifications/initialized"));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_not_answered_does_not_hold_up_the_other_revision() {
    let (ours, mut module) = pipes();
    let client = ClientInfo::default();
    let opened = LineLink::open(ours.0, ours.1, None, &client, Limits::default(), ());
    let script = async {
        module.read().await;
        module.read().await;
        module
            .write(r#"{"jsonrpc":"2.0","id":"mcpo2-2","result":{"protocolVersion":"2025-11-25"}}"#)
            .await;
        module.read().await
    };
    let (link, _) = tokio::join!(opened, script);
    assert_eq!(link.unwrap().version(), ProtocolVersion::V2025_11_25);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_answered_late_still_counts() {
    let (ours, mut module) = pipes();
    let client = ClientInfo::default();
    let opened = LineLink::open(ours.0, ours.1, None, &client, Limits::default(), ());
    let script = async {
        module.read().await;
        assert!(module.read().await.contains("initialize"));
        module.write(SPEAKS_STATELESS).await;
    };
    let (link, ()) = tokio::join!(opened, script);
    assert!(link.unwrap().version().is_stateless());
}

#[tokio::test(start_paused = true)]
async fn a_module_that_never_answers_is_unavailable() {
    let (ours, _module) = pipes();
    let client = ClientInfo::default();
    let error = LineLink::open(ours.0, ours.1, None, &client, Limits::default(), ())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn bytes_pass_a_session_as_they_are() {
    let (link, mut module) = session(Limits::default()).await;
    let call = r#"{ "vendor":18446744073709551616,"jsonrpc":"2.0","params":{"name":"\u006e" },"method":"tools/call","id":"x\/y"}"#;
    let answer = r#"{"result":{"content":[{"type":"new","n":1e999}], "z":0,"a":0},"jsonrpc":"2.0","id":"x\/y" }"#;
    let script = async {
        assert_eq!(module.read().await, call);
        module.write(answer).await;
    };
    let (reply, ()) = tokio::join!(ask(&*link, call), script);
    assert_eq!(text(reply.unwrap()), answer);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_several_lines_is_sent_as_one() {
    let (link, mut module) = session(Limits::default()).await;
    let call = "{\"jsonrpc\":\"2.0\",\r\n \"id\":1,\n\"method\":\"ping\"}";
    let script = async {
        assert_eq!(
            module.read().await,
            "{\"jsonrpc\":\"2.0\",   \"id\":1, \"method\":\"ping\"}"
        );
        module
            .write(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
            .await;
    };
    let (reply, ()) = tokio::join!(ask(&*link, call), script);
    reply.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_clients_of_a_shared_link_may_use_one_id_and_one_token() {
    let (link, mut module) = shared(Limits::default()).await;
    let script = async {
        let (first, second) = (module.read().await, module.read().await);
        assert!(
            first.contains(r#""id":1"#) && first.contains(r#""progressToken":1"#),
            "{first}"
        );
        assert!(second.contains(r#""id":2"#) && second.contains(r#""progressToken":2"#));
        let progress = |n| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progress":1.50,"progressToken":{n}}}}}"#
            )
        };
        module.write(&progress(2)).await;
        module.write(&progress(3)).await;
        module
            .write(r#"{"jsonrpc":"2.0","id":2,"result":{"to": "second"}}"#)
            .await;
        module
            .write(r#"{"jsonrpc":"2.0","id":1,"result":{"to": "first"}}"#)
            .await;
    };
    let (first, second, ()) = tokio::join!(ask(&*link, CALL), ask(&*link, CALL), script);
    assert_eq!(
        text(first.unwrap()),
        r#"{"jsonrpc":"2.0","id":"a","result":{"to": "first"}}"#
    );
    let mut second = frames(second.unwrap());
    assert_eq!(
        next(&mut second).await,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.50,"progressToken":"t"}}"#
    );
    assert_eq!(
        next(&mut second).await,
        r#"{"jsonrpc":"2.0","id":"a","result":{"to": "second"}}"#
    );
    assert!(second.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_session_refuses_an_id_that_is_under_way() {
    let (link, mut module) = session(Limits::default()).await;
    let script = async {
        module.read().await;
        module
            .write(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#)
            .await;
    };
    let (first, second, ()) = tokio::join!(ask(&*link, PING), ask(&*link, PING), script);
    first.unwrap();
    assert_eq!(second.unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_of_a_shared_link_is_cancelled() {
    let (link, mut module) = shared(Limits::default()).await;
    let held = Arc::clone(&link);
    let waiting = tokio::spawn(async move { ask(&*held, CALL).await });
    module.read().await;
    waiting.abort();
    assert_eq!(
        module.read().await,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#
    );
    // So is one whose stream is dropped.
    let script = async {
        module.read().await;
        let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}}"#;
        module.write(progress).await;
    };
    let (reply, ()) = tokio::join!(ask(&*link, CALL), script);
    drop(frames(reply.unwrap()));
    assert!(module.read().await.contains(r#""requestId":2"#));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_of_a_session_is_not_cancelled() {
    let (link, mut module) = session(Limits::default()).await;
    let held = Arc::clone(&link);
    let waiting = tokio::spawn(async move { ask(&*held, CALL).await });
    module.read().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    link.send(r#"{"jsonrpc":"2.0","method":"notifications/next"}"#.into())
        .await
        .unwrap();
    assert!(module.read().await.contains("notifications/next"));
}

#[tokio::test(start_paused = true)]
async fn what_the_module_asks_rides_on_the_newest_call_of_a_session() {
    let (link, mut module) = session(Limits::default()).await;
    let reverse = r#"{"jsonrpc":"2.0","id":0,"method":"sampling/createMessage","params":{"x": 1}}"#;
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}"#;
    let script = async {
        module.read().await;
        module.write(log).await;
        module.write(reverse).await;
    };
    let (reply, ()) = tokio::join!(ask(&*link, CALL), script);
    let mut stream = frames(reply.unwrap());
    assert_eq!(next(&mut stream).await, log);
    assert_eq!(next(&mut stream).await, reverse);
    let answer = r#"{"jsonrpc":"2.0","id":0, "result":{}}"#;
    link.send(answer.into()).await.unwrap();
    assert_eq!(module.read().await, answer);
}

#[tokio::test(start_paused = true)]
async fn a_shared_link_has_no_client_to_ask() {
    let (link, mut module) = shared(Limits::default()).await;
    module
        .write(r#"{"jsonrpc":"2.0","id":5,"method":"roots/list"}"#)
        .await;
    module
        .write(r#"{"jsonrpc":"2.0","id":6,"method":"ping"}"#)
        .await;
    assert!(
        module
            .read()
            .await
            .contains(r#""id":5,"error":{"code":-32601"#)
    );
    assert_eq!(
        module.read().await,
        r#"{"jsonrpc":"2.0","id":6,"result":{}}"#
    );
    // Nor may one client cancel by an id that is another's.
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    link.send(cancel.into()).await.unwrap();
    link.send(r#"{"jsonrpc":"2.0","method":"notifications/next"}"#.into())
        .await
        .unwrap();
    assert!(module.read().await.contains("notifications/next"));
    let answer = r#"{"jsonrpc":"2.0","id":5,"result":{}}"#;
    let refused = link.send(answer.into()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test(start_paused = true)]
async fn what_is_outside_any_call_waits_for_who_listens() {
    let (link, mut module) = session(Limits::default()).await;
    for n in 0..300 {
        module
            .write(&format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/n{n}"}}"#
            ))
            .await;
    }
    let script = async {
        module.read().await;
        module
            .write(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#)
            .await;
    };
    let (reply, ()) = tokio::join!(ask(&*link, PING), script);
    reply.unwrap();
    let mut heard = link.listen(None).await.unwrap().unwrap();
    assert!(next(&mut heard).await.contains("notifications/n44\""));
    link.close().await;
    assert_eq!(heard.count().await, 255);
    assert!(!link.is_open());
}

#[tokio::test(start_paused = true)]
async fn noise_of_the_module_harms_no_call() {
    let (link, mut module) = session(Limits::default()).await;
    let script = async {
        module.read().await;
        for noise in [
            "starting up…",
            "[]",
            r#"{"jsonrpc":"2.0","id":"7","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":8,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"id":7,"result":{}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"?"}}"#,
        ] {
            module.write(noise).await;
        }
        module
            .write(r#"{"jsonrpc":"2.0","id":7,"result":{"ok":1}}"#)
            .await;
        module
            .write(r#"{"jsonrpc":"2.0","id":7,"result":{"ok":2}}"#)
            .await;
    };
    let (reply, ()) = tokio::join!(ask(&*link, PING), script);
    assert_eq!(
        text(reply.unwrap()),
        r#"{"jsonrpc":"2.0","id":7,"result":{"ok":1}}"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_has_a_time_between_messages_and_one_in_all() {
    let mut limits = Limits::default();
    limits.idle = Duration::from_secs(3);
    limits.total = Duration::from_secs(10);
    let (link, mut module) = session(limits).await;
    let error = ask(&*link, PING).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    module.read().await;
    assert!(module.read().await.contains("notifications/cancelled"));

    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}"#;
    let endless = async {
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            module.write(progress).await;
        }
    };
    let reading = async {
        let mut stream = frames(ask(&*link, CALL).await.unwrap());
        let mut seen = 0;
        loop {
            match stream.next().await.unwrap() {
                Ok(_) => seen += 1,
                Err(error) => return (seen, error.kind()),
            }
        }
    };
    tokio::select! {
        () = endless => panic!("endless"),
        ended = reading => assert_eq!(ended, (4, ErrorKind::TimedOut)),
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_does_not_end_ends_the_link() {
    let mut limits = Limits::default();
    limits.response_bytes = 1000;
    let (link, mut module) = session(limits).await;
    let script = async {
        module.read().await;
        module.writer.write_all(&[b'a'; 2000]).await.unwrap();
    };
    let (reply, ()) = tokio::join!(ask(&*link, PING), script);
    assert_eq!(reply.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(!link.is_open());
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_many_messages_is_bounded_as_a_whole() {
    let mut limits = Limits::default();
    limits.response_bytes = 1000;
    let (link, mut module) = session(limits).await;
    let script = async {
        module.read().await;
        for n in 0..20 {
            let progress = format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":"t","progress":{n}}}}}"#
            );
            module.write(&progress).await;
        }
        module.read().await
    };
    let (reply, told) = tokio::join!(ask(&*link, CALL), script);
    let ended = frames(reply.unwrap())
        .collect::<Vec<_>>()
        .await
        .pop()
        .unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::TooLarge);
    assert!(told.contains("notifications/cancelled"));
    assert!(link.is_open());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_pipe_ends_all_calls() {
    let (link, mut module) = session(Limits::default()).await;
    let script = async {
        module.read().await;
        drop(module);
    };
    let (reply, ()) = tokio::join!(ask(&*link, PING), script);
    assert_eq!(reply.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(!link.is_open());
    assert_eq!(
        ask(&*link, PING).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_lasts_as_long_as_the_stream_of_a_reply() {
    let (link, mut module) = session(Limits::default()).await;
    let script = async {
        module.read().await;
        let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
        module.write(log).await;
    };
    let (reply, ()) = tokio::join!(ask(&*link, PING), script);
    drop(link);
    module
        .write(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#)
        .await;
    assert_eq!(frames(reply.unwrap()).count().await, 2);
    let mut rest = String::new();
    assert_eq!(module.lines.read_to_string(&mut rest).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn sessions_are_counted() {
    let mut limits = Limits::default();
    limits.sessions = 1;
    let upstream = PipeUpstream::new(ClientInfo::default(), limits, || {
        let ((reader, writer), mut module) = pipes();
        let script = tokio::spawn(async move {
            module.read().await;
            module.write(SPEAKS_SESSIONS).await;
            std::future::pending::<()>().await;
        });
        Ok((reader, writer, script))
    });
    let hello = hello();
    let first = upstream.open(Some(&hello)).await.unwrap();
    let refused = upstream.open(Some(&hello)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
    first.close().await;
    upstream.open(Some(&hello)).await.unwrap();
}
