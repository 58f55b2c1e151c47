//! Modules that are scripts of `sh`: they start at once, and misbehave as a test says.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by tests, each of which uses a part"
)]

use std::{fs, sync::Arc, time::Duration};

use mcpo2_core::{ErrorKind, Message, ProtocolVersion};
use mcpo2_route::upstream::{
    ClientInfo, ForwardHeaders, Hello, Limits, Link, Upstream,
    stdio::{Command, StdioUpstream},
};

/// A module that takes next to no time to start. Each ends in another way once it is asked.
pub const GREETING: &str = r#"read -r line
printf '%s\n' '{"jsonrpc":"2.0","id":"mcpo2-1","result":{"protocolVersion":"2025-11-25"}}'
"#;

pub fn module(then: &str) -> StdioUpstream {
    let script = format!("{GREETING}{then}");
    let command = Command::new("/bin/sh").args(["-c", &script]);
    StdioUpstream::new(command, ClientInfo::default(), Limits::default())
}

pub async fn open(upstream: &StdioUpstream) -> Arc<dyn Link> {
    let params = r#"{"protocolVersion":"2025-11-25"}"#;
    let hello = Hello::new(params, ProtocolVersion::V2025_11_25);
    upstream.open(Some(&hello)).await.unwrap()
}

/// Asks for what is never answered.
pub async fn ask(link: &dyn Link) -> ErrorKind {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let Ok(Message::Request(request)) = Message::parse(text) else {
        panic!("no request");
    };
    let asked = link.request(&request, &ForwardHeaders::default()).await;
    asked.unwrap_err().kind()
}

pub async fn until(what: &str, done: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

pub fn runs(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}
