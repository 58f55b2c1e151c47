use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::*;

/// Sends requests to a fresh module one by one, in the stateless revision, and gives the answers.
async fn answers(name: &str, root: &Path, requests: &[(&str, Value)]) -> Vec<Value> {
    let name = serde_json::from_value(name.into()).unwrap();
    let InProcess {
        reader,
        mut writer,
        guard: _guard,
    } = Server::new(name, root).start();
    let mut lines = BufReader::new(reader).lines();
    let mut answers = Vec::new();
    for (id, (method, params)) in requests.iter().enumerate() {
        let mut params = params.clone();
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "0" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        writer
            .write_all(format!("{request}\n").as_bytes())
            .await
            .unwrap();
        let line = lines.next_line().await.unwrap().expect("an answer");
        answers.push(serde_json::from_str(&line).unwrap());
    }
    answers
}

fn call(name: &str, arguments: Value) -> (&'static str, Value) {
    (
        "tools/call",
        json!({ "name": name, "arguments": arguments }),
    )
}

#[tokio::test]
async fn every_module_lists_tools_with_schemas_and_annotations() {
    for (name, tools) in [
        ("secrets", vec!["scan_dir", "scan_text"]),
        ("contrast", vec!["audit_css", "check_pair", "suggest"]),
        ("outline", vec!["outline_dir", "outline_file"]),
    ] {
        let requests = [("server/discover", json!({})), ("tools/list", json!({}))];
        let answers = answers(name, Path::new("."), &requests).await;
        assert_eq!(
            answers[0]["result"]["supportedVersions"]
                .as_array()
                .map(Vec::is_empty),
            Some(false),
            "{answers:?}"
        );
        let listed = answers[1]["result"]["tools"].as_array().unwrap();
        let mut names: Vec<_> = listed
            .iter()
            .map(|tool| tool["name"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, tools);
        for tool in listed {
            assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
            let has_schema = tool["outputSchema"]["type"] == "object";
            assert_eq!(has_schema, tool["name"] != "outline_dir", "{tool}");
            assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
            assert!(
                tool["description"]
                    .as_str()
                    .is_some_and(|text| text.len() > 20),
                "{tool}"
            );
        }
    }
}

#[tokio::test]
async fn tools_answer_structured_and_refuse_as_tool_errors() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.py"), "def f(): ...\n").unwrap();
    let requests = [
        call("outline_file", json!({ "path": "a.py" })),
        call("outline_dir", json!({ "path": "/etc" })),
        call("outline_dir", json!({ "path": ".", "other": 1 })),
    ];
    let answers = answers("outline", dir.path(), &requests).await;
    let symbols = json!([{ "kind": "def", "name": "f", "line": 1 }]);
    assert_eq!(
        answers[0]["result"]["structuredContent"]["symbols"],
        symbols
    );
    assert_eq!(answers[1]["result"]["isError"], true);
    assert!(
        answers[1].to_string().contains("not below the root"),
        "{}",
        answers[1]
    );
    assert!(
        answers[2].to_string().contains("unknown field"),
        "{}",
        answers[2]
    );
}

#[tokio::test]
async fn the_rules_are_a_resource_and_the_review_a_prompt() {
    let secrets = [
        ("resources/list", json!({})),
        ("resources/read", json!({ "uri": "secrets://rules" })),
        ("resources/read", json!({ "uri": "secrets://other" })),
    ];
    let answers_of_secrets = answers("secrets", Path::new("."), &secrets).await;
    assert_eq!(
        answers_of_secrets[0]["result"]["resources"][0]["uri"],
        "secrets://rules"
    );
    let text = &answers_of_secrets[1]["result"]["contents"][0]["text"];
    assert!(text.as_str().unwrap().contains("github-token"));
    assert!(answers_of_secrets[2]["error"].is_object());
    let arguments = json!({ "css": "a { color: red }" });
    let prompts = [(
        "prompts/get",
        json!({ "name": "review_contrast", "arguments": arguments }),
    )];
    let answers = answers("contrast", Path::new("."), &prompts).await;
    assert!(
        answers[0].to_string().contains("a { color: red }"),
        "{}",
        answers[0]
    );
}
