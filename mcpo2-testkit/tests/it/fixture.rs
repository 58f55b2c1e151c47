//! The conformance suite judges the fixture's answers; this is how it starts, and that both faces
//! answer.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use crate::exchange::Exchange;

/// A child process that is killed when the test ends, however it ends.
struct Running(Child);

impl Running {
    fn start(binary: &str, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(binary).args(arguments))
    }

    fn spawn(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        line
    }

    fn say(&mut self, line: &str) {
        writeln!(self.0.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

const FIXTURE: &str = env!("CARGO_BIN_EXE_mcpo2-fixture");
const RAW_STDIO: &str = env!("CARGO_BIN_EXE_mcpo2-raw-stdio");
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"test_simple_text","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

#[tokio::test]
async fn it_answers_over_http_where_it_says_it_listens() {
    let mut fixture = Running::start(FIXTURE, &["--listen", "127.0.0.1:0"]);
    let line = fixture.line();
    let url = line.trim_end().strip_prefix("listening on ").unwrap();
    let list = CALL.replace("tools/call", "tools/list");
    let response = Exchange::post(url, "tools/list", &list)
        .await
        .read_to_end()
        .await;
    assert!(
        response.contains(r#""name":"test_simple_text""#),
        "{response}"
    );
    assert!(response.contains(r#""ttlMs":60000"#), "{response}");
}

#[test]
fn it_answers_over_stdio() {
    let mut fixture = Running::start(FIXTURE, &["--stdio"]);
    fixture.say(&CALL.replace("tools/call", "server/discover"));
    assert!(fixture.line().contains(r#""supportedVersions":["#));
    fixture.say(CALL);
    assert!(
        fixture
            .line()
            .contains("This is a simple text response for testing.")
    );
}

#[test]
fn the_raw_child_appends_what_it_received_to_its_log() {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/raw-stdio.log");
    std::fs::write(path, "before\n").unwrap();
    let mut command = Command::new(RAW_STDIO);
    let mut raw = Running::spawn(command.env("RAW_LOG", path));
    let line = r#"{ "id":1.0,"vendor":[ 1e2 ],"method":"vendor/method" }"#;
    raw.say(line);
    assert!(raw.line().contains(r#""id":1.0,"#));
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        format!("before\n{line}\n")
    );
}

#[test]
fn the_raw_child_answers_both_openings_and_its_eras_only_one() {
    for (arguments, discovers, initializes) in [
        (&[][..], true, true),
        (&["--modern"], true, false),
        (&["--legacy"], false, true),
    ] {
        let mut raw = Running::start(RAW_STDIO, arguments);
        let mut answers = |method| {
            raw.say(&format!(r#"{{"id":1,"method":"{method}"}}"#));
            raw.line().starts_with(r#"{"result":"#)
        };
        assert_eq!(answers("server/discover"), discovers, "{arguments:?}");
        assert_eq!(answers("initialize"), initializes, "{arguments:?}");
    }
}
