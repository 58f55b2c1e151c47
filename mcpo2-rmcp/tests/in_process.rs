//! A handler on the other end of a pipe, spoken to in lines of JSON.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    deprecated,
    reason = "a failed test may panic, the tests share more than each uses, and roots are still there"
)]

mod common;

use mcpo2_rmcp::{Guard, InProcess, spawn};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf,
    WriteHalf,
};

use self::common::{Handler, tool_call};

struct Line {
    reader: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
    guard: Guard,
}

impl Line {
    fn open() -> Self {
        let (handler, _) = Handler::new();
        let InProcess {
            reader,
            writer,
            guard,
        } = spawn(handler);
        let reader = BufReader::new(reader).lines();
        Self {
            reader,
            writer,
            guard,
        }
    }

    async fn say(&mut self, message: Value) {
        let line = format!("{message}\n");
        self.writer.write_all(line.as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = self.reader.next_line().await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.say(message).await;
        self.hear().await
    }
}

fn stateless(mut message: Value) -> Value {
    message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    message
}

fn discover() -> Value {
    stateless(json!({ "jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": {} }))
}

fn initialize() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "gateway", "version": "1" },
        },
    })
}

#[tokio::test]
async fn it_speaks_with_a_session() {
    let mut line = Line::open();
    let answer = line.ask(initialize()).await;
    assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
    line.say(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
        .await;

    let progress = line.ask(tool_call("progress")).await;
    assert_eq!(progress["params"]["progressToken"], "t");
    assert_eq!(line.hear().await["params"]["progress"], 2.0);
    let answer = line.hear().await;
    assert_eq!(answer["id"], "a");
    assert_eq!(answer["result"].get("resultType"), None);
}

#[tokio::test]
async fn it_speaks_without_a_session() {
    let mut line = Line::open();
    let answer = line.ask(discover()).await;
    let versions = answer["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")));

    let progress = line.ask(stateless(tool_call("progress"))).await;
    assert_eq!(progress["method"], "notifications/progress");
    line.hear().await;
    assert_eq!(line.hear().await["result"]["resultType"], "complete");
}

#[tokio::test]
async fn a_session_may_follow_a_discovery() {
    let mut line = Line::open();
    assert!(line.ask(discover()).await["result"].is_object());
    assert!(line.ask(initialize()).await["result"].is_object());
    assert_eq!(line.ask(tool_call("echo")).await["id"], "a");
}

#[tokio::test]
async fn a_session_also_answers_what_carries_its_own_metadata() {
    let mut line = Line::open();
    line.ask(initialize()).await;
    line.ask(stateless(tool_call("progress"))).await;
    line.hear().await;
    assert_eq!(line.hear().await["result"]["resultType"], "complete");
    let answer = line.ask(tool_call("echo")).await;
    assert_eq!(answer["result"].get("resultType"), None);
    assert!(answer["result"].is_object());
}

#[tokio::test]
async fn without_a_session_metadata_is_always_due() {
    let mut line = Line::open();
    assert!(line.ask(stateless(tool_call("echo"))).await["result"].is_object());
    assert_eq!(line.ask(tool_call("echo")).await["error"]["code"], -32602);
}

#[tokio::test]
async fn a_request_without_metadata_in_front_of_all_is_an_error_and_no_end() {
    let mut line = Line::open();
    assert_eq!(line.ask(tool_call("echo")).await["error"]["code"], -32602);
    assert!(line.ask(initialize()).await["result"].is_object());
}

#[tokio::test]
async fn it_ends_with_its_guard() {
    let mut line = Line::open();
    line.ask(initialize()).await;
    drop(line.guard);
    let mut rest = Vec::new();
    line.reader
        .into_inner()
        .read_to_end(&mut rest)
        .await
        .unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn it_ends_with_its_pipe() {
    let mut line = Line::open();
    line.ask(initialize()).await;
    drop((line.reader, line.writer));
    while !line.guard.is_finished() {
        tokio::task::yield_now().await;
    }
}
