//! A module that is a process of its own, and fetches what it is given a URL of.

use std::{
    io::{BufRead as _, Read as _, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
};

use http::StatusCode;
use mcpo2_server::config;
use serde_json::{Value, json};

use crate::{
    house::{House, content},
    support::{
        self, PATIENT,
        client::{Answer, modern, stateless},
        fact, files,
        process::{Mcpo2, path},
        scripted::heard,
    },
};

/// The module itself, which answers with what is at the URL in its argument `file`; nothing where
/// this is not its process.
#[test]
fn fetching_child_serves() {
    let Some(log) = std::env::var_os("FETCH_LOG") else {
        return;
    };
    let open = |path: &Path| {
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true).open(path).unwrap()
    };
    let (mut out, mut log) = (open(Path::new("/dev/fd/3")), open(Path::new(&log)));
    for line in std::io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = match message["method"].as_str().unwrap_or_default() {
            "initialize" => json!({ "result": {
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "fetcher", "version": "1" },
            } }),
            "tools/list" => {
                json!({ "result": { "tools": [
                    { "name": "fetch", "inputSchema": { "type": "object" } },
                ] } })
            }
            "tools/call" => {
                writeln!(log, "{message}").unwrap();
                let url = message["params"]["arguments"]["file"].as_str().unwrap();
                let text = format!("{} bytes", fetch(url).len());
                json!({ "result": { "content": [{ "type": "text", "text": text }] } })
            }
            _ if message["id"].is_null() => continue,
            _ => json!({ "error": { "code": -32601, "message": "no" } }),
        };
        let mut answer = answer;
        answer["jsonrpc"] = "2.0".into();
        answer["id"] = message["id"].clone();
        writeln!(out, "{answer}").unwrap();
    }
}

/// What is at this URL, asked for without a key.
fn fetch(url: &str) -> Vec<u8> {
    let rest = url.strip_prefix("http://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    answer.split_off(end + 4)
}

/// What configures that module, with this log.
fn module(log: &Path) -> String {
    let program = std::env::current_exe().unwrap();
    let script = r#"FETCH_LOG="$1" exec "$0" --exact urls::fetching_child_serves --nocapture 3>&1 1>/dev/null"#;
    let args = json!(["-c", script, path(&program), path(log)]);
    format!(
        "modules:\n  - id: fetcher\n    family: data\n    approval: approved\n    \
         stdio: {{ command: sh, args: {args} }}\n    \
         references: {{ tools: [fetch], as: url, max_bytes: 2000, valid_seconds: 60 }}\n{PATIENT}"
    )
}

async fn call(at: SocketAddr, key: &str, uri: &str) -> Answer {
    let params = format!(
        r#""name":"fetcher__fetch","arguments":{}"#,
        json!({ "file": uri })
    );
    let body = stateless("1", "tools/call", &params);
    modern(at, body).key(key).answer().await
}

#[tokio::test]
async fn module_fetches_what_its_caller_names_and_nobody_else_learns_the_url() {
    let log = tempfile::tempdir().unwrap();
    let log = log.path().join("log");
    let house = House::new(&module(&log)).await;
    let file = path(&house.file());
    let mut gateway = Mcpo2::run_verbose(&["serve", "-f", &file, "--listen", "127.0.0.1:0"]);
    let at = gateway.address().await;
    gateway.read_on();

    let uri = house.put(at, &content(1500)).await;
    let long = house.put(at, &content(2001)).await;
    let called = call(at, &house.ada, &uri).await;
    assert_eq!(called.status, StatusCode::OK, "{}", called.text());
    let text = &called.json()["result"]["content"][0]["text"];
    assert_eq!(text, "1500 bytes", "{}", called.text());

    // What goes wrong does so before the module hears of it.
    for (key, uri) in [
        (&house.ada, format!("{uri}?bytes=0-1500")),
        (&house.ada, long),
        (&house.ben, uri),
    ] {
        let refused = call(at, key, &uri).await;
        assert!(refused.code().is_some(), "{}", refused.text());
    }
    let heard = heard(&log);
    assert_eq!(heard.len(), 1);
    let url = heard[0]["params"]["arguments"]["file"].as_str().unwrap();
    assert!(url.contains("X-Amz-Expires=60&"), "{url}");

    gateway.signal("TERM");
    let (status, said) = gateway.ended().await;
    assert!(status.success());
    assert!(said.contains("TRACE"));
    let (_, signature) = url.split_once("X-Amz-Signature=").unwrap();
    let ledger = house.dir.path().join("ledger");
    for file in files(&ledger) {
        let bytes = std::fs::read(file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(signature) && !text.contains("X-Amz"));
    }
    assert!(!said.contains(signature));
    let records = mcpo2_audit::calls(ledger).unwrap();
    let calls = support::calls(records.map(|entry| entry.unwrap().record).collect());
    let call = calls
        .iter()
        .find(|call| &*call.request.method == "tools/call");
    let passed = fact(call.unwrap(), "passed");
    assert_eq!(passed["range"], json!([0, 1500]));
    assert_eq!(passed["form"], "url");
}

#[tokio::test]
async fn gateway_that_can_make_no_urls_does_not_start() {
    let log = Path::new("log");
    let house = House::new(&module(log)).await;
    let text = std::fs::read_to_string(house.file()).unwrap();
    let sealed = text.replace("authority: gw.example", "seal: true");
    let dir = house.dir.path();
    let checked = |text: &str| config::check_text("a.yaml", dir, text, &|_| None).diagnostics;
    assert!(!checked(&text).has_errors(), "{}", checked(&text));
    let (before, rest) = text.split_once("  bucket:\n").unwrap();
    let (_, modules) = rest.split_once("modules:").unwrap();
    let files = format!("{before}modules:{modules}");
    for (text, said) in [(sealed, "seals"), (files, "has no `bucket`")] {
        let found = checked(&text);
        let mut errors = found.iter();
        let error = errors.find(|one| one.code == "invalid-references").unwrap();
        assert!(error.message.contains(said), "{found}");
        let (line, at) = (error.source.as_deref(), error.position.unwrap());
        assert!(
            line.unwrap()
                .get(at.column - 1..)
                .unwrap()
                .starts_with("url,")
        );
    }
}
