//! Row U13: a module that hangs, floods and forks.
#![cfg(all(feature = "stdio", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod shell;

use std::{fs, path::Path, time::Duration};

use mcpo2_core::ErrorKind;
use mcpo2_route::upstream::{
    ClientInfo, Limits, Upstream,
    stdio::{Command, StdioUpstream},
};

use shell::{module, open, runs, until};

#[tokio::test]
async fn u13_a_child_that_hangs_before_it_greets_is_killed_and_so_is_what_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let script = format!(
        "trap '' TERM; sleep 1000 & echo $$ $! > {0}.new; mv {0}.new {0}; while :; do sleep 1000; done",
        pids.display()
    );
    let mut limits = Limits::default();
    limits.connect = Duration::from_secs(2);
    let command = Command::new("/bin/sh").args(["-c", &script]);
    let upstream = StdioUpstream::new(command, ClientInfo::default(), limits);
    let error = upstream.open(None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    until("it never started", || pids.exists()).await;
    let pids = fs::read_to_string(pids).unwrap();
    until("it hangs on", || !pids.split_whitespace().any(runs)).await;
    let leader = format!("/proc/{}", pids.split_whitespace().next().unwrap());
    until("it is not reaped", || !Path::new(&leader).exists()).await;
}

#[tokio::test]
async fn u13_a_child_that_floods_both_ways_and_reads_nothing_is_ended_all_the_same() {
    let flood = "trap '' PIPE; while :; do printf '%01000d\\n' 0; printf '%01000d\\n' 0 >&2; done";
    let upstream = module(flood);
    let link = open(&upstream).await;
    // It hears nothing: its input fills up, and who writes there has to wait, but not for ever.
    let long = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/x","params":"{}"}}"#,
        "x".repeat(1 << 20)
    );
    let sent = tokio::time::timeout(Duration::from_millis(200), link.send(long.into())).await;
    drop(sent);
    until("nothing of the flood is kept", || {
        !upstream.stderr().is_empty()
    })
    .await;
    assert!(upstream.stderr().len() <= 64 * 1024);
    let closed = tokio::time::timeout(Duration::from_secs(30), link.close()).await;
    assert!(closed.is_ok(), "it could not be ended");
}

#[tokio::test]
async fn u13_who_leaves_the_group_is_not_found_but_stays_without_privileges_and_within_limits() {
    // The limit of what is promised, so that it is known when it moves.
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let escape = format!(
        "setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000' </dev/null >/dev/null 2>&1 &\nwhile read -r line; do :; done",
        pid.display()
    );
    let upstream = module(&escape);
    let link = open(&upstream).await;
    until("it did not leave", || pid.exists()).await;
    link.close().await;
    let pid = fs::read_to_string(pid).unwrap();
    let pid = pid.trim();
    assert!(runs(pid), "it is found after all: say so in SECURITY.md");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let cores = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    assert!(cores.unwrap().contains(" 0  "), "{limits}");
    let killed = std::process::Command::new("kill")
        .args(["-9", pid])
        .status();
    assert!(killed.unwrap().success());
}
