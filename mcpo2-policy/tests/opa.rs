//! An Open Policy Agent over HTTP, played by a socket.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{ada, tool};
use mcpo2_core::{Decision, Effect, Method};
use mcpo2_policy::{Input, OpaEngine, Query, RemoteEngine, Verdict};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the agent of a test does with a connection.
#[derive(Clone)]
enum Agent {
    Answers(String),
    Says(Vec<u8>),
    Hangs,
    Closes,
}

async fn serve(mut stream: TcpStream, agent: Agent) -> String {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    // The document ends with two braces: that of the input, and its own.
    while !read.ends_with(b"}}") && !read.ends_with(b"}}}") {
        let length = stream.read(&mut buffer).await.unwrap();
        if length == 0 {
            break;
        }
        read.extend_from_slice(&buffer[..length]);
    }
    let said = match agent {
        Agent::Answers(body) => format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes(),
        Agent::Says(bytes) => bytes,
        Agent::Hangs => std::future::pending().await,
        Agent::Closes => return String::new(),
    };
    // Who hears enough closes.
    let _ = stream.write_all(&said).await;
    String::from_utf8(read).unwrap()
}

async fn asked(agent: Agent) -> (Verdict, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let playing = agent.clone();
    let (heard, hears) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _ = heard.send(serve(stream, playing).await);
    });
    // Long enough for a busy machine where an answer comes, and short where none does.
    let timeout = match agent {
        Agent::Hangs => Duration::from_millis(20),
        _ => Duration::from_secs(60),
    };
    let opa = OpaEngine::new(&format!("http://{address}/"), "/mcpo2/policy/decision").unwrap();
    let opa = opa.with_timeout(timeout);
    let (item, ada) = (tool("t"), ada());
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada).with_arguments(b"{\"a\":1}");
    let document = Bytes::from(serde_json::to_vec(&Input::of(&query)).unwrap());
    let verdict = opa.decide(document).await;
    server.abort();
    (verdict, hears.await.unwrap_or_default())
}

async fn answered(body: &str) -> Verdict {
    asked(Agent::Answers(body.into())).await.0
}

fn rules(verdict: &Verdict) -> Vec<String> {
    verdict
        .decided()
        .rules
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[tokio::test]
async fn an_agent_that_allows_is_heard() {
    let (verdict, request) = asked(Agent::Answers(r#"{"result": true}"#.into())).await;
    assert_eq!(verdict.decided().effect, Effect::Allow);
    assert_eq!(rules(&verdict), ["data.mcpo2.policy.decision"]);
    assert!(
        request.starts_with("POST /v1/data/mcpo2/policy/decision HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(r#"{"input":{"schema":"mcpo2.policy.input/v1","#),
        "{request}"
    );
}

#[tokio::test]
async fn an_agent_says_more_than_yes_and_no() {
    let body = r#"{"result": {"allow": true, "rules": ["a"], "reason": "r",
        "obligations": [{"redact": ["email"]}, {"redact": ["secret"]}]}}"#;
    let Decision::Allow(owed) = answered(body).await.into_parts().0 else {
        panic!()
    };
    assert_eq!(owed.redact.len(), 2);
    let body = r#"{"result": {"allow": true, "rules": ["a"], "approve": "sre"}}"#;
    let Decision::Ask(approval) = answered(body).await.into_parts().0 else {
        panic!()
    };
    assert_eq!(approval.groups().collect::<Vec<_>>(), ["sre"]);
    let body = r#"{"result": {"allow": false, "rules": ["a"], "public_code": "NO"}}"#;
    let Decision::Deny(denial) = answered(body).await.into_parts().0 else {
        panic!()
    };
    assert_eq!(denial.public_code(), Some("NO"));
    assert_eq!(
        answered(r#"{"result": false}"#).await.decided().effect,
        Effect::Deny
    );
}

#[tokio::test]
async fn what_is_no_answer_denies() {
    let huge = format!(r#"{{"result": true, "x": "{}"}}"#, "x".repeat(65 * 1024));
    let answers = [
        "{}",
        r#"{"result": null}"#,
        r#"{"result": "yes"}"#,
        r#"{"result": {}}"#,
        r#"{"result": {"allow": "true"}}"#,
        r#"{"result": {"allow": true, "approv": "sre"}}"#,
        r#"{"result": {"allow": true, "obligations": {"delete_after": 1}}}"#,
        r#"{"result": {"allow": true, "rules": ["sys:allow-all"]}}"#,
        "garbage",
        &huge,
    ];
    for body in answers {
        assert_eq!(
            rules(&answered(body).await),
            ["sys:eval-error"],
            "{:.80}",
            body
        );
    }
}

#[tokio::test]
async fn an_agent_that_fails_denies() {
    let failing = [
        Agent::Closes,
        Agent::Says(b"garbage\r\n\r\n".to_vec()),
        Agent::Says(b"HTTP/1.1 500 Oh\r\ncontent-length: 15\r\n\r\n{\"result\":true}".to_vec()),
        Agent::Says(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"result\":true}".to_vec()),
    ];
    for agent in failing {
        let verdict = asked(agent).await.0;
        assert_eq!(rules(&verdict), ["sys:eval-error"]);
    }
    let nobody = OpaEngine::new("http://127.0.0.1:1", "x").unwrap();
    let verdict = nobody.decide(Bytes::from_static(b"{}")).await;
    assert_eq!(rules(&verdict), ["sys:eval-error"]);
}

#[tokio::test]
async fn an_agent_that_is_slow_denies() {
    let (verdict, _) = asked(Agent::Hangs).await;
    assert_eq!(rules(&verdict), ["sys:eval-error"]);
    assert!(
        verdict.decided().reason.contains("too long"),
        "{:?}",
        verdict.decided()
    );
}

#[test]
fn only_a_plain_url_is_one() {
    for (base, path) in [
        ("http://ada:hunter2@h", "x"),
        ("http://h/#a", "x"),
        ("https://h", "x"),
        ("h", "x"),
        ("http://h", ""),
        ("http://h", "a?b"),
        ("http://h?x", "a"),
        ("", "x"),
    ] {
        let error = OpaEngine::new(base, path).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
