//! The commands of AUDIT.md do what it says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

const PAGE: &str = include_str!("../../AUDIT.md");

fn shell(dir: &Path, script: &str) -> Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_mcpo2")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    Command::new("bash")
        .args(["-c", script])
        .current_dir(dir)
        .env("PATH", format!("{}:{path}", bin.display()))
        .output()
        .unwrap()
}

/// What a script prints that has to succeed.
fn succeeds(dir: &Path, script: &str) -> String {
    let output = shell(dir, script);
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Commands, each with what it prints and its exit code.
fn commands(page: &str) -> Vec<(String, Vec<String>, i32)> {
    let mut commands: Vec<(String, Vec<String>, i32)> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                commands.push((command.to_owned(), Vec::new(), 0));
                continue;
            }
            let (_, printed, code) = commands.last_mut().unwrap();
            match line
                .strip_prefix("[exit ")
                .and_then(|it| it.strip_suffix(']'))
            {
                Some(exit) => *code = exit.parse().unwrap(),
                None => printed.push(line.to_owned()),
            }
        }
    }
    commands
}

/// Whether the text is what the page shows, where `…` stands for anything.
fn is_shown(text: &str, shown: &str) -> bool {
    let mut rest = text;
    for (number, part) in shown.split('…').enumerate() {
        match rest.find(part) {
            Some(0) => rest = &rest[part.len()..],
            Some(at) if number > 0 => rest = &rest[at + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || shown.ends_with('…')
}

#[test]
fn what_the_page_shows_happens() {
    let commands = commands(PAGE);
    assert!(commands.len() > 15);
    let dir = tempfile::tempdir().unwrap();
    let mut said_before = String::new();
    for (command, printed, code) in commands {
        // Variables live on from command to command.
        let output = shell(dir.path(), &format!("{said_before}{command}"));
        let out = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{command}: {output:?}");
        if let Some(first) = printed.first() {
            assert!(
                is_shown(out.lines().next().unwrap(), first),
                "{command}: {out}"
            );
        }
        if command.starts_with("KEY=") {
            said_before = format!("{command}; ");
        }
    }
}

#[test]
fn records_are_shown_searched_proved_and_exported() {
    let temp = tempfile::tempdir().unwrap();
    let run = |script: &str| succeeds(temp.path(), script);
    run("mcpo2 demo --dir demo");
    let denied = run("mcpo2 audit query demo/ledger --all-tenants --outcome denied --format json");
    let rows: Vec<Value> = denied
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert!(rows.len() >= 2, "{denied}");
    assert!(rows.iter().all(|row| row["effect"] == "deny"));
    let globex = run("mcpo2 audit query demo/ledger --tenant globex --format json");
    assert!(
        globex.lines().count() > 1 && !globex.contains("\"acme\""),
        "{globex}"
    );
    let no_scope = shell(temp.path(), "mcpo2 audit query demo/ledger");
    assert_eq!(no_scope.status.code(), Some(2));

    let seq = rows[0]["seq"].to_string();
    let shown: Value =
        serde_json::from_str(&run(&format!("mcpo2 audit show demo/ledger {seq}"))).unwrap();
    assert_eq!(shown["record"]["id"], rows[0]["id"]);
    run(&format!(
        "mcpo2 audit prove demo/ledger {seq} --out proof --field /principal/id"
    ));
    let fields = std::fs::read_to_string(temp.path().join(format!("proof/{seq}.fields.json")));
    let fields: Value = serde_json::from_str(&fields.unwrap()).unwrap();
    assert_eq!(
        fields[0]["value"],
        format!("\"{}\"", rows[0]["principal"].as_str().unwrap())
    );

    for format in ["jsonl", "ocsf", "cef", "otlp"] {
        let export = format!(
            "mcpo2 audit export demo/ledger --all-tenants --to {format} --out {format} --cursor {format}.at"
        );
        run(&export);
        let first = std::fs::read(temp.path().join(format)).unwrap();
        run(&export);
        assert_eq!(
            std::fs::read(temp.path().join(format)).unwrap(),
            first,
            "nothing twice"
        );
    }
    let theirs = run("mcpo2 audit export demo/ledger --tenant globex --to jsonl");
    assert!(theirs.contains("dora") && !theirs.contains("\"ana\""));
    run("mcpo2 audit reindex demo/ledger --check");
    run("mcpo2 audit reindex demo/ledger");
}

#[test]
fn person_is_erased_keys_change_and_all_still_verifies() {
    let temp = tempfile::tempdir().unwrap();
    let run = |script: &str| succeeds(temp.path(), script);
    run("mcpo2 demo --dir demo");
    let before = run("mcpo2 audit query demo/ledger --all-tenants --principal dora --format json");
    assert!(before.lines().count() > 2);
    run("mcpo2 audit rotate demo/ledger");
    run(
        "mcpo2 audit erase demo/ledger --tenant globex --principal dora --basis 'GDPR art. 17' --by dpo",
    );
    let after = run("mcpo2 audit query demo/ledger --all-tenants --principal dora --format json");
    assert_eq!(after, "");
    assert!(!run("mcpo2 audit tail -n 100 demo/ledger").contains("dora"));
    assert!(run("mcpo2 audit verify demo/ledger").contains("of 2 keys"));
    run("mcpo2 audit reindex demo/ledger --check");
    run("mcpo2 audit hold demo/ledger --reason 'case 7' --by legal");
    let held = "mcpo2 audit erase demo/ledger --tenant acme --principal ana --basis law --by dpo";
    assert_eq!(shell(temp.path(), held).status.code(), Some(1));
}

#[test]
fn progress_is_drawn_at_a_terminal_and_nowhere_else() {
    let temp = tempfile::tempdir().unwrap();
    succeeds(temp.path(), "mcpo2 demo --dir demo");
    // Standard error is a terminal within `script`, which prints what is drawn there.
    let drawn = |command: &str| {
        let script = format!("TERM=xterm script -qec '{command} > out' /dev/null < /dev/null");
        succeeds(temp.path(), &script)
    };
    for (command, doing) in [
        ("mcpo2 audit verify demo/ledger", "verifying"),
        ("mcpo2 audit reindex demo/ledger", "indexing"),
        ("mcpo2 audit reindex demo/ledger --check", "comparing"),
        (
            "mcpo2 audit export demo/ledger --all-tenants --to cef",
            "exporting",
        ),
        ("mcpo2 audit query demo/ledger --all-tenants", "catching up"),
        (
            "mcpo2 audit hold demo/ledger --reason law --by dpo",
            "recording",
        ),
    ] {
        let seen = drawn(command);
        assert!(seen.contains(doing), "{command}: {seen:?}");
        let quiet = drawn(&format!("{command} --quiet"));
        assert!(!quiet.contains(doing), "{command}: {quiet:?}");
        let piped = shell(temp.path(), command);
        assert!(
            !String::from_utf8(piped.stderr).unwrap().contains(doing),
            "{command}"
        );
    }
    let verify = drawn("mcpo2 audit verify demo/ledger");
    // 19 of the demo, and three that said to hold.
    assert!(verify.contains(" of 22 records"), "{verify:?}");
    let for_tools = drawn("mcpo2 audit verify demo/ledger --format json");
    assert!(!for_tools.contains("verifying"), "{for_tools:?}");
}
