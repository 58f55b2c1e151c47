//! What child processes are to the gateway: real ones, of `sh` and `python3`.
#![cfg(all(feature = "stdio", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{path::Path, sync::Arc, time::Duration};

use mcpo2_core::{Body, Error, ErrorKind, Message, ProtocolVersion, Reply, Request};
use mcpo2_route::upstream::{
    ClientInfo, ForwardHeaders, Hello, Limits, Link, Upstream,
    stdio::{Command, StdioUpstream},
};

/// A module with sessions only, whose methods do what each test needs.
const MODULE: &str = r#"
import json, os, subprocess, sys, time
def say(id, result):
    print(json.dumps({"jsonrpc": "2.0", "id": id, "result": result}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    method, id = message.get("method"), message.get("id")
    if method == "initialize":
        say(id, {"protocolVersion": "2025-11-25"})
    elif method == "echo":
        sys.stdout.write('{"jsonrpc":"2.0","id":%s,"result":%s}\n' % (json.dumps(id), line.strip()))
        sys.stdout.flush()
    elif method == "env":
        say(id, dict(os.environ))
    elif method == "pids":
        child = subprocess.Popen(["sleep", "1000"])
        say(id, {"pids": [os.getpid(), child.pid]})
    elif method == "flood":
        for _ in range(2000):
            sys.stderr.write("x" * 1023 + "\n")
        sys.stderr.write("the end\n")
        sys.stderr.flush()
        say(id, {})
    elif method == "deaf":
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say(id, {"pids": [os.getpid()]})
        while True:
            time.sleep(1000)
    elif method == "die":
        os._exit(3)
    elif id is not None:
        print(json.dumps({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no"}}), flush=True)
"#;

fn python() -> Command {
    Command::new("python3").args(["-c", MODULE])
}

fn upstream(command: Command) -> StdioUpstream {
    StdioUpstream::new(command, ClientInfo::default(), Limits::default())
}

fn hello() -> Hello {
    Hello::new(
        r#"{"protocolVersion":"2025-11-25"}"#,
        ProtocolVersion::V2025_11_25,
    )
}

fn request(text: &str) -> Request {
    match Message::parse(text.to_owned()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

async fn ask(link: &dyn Link, method: &str) -> Result<String, Error> {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"n":1}}}}"#);
    let reply = link
        .request(&request(&text), &ForwardHeaders::default())
        .await?;
    Ok(text_of(reply))
}

fn text_of(reply: Reply) -> String {
    match reply.into_body() {
        Body::Complete(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("not complete: {other:?}"),
    }
}

fn pids(answer: &str) -> Vec<u64> {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    let pids = answer["result"]["pids"].as_array().unwrap();
    pids.iter().map(|pid| pid.as_u64().unwrap()).collect()
}

/// Whether a process runs; one that ended and waits for its parent does not.
fn runs(pid: u64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

/// Waits until `done`: processes end when they do, and no test says how fast.
async fn until(done: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(30), async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn bytes_pass_both_ways() {
    let upstream = upstream(python());
    let link = upstream.open(Some(&hello())).await.unwrap();
    let text = r#"{"jsonrpc":"2.0", "method":"echo","params":{"z":1e400,"a":18446744073709551616},"id":"é"}"#;
    let reply = link
        .request(&request(text), &ForwardHeaders::default())
        .await
        .unwrap();
    let expected = format!(r#"{{"jsonrpc":"2.0","id":"é","result":{text}}}"#);
    assert_eq!(text_of(reply), expected);
    link.close().await;
}

#[tokio::test]
async fn each_session_has_a_child_and_calls_without_share_one() {
    let upstream = upstream(python());
    let (one, two) = (hello(), hello());
    let (one, two, shared) = tokio::join!(
        upstream.open(Some(&one)),
        upstream.open(Some(&two)),
        upstream.open(None)
    );
    let links = [one.unwrap(), two.unwrap(), shared.unwrap()];
    let mut leaders = Vec::new();
    for link in &links {
        leaders.push(pids(&ask(&**link, "pids").await.unwrap())[0]);
    }
    leaders.sort_unstable();
    leaders.dedup();
    assert_eq!(leaders.len(), 3);
}

#[tokio::test]
async fn a_child_sees_the_environment_that_is_listed() {
    let command = python().inherit(["PATH"]).env("TOKEN", "t");
    let upstream = upstream(command);
    let link = upstream.open(Some(&hello())).await.unwrap();
    let answer: serde_json::Value =
        serde_json::from_str(&ask(&*link, "env").await.unwrap()).unwrap();
    let env = answer["result"].as_object().unwrap();
    assert_eq!(env["TOKEN"], "t");
    // Cargo sets the last one for every test.
    for secret in ["HOME", "USER", "CARGO_MANIFEST_DIR"] {
        assert!(!env.contains_key(secret), "{secret}");
    }
}

#[tokio::test]
async fn closing_ends_the_child_and_what_it_started_and_leaves_no_zombie() {
    let upstream = upstream(python());
    let link = upstream.open(Some(&hello())).await.unwrap();
    let pids = pids(&ask(&*link, "pids").await.unwrap());
    assert!(pids.iter().all(|&pid| runs(pid)));
    link.close().await;
    let leader = format!("/proc/{}", pids[0]);
    assert!(!Path::new(&leader).exists(), "not reaped");
    until(|| pids.iter().all(|&pid| !runs(pid))).await;
}

#[tokio::test]
async fn dropping_a_link_ends_the_child_too() {
    let upstream = upstream(python());
    let link = upstream.open(Some(&hello())).await.unwrap();
    let pids = pids(&ask(&*link, "pids").await.unwrap());
    drop(link);
    until(|| pids.iter().all(|&pid| !runs(pid))).await;
    let leader = format!("/proc/{}", pids[0]);
    until(|| !Path::new(&leader).exists()).await;
}

#[tokio::test]
async fn a_child_that_hears_nothing_is_killed() {
    let upstream = upstream(python());
    let link = upstream.open(Some(&hello())).await.unwrap();
    let pids = pids(&ask(&*link, "deaf").await.unwrap());
    link.close().await;
    assert!(!runs(pids[0]));
}

#[tokio::test]
async fn a_flood_on_standard_error_blocks_nothing_and_keeps_its_end() {
    let upstream = upstream(python());
    let link = upstream.open(Some(&hello())).await.unwrap();
    ask(&*link, "flood").await.unwrap();
    until(|| upstream.stderr().ends_with(b"the end\n")).await;
    assert_eq!(upstream.stderr().len(), 64 * 1024);
}

#[tokio::test]
async fn a_child_that_ends_in_a_call_fails_it_and_starts_anew() {
    let upstream = upstream(python());
    let link = upstream.open(None).await.unwrap();
    assert_eq!(
        ask(&*link, "die").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(!link.is_open());
    let again = upstream.open(None).await.unwrap();
    ask(&*again, "echo").await.unwrap();
}

#[tokio::test]
async fn what_cannot_start_is_unavailable_and_waits_longer_each_time() {
    let mut limits = Limits::default();
    limits.connect = Duration::ZERO;
    let missing = Command::new("/does/not/exist");
    let upstream = StdioUpstream::new(missing, ClientInfo::default(), limits);
    let first = upstream.open(None).await.unwrap_err();
    assert_eq!(first.kind(), ErrorKind::Unavailable);
    let source = |error: &Error| std::error::Error::source(error).unwrap().to_string();
    assert!(
        source(&first).contains("No such file"),
        "{}",
        source(&first)
    );
    // The second start would have to wait, and there is no time to.
    let second = upstream.open(None).await.unwrap_err();
    assert!(source(&second).contains("starts again later"));
    assert!(!format!("{first}{second}").contains("exist"));
}

#[tokio::test]
async fn many_restarts_leave_nothing_behind() {
    let upstream = Arc::new(upstream(python()));
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    upstream.open(Some(&hello())).await.unwrap().close().await;
    let before = open_files();
    for _ in 0..20 {
        let link = upstream.open(Some(&hello())).await.unwrap();
        link.close().await;
    }
    // Other tests of this process open files at the same time, one for each leak would be more.
    until(|| open_files() < before + 40).await;
}
