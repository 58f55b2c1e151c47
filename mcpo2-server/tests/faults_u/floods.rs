//! U04 and U08: modules that say too much.

use std::{fs, time::Duration};

use mcpo2_testkit::raw::{Answer, Canned, RawUpstream, vendor::Era};

use crate::{
    bench::{TOO_LARGE, call, limited},
    support::{
        process::{Mcpo2, path},
        soon,
    },
};

/// The highest that the memory of a process has been, in bytes.
fn peak(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB").trim();
    kib.parse::<usize>().unwrap() * 1024
}

fn endless() -> Vec<(&'static str, Answer)> {
    let (json, events) = ("application/json", "text/event-stream");
    let opening = r#"{"jsonrpc":"2.0","id":"$id","result":{"said":""#;
    let note = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":\"x\"}}\n\n";
    let long = "x".repeat(16 * 1024);
    vec![
        ("endless_text", Answer::endless(json, opening, long.clone())),
        (
            "endless_blanks",
            Answer::endless(json, " ", " ".repeat(16 * 1024)),
        ),
        (
            "ten_gigabytes",
            Answer::endless(json, opening, long.clone())
                .with_header("content-length", "10737418240"),
        ),
        (
            "endless_events",
            Answer::endless(events, note, note.repeat(64)),
        ),
        (
            "endless_event",
            Answer::endless(events, "data: ", long.clone()),
        ),
        (
            "endless_comment",
            Answer::endless(events, ": ", long.clone()),
        ),
        (
            "endless_lines",
            Answer::endless(events, "data: x\n", "data: x\n".repeat(1024)),
        ),
        (
            "endless_comments",
            Answer::endless(events, ": x\n\n", ": x\n\n".repeat(1024)),
        ),
    ]
}

#[tokio::test]
async fn u04_an_answer_without_end_is_cut_off_and_takes_no_memory() {
    const LIMIT: usize = 1 << 20;
    let names = endless()
        .into_iter()
        .map(|(tool, _)| tool)
        .chain(["vendor_call"]);
    let tools: Vec<_> = names
        .map(|tool| serde_json::json!({ "name": tool, "inputSchema": { "type": "object" } }))
        .collect();
    let list = serde_json::json!({ "resultType": "complete", "tools": tools, "ttlMs": 0, "cacheScope": "public" });
    let mut canned =
        Canned::vendor(Era::Modern).with("tools/list", Answer::result(&list.to_string()));
    for (tool, answer) in endless() {
        canned = canned.with_target("tools/call", tool, answer);
    }
    let upstream = RawUpstream::start(canned).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let rules = "policy:\n  rules:";
    let yaml = limited(&upstream.url(), "max_response_bytes: 1MiB")
        .replace(rules, "listen: 127.0.0.1:0\npolicy:\n  rules:");
    let file = dir.path().join("mcpo2.yaml");
    fs::write(&file, yaml).unwrap();
    let mut mcpo2 = Mcpo2::run(&["serve", "--file", &path(&file), "--dir", &path(dir.path())]);
    let address = mcpo2.address().await;
    let all = |tool: &'static str| {
        let ask = move |_| call(address, &format!("module__{tool}")).answer();
        futures_util::future::join_all((0..4).map(ask))
    };
    for answer in all("vendor_call").await {
        assert_eq!(answer.code(), None, "{}", answer.text());
    }
    let before = peak(mcpo2.pid());
    for (tool, _) in endless() {
        for answer in soon(tool, all(tool)).await {
            assert_eq!(answer.code(), TOO_LARGE, "{tool}");
            assert_eq!(answer.json()["id"], 1, "{tool}");
        }
    }
    // Four at once, each of which may be there twice while it grows.
    let grown = peak(mcpo2.pid()).saturating_sub(before);
    assert!(grown < 4 * 4 * LIMIT, "{grown} bytes more");
    // The module is told by the end of its connections.
    let left = |log: &mcpo2_testkit::raw::Log| log.abandoned >= 4 * endless().len();
    soon("the end of all answers", upstream.wait_for(left)).await;
    for answer in all("vendor_call").await {
        assert_eq!(answer.code(), None, "{}", answer.text());
    }
}

/// A stream that goes on in good order, but for ever, has a time.
#[tokio::test]
async fn u04_a_stream_of_comments_has_a_time() {
    let drip = Answer::stream(": here\n\n").and_stay_open();
    let canned = Canned::vendor(Era::Modern).with_target("tools/call", "drip", drip);
    let bench = crate::bench::Bench::new(canned, "timeout: 1s, max_timeout: 1s").await;
    let trickle = mcpo2_testkit::chaos::Act::Trickle(usize::MAX, Duration::from_millis(10));
    bench.chaos.all(
        mcpo2_testkit::chaos::Script::default()
            .down(mcpo2_testkit::chaos::Act::PassUntil("here".into()))
            .down(trickle),
    );
    let answer = bench.call("drip").answer().await;
    assert_eq!(answer.code(), crate::bench::TIMED_OUT, "{}", answer.text());
}
