//! What a model is told when it reads, searches and outlines what became a reference.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::sync::Arc;

use common::{artifacts, call, message, principal, result};
use mcpo2_artifact::{ArtifactLayer, Artifacts, TOOLS};
use mcpo2_core::{
    ApprovalState, Call, Decision, Endpoint, Error, Message, Module, Obligations, Principal, Reply,
    Routed, Target,
};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

/// A call of this tool of the module `kept`.
fn asking(tool: &str, arguments: &Value, who: Principal) -> Routed {
    let params = json!({"name": tool, "arguments": arguments});
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
    let Message::Request(request) = Message::parse(text).unwrap() else {
        unreachable!()
    };
    to_module("kept", Call::new(request, who))
}

fn to_module(module: &str, call: Call) -> Routed {
    let endpoint = Endpoint::new(());
    let module = Module::builder(
        module.parse().unwrap(),
        "engineering".parse().unwrap(),
        endpoint,
    )
    .approval(ApprovalState::Approved)
    .build();
    let permitted = call
        .decide(Decision::Allow(Obligations::default()))
        .unwrap();
    permitted.route(Target::module(&module).unwrap())
}

async fn ask_as(
    artifacts: &Arc<Artifacts>,
    tool: &str,
    arguments: Value,
    who: Principal,
) -> Result<(String, bool), Error> {
    let inner = service_fn(|_: Routed| async { panic!("it reached the module") });
    let layer = ArtifactLayer::new(Arc::clone(artifacts)).with_tools("kept".parse().unwrap());
    let reply = layer
        .layer(inner)
        .oneshot(asking(tool, &arguments, who))
        .await?;
    let result = result(reply);
    let text = result["content"][0]["text"].as_str().unwrap().to_owned();
    Ok((text, result["isError"] == true))
}

async fn ask(artifacts: &Arc<Artifacts>, tool: &str, arguments: Value) -> (String, bool) {
    let who = principal("acme", "ada");
    ask_as(artifacts, tool, arguments, who).await.unwrap()
}

async fn kept(said: &str) -> (Arc<Artifacts>, String) {
    let artifacts = Arc::new(artifacts(json!({"max_read_bytes": 1024})));
    let result = json!({"content": [{"type": "text", "text": said}], "isError": false});
    let stored = artifacts
        .keep(&principal("acme", "ada"), &result.to_string())
        .await
        .unwrap();
    let uri = stored.reference.uri();
    (artifacts, uri)
}

fn hundred_lines() -> String {
    let lines: Vec<_> = (1..=100).map(|n| format!("line {n} is about Öl")).collect();
    lines.join("\n")
}

#[tokio::test]
async fn lines_are_read_as_the_tool_said_them_and_where_to_go_on_is_told() {
    let (artifacts, uri) = kept(&hundred_lines()).await;
    let lines = json!({"uri": uri, "from": 3, "to": 4});
    let (text, wrong) = ask(&artifacts, "artifact_read", lines).await;
    let said = "line 3 is about Öl\nline 4 is about Öl\n… lines 3 to 4 of 100";
    assert_eq!((text.as_str(), wrong), (said, false));

    let mut read = Vec::new();
    let mut from = 1;
    loop {
        let asked = json!({"uri": uri, "from": from});
        let (text, _) = ask(&artifacts, "artifact_read", asked).await;
        assert!(text.len() < 1200, "{}", text.len());
        let (lines, told) = text.rsplit_once('\n').unwrap();
        read.extend(lines.lines().map(str::to_owned));
        match told.split_once("read on from ") {
            Some((_, next)) => from = next.parse().unwrap(),
            None => break,
        }
    }
    assert_eq!(read.join("\n"), hundred_lines());
}

#[tokio::test]
async fn what_cannot_be_read_is_said_to_the_model() {
    let (artifacts, uri) = kept(&"x".repeat(3000)).await;
    let (text, wrong) = ask(&artifacts, "artifact_read", json!({"uri": uri})).await;
    assert!(
        !wrong && text.contains("1024 of 3000 bytes of line 1 of 1"),
        "{text}"
    );
    for (tool, arguments, says) in [
        (
            "artifact_read",
            json!({"uri": uri, "from": 2}),
            "there are 1 lines",
        ),
        (
            "artifact_read",
            json!({"uri": uri, "from": 2, "to": 1}),
            "before `from`",
        ),
        (
            "artifact_read",
            json!({"uri": uri, "line": 2}),
            "unknown field `line`",
        ),
        ("artifact_read", json!({}), "missing field `uri`"),
        ("artifact_search", json!({"uri": uri}), "one of them"),
        (
            "artifact_search",
            json!({"uri": uri, "query": " "}),
            "no words",
        ),
        (
            "artifact_search",
            json!({"uri": uri, "regex": "("}),
            "not an expression",
        ),
        (
            "artifact_search",
            json!({"uri": uri, "regex": "(x{1000}){1000}"}),
            "not an expression",
        ),
        ("artifact_write", json!({"uri": uri}), "no such tool"),
    ] {
        let (text, wrong) = ask(&artifacts, tool, arguments.clone()).await;
        assert!(wrong && text.contains(says), "{tool} {arguments}: {text}");
    }
}

#[tokio::test]
async fn another_caller_is_told_no_more_than_of_what_is_not_there() {
    let (artifacts, uri) = kept(&hundred_lines()).await;
    let absent = "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA";
    let (nothing, _) = ask(&artifacts, "artifact_read", json!({"uri": absent})).await;
    for who in [principal("acme", "eve"), principal("other", "ada")] {
        for tool in ["artifact_read", "artifact_outline"] {
            let asked = ask_as(&artifacts, tool, json!({"uri": uri}), who.clone()).await;
            assert_eq!(asked.unwrap(), (nothing.clone(), true));
        }
    }
}

#[tokio::test]
async fn words_and_expressions_are_found_with_their_lines_within_a_budget() {
    let (artifacts, uri) = kept(&hundred_lines()).await;
    let asked = json!({"uri": uri, "query": "ÖL LINE 42"});
    let (text, _) = ask(&artifacts, "artifact_search", asked).await;
    assert_eq!(
        text,
        "42:line 42 is about Öl\n… 1 of 100 lines match; shown 1"
    );

    let asked = json!({"uri": uri, "regex": "^line (7|9) ", "around": 1});
    let (text, _) = ask(&artifacts, "artifact_search", asked).await;
    let numbers: Vec<_> = text
        .lines()
        .map(|line| line.split(" is").next().unwrap())
        .collect();
    let expected = ["6-line 6", "7:line 7", "8-line 8", "9:line 9", "10-line 10"];
    assert_eq!(numbers[..5], expected);

    let asked = json!({"uri": uri, "query": "about", "budget": 64});
    let (text, _) = ask(&artifacts, "artifact_search", asked).await;
    assert!(
        text.len() < 64 * 4 + 60 && text.contains("100 of 100 lines match; shown 1"),
        "{text}"
    );
    let asked = json!({"uri": uri, "query": "nowhere"});
    let (text, wrong) = ask(&artifacts, "artifact_search", asked).await;
    assert_eq!(
        (text.as_str(), wrong),
        ("nothing found in 100 lines", false)
    );
}

#[tokio::test]
async fn an_outline_shows_the_shape_of_json_and_the_headings_of_text() {
    let (artifacts, uri) = kept(r#"{"next":null,"rows":[{"id":1,"name":"a"}]}"#).await;
    let (text, _) = ask(&artifacts, "artifact_outline", json!({"uri": uri})).await;
    let shape = "JSON, 42 bytes, 1 lines\nobject of 2\n  next: null\n  rows: array of 1\n    \
                 [0]: object of 2\n      id: number\n      name: string of 1 bytes\n";
    assert_eq!(text, shape);
    let (artifacts, uri) = kept("# One\n\ntext\n\n## Two\ntext").await;
    let (text, _) = ask(&artifacts, "artifact_outline", json!({"uri": uri})).await;
    assert_eq!(text, "text, 24 bytes, 6 lines\n1: # One\n5: ## Two\n");
}

#[tokio::test]
async fn calls_of_other_modules_pass() {
    let artifacts = Arc::new(artifacts(json!({})));
    let inner = service_fn(|_: Routed| async { Ok::<_, Error>(Reply::complete("{}")) });
    let layer = ArtifactLayer::new(artifacts).with_tools("kept".parse().unwrap());
    let call = call(("tools/call", r#"{"name":"artifact_read"}"#));
    let reply = layer
        .layer(inner)
        .oneshot(to_module("other", call))
        .await
        .unwrap();
    assert_eq!(message(reply), "{}");
}

#[test]
fn each_tool_says_what_it_takes() {
    let tools: Vec<Value> = serde_json::from_str(TOOLS).unwrap();
    for tool in &tools {
        let schema = &tool["inputSchema"];
        assert_eq!(
            (&schema["type"], &schema["additionalProperties"]),
            (&json!("object"), &json!(false))
        );
        assert_eq!(schema["required"], json!(["uri"]));
    }
    assert_eq!(tools.len(), 3);
}
