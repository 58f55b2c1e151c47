//! What `mcpo2 policy` says, to people and to tools, and how it exits.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/in_order.rs"]
mod in_order;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use mcpo2_audit::{CallRecord, Ledger, Options};
use mcpo2_core::Digest;
use serde_json::json;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy-cli")
}

/// A command line with what came of it.
fn transcript(dir: &Path, line: &str) -> String {
    let arguments = line.split(' ').map(|word| word.replace('~', " "));
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpo2"));
    let output = command
        .env("COLUMNS", "100")
        .current_dir(dir)
        .args(arguments)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    let out = in_order::in_order(&out);
    let err = match err.is_empty() {
        true => err,
        false => format!("on standard error:\n{err}"),
    };
    format!(
        "$ mcpo2 {line}\n{out}{err}exit {}\n",
        output.status.code().unwrap()
    )
}

/// Compares the transcripts of these lines with those that were kept.
#[track_caller]
fn assert_kept(name: &str, lines: &[&str]) {
    assert_kept_in(&fixtures(), name, lines);
}

/// The same, where the files are in this directory.
#[track_caller]
fn assert_kept_in(dir: &Path, name: &str, lines: &[&str]) {
    let said: Vec<String> = lines.iter().map(|line| transcript(dir, line)).collect();
    let (said, path) = (
        said.join("\n"),
        fixtures().join(name).with_extension("expected"),
    );
    if std::env::var_os("MCPO2_UPDATE").is_some() {
        fs::write(&path, &said).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let hint = "run the test with MCPO2_UPDATE=1 and look at the difference";
    assert_eq!(kept, said, "{}: {hint}", path.display());
}

#[test]
fn tests_are_run_and_what_they_leave_out_is_named() {
    assert_kept(
        "test",
        &[
            "policy test --file mcpo2.yaml",
            "policy test --file mcpo2.yaml --coverage",
            "policy test --bundle failing.yaml",
            "policy test --bundle failing.yaml --coverage --format json",
            "policy test --bundle old.yaml",
        ],
    );
}

#[test]
fn a_request_is_explained_from_flags_or_a_file() {
    assert_kept(
        "explain",
        &[
            "policy explain --file mcpo2.yaml --tool git__get_log --role builder --tenant globex",
            "policy explain --file mcpo2.yaml --tool git__get_log --role none --tenant acme",
            "policy explain --file mcpo2.yaml --tool scan__run --tenant globex",
            "policy explain --file mcpo2.yaml --request request.yaml",
            "policy explain --file mcpo2.yaml --request request.yaml --format json",
            "policy explain --bundle old.yaml --tool x --module git --family engineering --tier 2",
            "policy explain --bundle old.yaml --request broken-request.json",
        ],
    );
}

#[test]
fn what_is_suspicious_is_found() {
    assert_kept(
        "lint",
        &[
            "policy lint --file mcpo2.yaml",
            "policy lint --bundle suspicious.yaml --catalogue catalogue.yaml",
            "policy lint --bundle old.yaml suspicious.yaml --format json",
            "policy lint --bundle old.yaml",
            "policy lint --bundle new.yaml --catalogue catalogue.yaml",
        ],
    );
}

#[test]
fn two_policies_are_compared() {
    let with = "--catalogue catalogue.yaml --subjects subjects.yaml";
    let line = |old: &str, more: &str| format!("policy diff {old} new.yaml {with}{more}");
    let lines = [
        line("old.yaml", ""),
        line("old.yaml", " --environment production --format json"),
        line("new.yaml", ""),
        line("mcpo2.yaml", ""),
    ];
    assert_kept("diff", &lines.each_ref().map(String::as_str));
}

#[test]
fn who_may_call_a_tool_is_told() {
    assert_kept(
        "who-can",
        &[
            "policy who-can git__push --file mcpo2.yaml --catalogue catalogue.yaml --subjects subjects.yaml",
            "policy who-can git__push --file mcpo2.yaml --catalogue catalogue.yaml --subjects subjects.yaml --format json",
            "policy who-can scan__run --bundle old.yaml --catalogue catalogue.yaml --subjects subjects.yaml",
            "policy who-can git__puhs --bundle old.yaml --catalogue catalogue.yaml --subjects subjects.yaml",
            "policy who-can anything --bundle old.yaml --subjects subjects.yaml",
            "policy who-can git__get_log --file mcpo2.yaml --subjects subjects.yaml",
        ],
    );
}

#[test]
fn rules_are_written_in_another_language_where_it_can_say_them() {
    assert_kept(
        "export",
        &[
            "policy export --cedar --bundle old.yaml",
            "policy export --rego --bundle old.yaml",
            "policy export --rego --bundle team.yaml --format json",
            "policy export --rego --file mcpo2.yaml",
            "policy export --bundle old.yaml",
        ],
    );
}

/// A call that was decided by the policy of `old.yaml`, as a ledger has it; `argument_bytes` says
/// whether it had arguments, which are not kept.
fn decided(
    (tenant, id, roles): (&str, Option<&str>, &[&str]),
    (method, item): (&str, Option<(&str, Option<&str>)>),
    family: Option<&str>,
    argument_bytes: u64,
    decided: Option<(&str, &[&str])>,
) -> CallRecord {
    let digest = Digest::of(b"something").to_string();
    let basis = if family.is_some() {
        "registry"
    } else {
        "nothing"
    };
    let mut facts = vec![json!({ "classified": { "family": family, "basis": basis } })];
    if let Some((effect, rules)) = decided {
        facts.push(json!({ "decided": {
            "effect": effect, "rules": rules, "reason": "so it was",
            "bundle": Digest::of(b"old").to_string(),
        } }));
    }
    let call = json!({
        "principal": {
            "tenant": tenant, "id": id, "pseudonym": "unnamed", "kind": "user",
            "auth": "api_key", "roles": roles,
        },
        "request": {
            "version": "2026-07-28", "method": method, "bytes": 200,
            "item": item.map(|(kind, name)| json!({ "kind": kind, "name": name })),
            "argument_bytes": argument_bytes, "digest": digest,
        },
        "family": family,
        "facts": facts,
        "end": { "outcome": "ok", "messages": 1, "bytes": 9, "duration_us": 5 },
    });
    serde_json::from_value(call).unwrap()
}

/// A ledger of what two tenants did.
fn write_ledger(dir: &Path) {
    let (ada, bob) = (
        ("acme", Some("ada"), &["builder"][..]),
        ("acme", Some("bob"), &["reader"][..]),
    );
    let gone = ("globex", None, &[][..]);
    let tool = |name| ("tools/call", Some(("tool", Some(name))));
    let allowed: Option<(&str, &[&str])> = Some(("allow", &["engineering"]));
    let denied: Option<(&str, &[&str])> = Some(("deny", &[]));
    let protocol: Option<(&str, &[&str])> = Some(("allow", &["sys:protocol"]));
    let engineering = Some("engineering");
    let calls = [
        decided(ada, tool("git__push"), engineering, 20, allowed),
        decided(ada, tool("git__push"), engineering, 20, allowed),
        decided(ada, tool("scan__run"), Some("security"), 0, denied),
        decided(bob, tool("git__get_log"), engineering, 0, allowed),
        decided(bob, tool("git__get_log"), engineering, 0, allowed),
        decided(bob, tool("scan__run"), Some("security"), 0, denied),
        decided(gone, tool("git__get_log"), engineering, 2, allowed),
        decided(
            gone,
            ("resources/read", Some(("resource", None))),
            engineering,
            0,
            allowed,
        ),
        decided(ada, ("tools/list", None), None, 0, protocol),
        decided(ada, ("subscriptions/listen", None), None, 0, protocol),
        decided(ada, tool("git__none"), None, 0, None),
    ];
    let options = Options::default().with_heartbeat(None);
    let ledger = Ledger::open(dir.join("ledger"), options).unwrap();
    for call in calls {
        ledger.append(call).unwrap();
    }
    ledger.close().unwrap();
}

#[test]
fn what_was_decided_is_decided_again() {
    let dir = copy(&[
        "old.yaml",
        "new.yaml",
        "named.yaml",
        "mcpo2.yaml",
        "team.yaml",
    ]);
    write_ledger(dir.path());
    assert_kept_in(
        dir.path(),
        "replay",
        &[
            "policy replay --ledger ledger --all-tenants --bundle old.yaml",
            "policy replay --ledger ledger --all-tenants --bundle old.yaml --strict",
            "policy replay --ledger ledger --all-tenants --bundle new.yaml",
            "policy replay --ledger ledger --all-tenants --bundle new.yaml --environment production",
            "policy replay --ledger ledger --tenant acme --bundle new.yaml --environment dev --format json",
            "policy replay --ledger ledger --all-tenants --bundle named.yaml",
            "policy replay --ledger ledger --all-tenants --file mcpo2.yaml",
            "policy replay --ledger ledger --tenant globex --file mcpo2.yaml --fail-on newly-allowed",
            "policy replay --ledger ledger --tenant acme --file mcpo2.yaml --fail-on newly-denied -n 1",
            "policy replay --ledger ledger --tenant acme --bundle new.yaml --until 2020-01-01T00:00:00Z",
            "policy replay --ledger ledger --bundle new.yaml",
            "policy replay --ledger nowhere --all-tenants --bundle new.yaml",
        ],
    );
}

#[test]
fn what_cannot_be_read_is_said_to_be_so() {
    assert_kept(
        "unreadable",
        &[
            "policy test --bundle nowhere.yaml",
            "policy test --file nowhere.yaml",
            "policy lint --bundle broken.yaml",
            "policy lint --bundle wrong.yaml",
            "policy explain --bundle wrong.yaml --tool x",
            "policy explain --bundle old.yaml",
            "policy explain --bundle old.yaml --tool x --kind robot",
            "policy diff old.yaml new.yaml --catalogue subjects.yaml --subjects subjects.yaml",
            "policy test",
            "policy test --file mcpo2.yaml --bundle old.yaml",
        ],
    );
}

#[test]
fn the_help_says_what_there_is() {
    let names = [
        "test", "explain", "lint", "fmt", "diff", "replay", "who-can",
    ];
    let lines: Vec<String> = names
        .iter()
        .map(|name| format!("policy {name} --help"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_kept("help", &[&["policy --help"], &lines[..]].concat());
}

/// A copy of these fixtures, to be written to.
fn copy(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in names {
        fs::copy(fixtures().join(name), dir.path().join(name)).unwrap();
    }
    dir
}

#[test]
fn a_file_is_written_in_one_form_and_then_stays() {
    let dir = copy(&["messy.yaml", "new.yaml"]);
    let (line, file) = (
        "policy fmt --bundle messy.yaml",
        dir.path().join("messy.yaml"),
    );
    let before = fs::read_to_string(&file).unwrap();
    let check = transcript(dir.path(), &format!("{line} --check"));
    assert!(
        check.contains("would change  messy.yaml\nexit 1"),
        "{check}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let said = transcript(dir.path(), line);
    assert!(said.contains("written  messy.yaml\nexit 0"), "{said}");
    let after = fs::read_to_string(&file).unwrap();
    assert_eq!(
        after,
        "# Of the team.\n\nid: messy\nlevel: tenant\ntenants:\n  - acme\nmode: enforce\nrules:\n  \
         - id: a\n    effect: allow\n    tools:\n      - git__*\n      - git__log\n    arguments:\n      \
         - pointer: /path\n        glob: /srv/**\n    reason: \"yes\"\n"
    );
    let again = transcript(dir.path(), &format!("{line} --check --format json"));
    assert!(
        again.contains("\"changed\": false") && again.ends_with("exit 0\n"),
        "{again}"
    );
    let flat = transcript(dir.path(), "policy fmt --bundle new.yaml");
    assert!(flat.ends_with("exit 0\n"), "{flat}");
    let lint = transcript(dir.path(), "policy lint --bundle new.yaml");
    assert!(lint.ends_with("exit 0\n"), "{lint}");
}

#[test]
fn comments_are_not_lost_unless_that_is_wanted() {
    let dir = copy(&["commented.yaml"]);
    let (line, file) = (
        "policy fmt --bundle commented.yaml",
        dir.path().join("commented.yaml"),
    );
    let before = fs::read_to_string(&file).unwrap();
    let refused = transcript(dir.path(), line);
    assert!(
        refused.contains("--force") && refused.ends_with("exit 2\n"),
        "{refused}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    fs::write(dir.path().join("commented.yaml.minisig"), "x").unwrap();
    let forced = transcript(dir.path(), &format!("{line} --force"));
    assert!(
        forced.contains("signed anew") && forced.ends_with("exit 0\n"),
        "{forced}"
    );
    assert!(!fs::read_to_string(&file).unwrap().contains('#'));
}

#[test]
fn of_a_configuration_the_bundles_are_written() {
    let dir = copy(&["mcpo2.yaml", "team.yaml"]);
    let before = fs::read_to_string(dir.path().join("mcpo2.yaml")).unwrap();
    let said = transcript(dir.path(), "policy fmt --file mcpo2.yaml");
    assert!(said.contains("written  team.yaml"), "{said}");
    assert_eq!(
        fs::read_to_string(dir.path().join("mcpo2.yaml")).unwrap(),
        before
    );
    let test = transcript(dir.path(), "policy test --file mcpo2.yaml");
    assert!(test.ends_with("exit 0\n"), "{test}");
}
