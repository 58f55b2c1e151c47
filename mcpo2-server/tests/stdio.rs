//! `mcpo2 serve --stdio`: a client on the standard streams, and modules that are child processes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;

use mcpo2_audit::{Event, Outcome, Record};
use serde_json::{Value, json};

use self::support::{
    PATIENT, calls,
    client::{plain, stateless},
    process::{Mcpo2, grandchild, is_alive, path, raw_child},
    rejects, soon, until,
};

fn serve(dir: &Path, log: &Path) -> Mcpo2 {
    let (dir, child) = (path(dir), raw_child(log));
    let mut arguments = vec!["serve", "--stdio", "--dir", &dir, "--"];
    arguments.extend(child.iter().map(String::as_str));
    Mcpo2::run(&arguments)
}

async fn ask(mcpo2: &mut Mcpo2, line: &str) -> Value {
    mcpo2.say(line).await;
    message(&mcpo2.hear().await)
}

/// Whatever stands on standard output is a message.
fn message(line: &str) -> Value {
    let message: Value = serde_json::from_str(&line.replace("1e400", "0")).unwrap();
    assert_eq!(message["jsonrpc"], "2.0", "{line}");
    message
}

fn records(ledger: &Path) -> Vec<Record> {
    mcpo2_audit::verify(ledger).unwrap();
    let entries = mcpo2_audit::calls(ledger).unwrap();
    entries.map(|entry| entry.unwrap().record).collect()
}

const HELLO: &str =
    r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}"#;

/// Ends its input, and sees that nothing else is said and nobody is left.
async fn end(mut mcpo2: Mcpo2, log: &Path) -> String {
    let never_ends = grandchild(log);
    assert!(is_alive(never_ends));
    mcpo2.stdin.take();
    let more = soon("the end of output", mcpo2.stdout.next_line()).await;
    assert_eq!(more.unwrap(), None, "nobody asked for more");
    let (status, said) = mcpo2.ended().await;
    assert_eq!(status.code(), Some(0), "{said}");
    until("the end of the child", || {
        (!is_alive(never_ends)).then_some(())
    })
    .await;
    said
}

#[tokio::test]
async fn both_eras_are_served_and_the_end_of_input_ends_it_all() {
    let dir = tempfile::tempdir().unwrap();
    for era in ["stateless", "session"] {
        let log = dir.path().join(era);
        let mut mcpo2 = serve(dir.path(), &log);
        let answer = match era {
            "stateless" => {
                let params = r#""name":"vendor_call""#;
                ask(&mut mcpo2, &stateless("1", "tools/call", params)).await
            }
            _ => {
                let hello = ask(&mut mcpo2, &plain("\"a\"", "initialize", HELLO)).await;
                assert_eq!(hello["id"], "a");
                assert_eq!(hello["result"]["protocolVersion"], "2025-11-25");
                let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
                mcpo2.say(note).await;
                assert_eq!(ask(&mut mcpo2, &plain("0", "ping", "")).await["id"], 0);
                ask(
                    &mut mcpo2,
                    &plain("1", "tools/call", r#""name":"vendor_call""#),
                )
                .await
            }
        };
        assert_eq!(answer["id"], 1);
        assert_eq!(answer["result"]["content"][0]["type"], "vendor/new");
        let said = end(mcpo2, &log).await;
        for line in said.lines() {
            assert!(
                !line.contains("ERROR") && !line.contains("panicked"),
                "{line}"
            );
        }
    }
    let calls = calls(records(&dir.path().join("ledger")));
    // A record is written when its call ends, and a notification ends whenever it does.
    let mut methods: Vec<_> = calls.iter().map(|call| &*call.request.method).collect();
    methods.sort_unstable();
    let wanted = [
        "initialize",
        "notifications/initialized",
        "ping",
        "tools/call",
        "tools/call",
    ];
    assert_eq!(methods, wanted);
    for call in calls {
        assert_eq!(call.transport.as_deref(), Some("stdio"));
        assert_eq!(call.principal.tenant.as_str(), "local");
        assert_eq!(call.end.outcome, Outcome::Ok);
    }
}

#[tokio::test]
async fn what_is_no_message_is_answered_and_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut mcpo2 = serve(dir.path(), &log);
    let list = stateless("1", "tools/list", "");
    let mut wanted = Vec::new();
    for (line, id, code, reason) in [
        ("hello", json!(null), -32700, "parse_error"),
        (
            &list.replacen(r#""id":1"#, r#""id":1,"id":1"#, 1),
            json!(null),
            -32700,
            "parse_error",
        ),
        (&format!("[{list}]"), json!(null), -32600, "invalid_request"),
        (
            &list.replacen("2.0", "1.0", 1),
            json!(1),
            -32600,
            "invalid_request",
        ),
        (
            &plain("2", "tools/list", ""),
            json!(2),
            -32602,
            "metadata_missing",
        ),
        (
            &list.replacen("2026-07-28", "2099-01-01", 1),
            json!(1),
            -32022,
            "unsupported_version",
        ),
        (
            &plain("3", "initialize", ""),
            json!(3),
            -32602,
            "invalid_params",
        ),
    ] {
        let answer = ask(&mut mcpo2, line).await;
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&id, &code.into()),
            "{line}"
        );
        wanted.push(reason);
    }
    // A response that nobody waits for is recorded, and not answered.
    mcpo2.say(r#"{"jsonrpc":"2.0","id":9,"result":{}}"#).await;
    wanted.push("response_to_nobody");
    // It still serves.
    assert_eq!(ask(&mut mcpo2, &list).await["id"], 1);
    end(mcpo2, &log).await;
    let refused = rejects(records(&dir.path().join("ledger")));
    let reasons: Vec<_> = refused.iter().map(|reject| &*reject.reason).collect();
    assert_eq!(reasons, wanted);
    assert!(refused.iter().all(|reject| reject.transport == "stdio"));
}

#[tokio::test]
async fn what_was_asked_before_the_end_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut mcpo2 = serve(dir.path(), &log);
    for id in ["1", "2", "3"] {
        mcpo2
            .say(&stateless(id, "tools/call", r#""name":"vendor_call""#))
            .await;
    }
    mcpo2.stdin.take();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(message(&mcpo2.hear().await)["id"].as_u64().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3]);
    assert!(mcpo2.ended().await.0.success());
}

#[tokio::test]
async fn what_is_cancelled_ends_and_the_module_hears_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut mcpo2 = serve(dir.path(), &log);
    mcpo2
        .say(&stateless("\"h\"", "tools/call", r#""name":"vendor_hang""#))
        .await;
    let lines = || std::fs::read_to_string(&log).unwrap_or_default();
    until("the call", || lines().contains("vendor_hang").then_some(())).await;
    let cancel =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"h"}}"#;
    mcpo2.say(cancel).await;
    until("the notification", || {
        lines().contains("notifications/cancelled").then_some(())
    })
    .await;
    // Under the id that the module knows.
    let of = |text: &str| {
        let line = lines()
            .lines()
            .find(|line| line.contains(text))
            .unwrap()
            .to_owned();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    let (sent, told) = (of("vendor_hang"), of("notifications/cancelled"));
    assert_eq!(sent["id"], told["params"]["requestId"]);
    assert_eq!(
        ask(&mut mcpo2, &stateless("2", "tools/list", "")).await["id"],
        2
    );
    end(mcpo2, &log).await;
    let calls = calls(records(&dir.path().join("ledger")));
    let hung = calls
        .iter()
        .find(|call| &*call.request.method == "tools/call");
    assert_eq!(hung.unwrap().end.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn two_at_once_in_one_directory_each_keep_a_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let mut first = serve(dir.path(), &one);
    let list = stateless("1", "tools/list", "");
    assert_eq!(ask(&mut first, &list).await["id"], 1);
    let mut second = serve(dir.path(), &two);
    assert_eq!(ask(&mut second, &list).await["id"], 1);
    assert_eq!(ask(&mut first, &list).await["id"], 1);
    end(first, &one).await;
    end(second, &two).await;
    for (ledger, count) in [("ledger", 2), ("ledger-2", 1)] {
        let records = records(&dir.path().join(ledger));
        assert!(matches!(
            records.last().unwrap().event,
            Event::ServerStop(_)
        ));
        assert_eq!(calls(records).len(), count, "{ledger}");
    }
}

#[tokio::test]
async fn a_signal_ends_it_as_the_end_of_input_does() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut mcpo2 = serve(dir.path(), &log);
    assert_eq!(
        ask(&mut mcpo2, &stateless("1", "tools/list", "")).await["id"],
        1
    );
    let never_ends = grandchild(&log);
    mcpo2.signal("TERM");
    let (status, said) = mcpo2.ended().await;
    assert_eq!(status.code(), Some(0), "{said}");
    until("the end of the child", || {
        (!is_alive(never_ends)).then_some(())
    })
    .await;
    records(&dir.path().join("ledger"));
}

#[tokio::test]
async fn a_file_governs_the_standard_streams_too() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let command = raw_child(&log);
    let (program, arguments) = command.split_first().unwrap();
    let stdio = json!({ "command": program, "args": arguments });
    let yaml = format!(
        "version: 1\nmodules: [{{ id: raw, family: design, approval: approved, stdio: {stdio} }}]\n\
         policy: {{ rules: [{{ id: one, effect: allow, tenants: [local], tools: [raw__vendor_call] }}] }}\n{PATIENT}"
    );
    let file = dir.path().join("mcpo2.yaml");
    std::fs::write(&file, yaml).unwrap();
    let mut mcpo2 = Mcpo2::run(&["serve", "-f", &path(&file), "--stdio"]);
    let listed = ask(&mut mcpo2, &stateless("1", "tools/list", "")).await;
    let names: Vec<_> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["raw__vendor_call"]);
    let mut refused = Vec::new();
    for name in ["raw__vendor_error", "raw__vendor_nope_", "vendor_call"] {
        let params = format!(r#""name":"{name}""#);
        let answer = ask(&mut mcpo2, &stateless("2", "tools/call", &params)).await;
        refused.push(answer.to_string().replace(name, "NAME"));
    }
    assert!(refused[0].contains("-32602"));
    assert!(
        refused.iter().all(|answer| *answer == refused[0]),
        "{refused:?}"
    );
    let params = r#""name":"raw__vendor_call""#;
    let answer = ask(&mut mcpo2, &stateless("3", "tools/call", params)).await;
    assert_eq!(answer["result"]["content"][0]["type"], "vendor/new");
    end(mcpo2, &log).await;
    let calls = calls(records(&dir.path().join("ledger")));
    let outcomes: Vec<_> = calls.iter().map(|call| &call.end.outcome).collect();
    let denied = &Outcome::Denied;
    assert_eq!(
        outcomes,
        [&Outcome::Ok, denied, denied, denied, &Outcome::Ok]
    );
    assert!(
        !std::fs::read_to_string(&log)
            .unwrap()
            .contains("vendor_error")
    );
}
