//! `mcpo2 demo` as a person or a CI job runs it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

fn mcpo2(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_mcpo2"))
        .args(args)
        .output();
    output.unwrap()
}

fn text(output: &Output) -> &str {
    let error = String::from_utf8_lossy(&output.stderr);
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}\n{text}\n{error}",
        output.status
    );
    text
}

fn ledger(dir: &Path) -> String {
    dir.join("state/ledger").to_str().unwrap().to_owned()
}

#[test]
fn the_demo_shows_every_decision_and_verifies_its_ledger() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("state");
    let output = mcpo2(&["demo", "--dir", dir.to_str().unwrap()]);
    let shown = text(&output);
    for part in [
        "✔ allow",
        "✘ deny",
        "no rule allows it",
        "no-absolute-paths",
        "◌ approval",
        "file-scans-need-a-lead",
        "not_found",
        "sys:own-reference",
        "✘ no call",
        "bytes →",
        "outline:   engineering",
        "✔ a denied tool and an unknown one answer the same",
        "✔ the ledger verifies: 19 records",
    ] {
        assert!(shown.contains(part), "{part} is not in:\n{shown}");
    }
    for line in shown.lines() {
        assert!(!line.starts_with('✘'), "{line}");
        let is_path = line.contains(dir.to_str().unwrap());
        assert!(is_path || line.chars().count() <= 120, "{line}");
    }
    assert!(!shown.contains("\x1b["), "colours without a terminal");
    assert!(!shown.contains("mcpo2_ana_"), "a key is shown");

    let ledger = ledger(temp.path());
    assert!(text(&mcpo2(&["audit", "verify", &ledger])).contains("records 0 to 18 "));
    let config = dir.join("demo.yaml");
    text(&mcpo2(&["check", "-f", config.to_str().unwrap()]));
}

#[test]
fn a_second_demo_goes_on_with_the_same_ledger() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("state");
    for records in ["19 records", "38 records"] {
        let output = mcpo2(&["demo", "--dir", dir.to_str().unwrap()]);
        assert!(text(&output).contains(records), "{}", text(&output));
    }
}

#[test]
fn a_served_demo_answers_a_client_with_the_key_that_it_shows() {
    let temp = tempfile::tempdir().unwrap();
    let mut served = Served::start(&temp.path().join("state"));
    let url = served.find("http://", ['/', ' ']);
    let key = served.find("mcpo2_dora_", [' ', ' ']);
    let body = r#"{"jsonrpc":"2.0","id":"ping-1","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("contrast__check_pair"), "{answer}");
    assert!(!answer.contains("secrets__scan_text"), "{answer}");
}

/// A demo that keeps running; it ends with the test, whatever comes of that.
struct Served {
    child: Child,
    seen: String,
}

impl Served {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcpo2"))
            .args(["demo", "--serve", "--dir", dir.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut seen = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The VS Code snippet is the last that is said.
        while !seen.contains("VS Code") {
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("it ended: {seen}"))
                .unwrap();
            seen.push_str(&line);
            seen.push('\n');
        }
        // What it says after that may be left unread, so the pipe stays open.
        std::thread::spawn(move || lines.count());
        Self { child, seen }
    }

    /// The text that begins like this, to the first of these or a line's end.
    fn find(&mut self, begin: &str, ends: [char; 2]) -> String {
        let at = self
            .seen
            .find(begin)
            .unwrap_or_else(|| panic!("no {begin}: {}", self.seen));
        let (head, rest) = self.seen[at..].split_at(begin.len());
        let end = rest.find([ends[0], ends[1], '\n']).unwrap_or(rest.len());
        format!("{head}{}", &rest[..end])
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
