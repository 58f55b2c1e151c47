use std::{
    future::{Ready, ready},
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use mcpo2_audit::{CallRecord, Event, Ledger};
use mcpo2_core::{
    AuthMethod, Body, BoxError, ErrorKind, Frame, Frames, Message, Method, Principal,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tower::{Layer as _, ServiceExt as _, load_shed::error::Overloaded, timeout::error::Elapsed};

use super::*;
use crate::{App, Mode, config};

#[test]
fn the_texts_of_tower_s_errors_are_those_that_core_knows() {
    let kind = |error: BoxError| Error::from(error).kind();
    assert_eq!(kind(Overloaded::new().into()), ErrorKind::Overloaded);
    assert_eq!(kind(Elapsed::new().into()), ErrorKind::TimedOut);
}

/// A gateway without modules, whose calls end as the name of their method says.
fn app() -> (App, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let yaml = "version: 1\nidentity: { anonymous: { tenant: local } }\n";
    let checked = config::check_text("test.yaml", dir.path(), yaml, &|_| None);
    let app = App::build(checked.config.unwrap(), Mode::Governed).unwrap();
    let lasting = &app.lasting;
    let above = Above {
        metrics: Arc::clone(&lasting.metrics),
        audit: AuditLayer::new(lasting.ledger.clone()),
        gate: lasting.gate.clone(),
        time: Duration::from_secs(60),
    };
    let stack = above.over(tower::service_fn(panicky));
    app.generations.replace_stack(lasting, stack);
    (app, dir)
}

async fn panicky(call: Call) -> Result<Reply, Error> {
    match call.method() {
        Method::Other(name) if name.starts_with("panic") => panic!("the canary of {name}"),
        Method::Other(name) if name.starts_with("stream") => {
            let frames = [Frame::new(
                r#"{"jsonrpc":"2.0","method":"notifications/x"}"#,
            )];
            let panics = stream::once(async { panic!("in mid-stream") });
            let frames = stream::iter(frames.map(Ok)).chain(panics);
            Ok(Reply::stream(Frames::new(frames)))
        }
        _ => Ok(Reply::complete(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)),
    }
}

fn request(method: &str) -> String {
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"_meta":{{{version}}}}}}}"#)
}

fn call(method: &str) -> Call {
    let Ok(Message::Request(request)) = Message::parse(request(method)) else {
        panic!("no request");
    };
    let principal = Principal::new(
        "acme".parse().unwrap(),
        "ada".parse().unwrap(),
        AuthMethod::Host,
    );
    Call::new(request, Arc::new(principal))
}

/// The outcomes of all calls, with their causes.
fn outcomes(ledger: &Ledger, dir: &TempDir) -> Vec<(String, String)> {
    ledger.flush().unwrap();
    let records = mcpo2_audit::calls(dir.path().join("ledger")).unwrap();
    let calls = records.filter_map(|entry| match entry.unwrap().record.event {
        Event::Call(call) => Some(call),
        _ => None,
    });
    let outcome = |call: Box<CallRecord>| {
        let outcome = serde_json::to_string(&call.end.outcome).unwrap();
        (
            outcome,
            call.end.cause.map(String::from).unwrap_or_default(),
        )
    };
    calls.map(outcome).collect()
}

#[tokio::test]
async fn p10_a_panic_fails_one_call_and_the_ledger_says_why() {
    let (app, dir) = app();
    let ask = |method: &str| app.stack().clone().oneshot(call(method));
    let error = ask("panic/here").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert_eq!(error.to_string(), "internal error");
    let Body::Stream(frames) = ask("stream/there").await.unwrap().into_body() else {
        panic!("no stream");
    };
    let frames: Vec<_> = frames.collect().await;
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1].as_ref().unwrap_err().kind(), ErrorKind::Internal);
    ask("fine").await.unwrap();
    let outcomes = outcomes(app.ledger(), &dir);
    let [(first, canary), (second, midstream), (third, _)] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert!(
        first.contains("internal") && canary.contains("the canary of panic/here"),
        "{outcomes:?}"
    );
    assert!(
        second.contains("internal") && midstream.contains("in mid-stream"),
        "{outcomes:?}"
    );
    assert!(!third.contains("internal"), "{outcomes:?}");
    assert_eq!(app.lasting.gate.counts(), (0, 0));
}

/// Counts its clones. Once it has panicked it is broken, and panics again.
struct Fragile {
    clones: Arc<AtomicUsize>,
    broken: bool,
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::Relaxed);
        Self {
            clones: Arc::clone(&self.clones),
            broken: self.broken,
        }
    }
}

impl Service<Call> for Fragile {
    type Response = Reply;
    type Error = Error;
    type Future = Ready<Result<Reply, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        self.broken |= *call.method() == Method::ToolsList;
        assert!(!self.broken, "before there is a future");
        ready(Ok(Reply::accepted()))
    }
}

#[tokio::test]
async fn a_stack_is_used_again_unless_a_layer_of_it_panicked() {
    let clones = Arc::new(AtomicUsize::new(0));
    let fragile = Fragile {
        clones: Arc::clone(&clones),
        broken: false,
    };
    let stacks = Stacks::from(Stack::new(PanicLayer.layer(fragile)));
    for (method, works, cloned) in [
        ("ping", true, 1),
        ("ping", true, 1),
        ("tools/list", false, 1),
        ("ping", true, 2),
        ("ping", true, 2),
    ] {
        let reply = stacks.run(call(method)).await;
        let kind = reply.err().map(|error| error.kind());
        let internal = (!works).then_some(ErrorKind::Internal);
        assert_eq!((kind, clones.load(Ordering::Relaxed)), (internal, cloned));
    }
}

#[tokio::test]
async fn p10_over_http_the_connection_goes_on_after_a_panic() {
    let (app, dir) = app();
    let (ledger, shutdown) = (app.ledger().clone(), app.shutdown().clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(app.serve(listener));
    let mut socket = TcpStream::connect(address).await.unwrap();
    for (method, wanted) in [
        ("panic/once", r#""message":"internal error""#),
        ("fine", r#""result":{}"#),
        ("panic/twice", r#""code":-32603"#),
    ] {
        let answer = ask(&mut socket, address, method, wanted).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(!answer.contains("canary"), "{answer}");
    }
    let outcomes = outcomes(&ledger, &dir);
    let internal = outcomes
        .iter()
        .filter(|(outcome, _)| outcome.contains("internal"));
    assert_eq!((outcomes.len(), internal.count()), (3, 2), "{outcomes:?}");
    drop(socket);
    shutdown.drain();
    serving.await.unwrap().unwrap();
}

/// Asks on a connection that stays, and reads until this stands there.
async fn ask(socket: &mut TcpStream, address: SocketAddr, method: &str, wanted: &str) -> String {
    let body = request(method);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).await.unwrap();
    let reading = async {
        let mut answer = Vec::new();
        loop {
            assert_ne!(socket.read_buf(&mut answer).await.unwrap(), 0);
            let text = String::from_utf8_lossy(&answer);
            if text.contains(wanted) && text.ends_with('}') {
                return text.into_owned();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .unwrap()
}
