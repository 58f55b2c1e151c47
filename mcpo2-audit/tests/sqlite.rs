//! The index in a file.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use mcpo2_audit::{
    conformance,
    index::{
        Difference, ErrorKind, Index, Indexer, Query, SqliteIndex, TenantScope, check, reindex,
    },
};
use rusqlite::Connection;

mod support;

use support::{Rows, record, rows};

const CHILD: &str = "MCPO2_AUDIT_INDEX_CHILD";

fn open(path: &Path) -> SqliteIndex {
    SqliteIndex::open(path, "acme.example/one").unwrap()
}

#[test]
fn it_keeps_what_every_index_promises() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.sqlite");
    conformance::check(|| open(&path), 96).unwrap();
}

#[test]
fn only_its_owner_reads_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.sqlite");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut index = open(&path);
    index.apply(&rows(0..10)).unwrap();
    let files: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(files.len() > 1, "{files:?}");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn an_index_of_another_ledger_of_a_newer_version_or_damaged_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.sqlite");
    drop(open(&path));
    let refused = |ledger: &str| SqliteIndex::open(&path, ledger).unwrap_err().kind();
    assert_eq!(refused("acme.example/two"), ErrorKind::OtherLedger);
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    assert_eq!(refused("acme.example/one"), ErrorKind::Newer);
    drop(raw);
    fs::write(&path, [7; 4096]).unwrap();
    assert_eq!(refused("acme.example/one"), ErrorKind::Damaged);
    SqliteIndex::remove(&path).unwrap();
    assert_eq!(open(&path).last_indexed().unwrap(), None);
}

/// Attack 11 of the ledger's list: only the index is edited.
#[test]
fn an_edited_index_is_found_and_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.sqlite");
    let mut index = open(&path);
    let mut ledger = Rows::new(0..2000);
    reindex(&mut index, &mut ledger, drop).unwrap();
    let raw = Connection::open(&path).unwrap();
    let column = |seq, column| Some(Difference::Edited { seq, column });
    for (edit, expected) in [
        (
            "UPDATE entry SET outcome = 'ok' WHERE seq = 1502",
            column(1502, "outcome"),
        ),
        (
            "UPDATE entry SET tenant = 'nobody' WHERE seq = 900",
            column(900, "tenant"),
        ),
        (
            "DELETE FROM entry_rule WHERE seq = 302 AND place = 1",
            column(302, "rules"),
        ),
        (
            "DELETE FROM entry WHERE seq = 1999",
            Some(Difference::Missing { seq: 1999 }),
        ),
        (
            "UPDATE entry SET seq = 5000 WHERE seq = 7",
            Some(Difference::Missing { seq: 7 }),
        ),
        (
            "INSERT INTO entry (seq, segment, start, id, kind, time) VALUES \
             (2000, 0, 0, '01a1fbaa-0000-7000-8000-000000000000', 'call', 0)",
            Some(Difference::Extra { seq: 2000 }),
        ),
    ] {
        assert_eq!(raw.execute(edit, []).unwrap(), 1, "{edit}");
        let checked = check(&index, &mut ledger, drop).unwrap();
        assert_eq!(checked.difference, expected, "{edit}");
        reindex(&mut index, &mut ledger, drop).unwrap();
        assert_eq!(check(&index, &mut ledger, drop).unwrap().difference, None);
    }
    raw.execute("UPDATE entry SET id = 'x' WHERE seq = 3", [])
        .unwrap();
    let error = check(&index, &mut ledger, drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("row 3 "), "{error}");
}

#[test]
fn what_was_erased_is_in_no_file_of_it() {
    const SECRET: &str = "ada.lovelace@example.org";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.sqlite");
    let mut index = open(&path);
    let mut call = record(2);
    call["principal"] = serde_json::json!({ "tenant": "acme", "id": SECRET, "pseudonym": "p-1" });
    let item = serde_json::json!({ "kind": "resource", "name": format!("mail://{SECRET}") });
    call["request"]["item"] = item;
    let erase = serde_json::json!({
        "id": support::id(3), "time": "2026-11-21T02:00:00Z", "kind": "erase", "subject": "p-1",
    });
    let row = |seq, record| mcpo2_audit::index::Row::from_json(seq, 0, 0, record).unwrap();
    let holds_it = || {
        let files = fs::read_dir(dir.path())
            .unwrap()
            .map(|it| fs::read(it.unwrap().path()));
        let mut files = files.map(Result::unwrap);
        files.any(|file| {
            file.windows(SECRET.len())
                .any(|part| part == SECRET.as_bytes())
        })
    };
    index.apply(&rows(0..2)).unwrap();
    index.apply(&[row(2, &call)]).unwrap();
    assert!(holds_it());
    // As long as somebody reads what was before, it cannot be overwritten.
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM entry").unwrap();
    index.apply(&[row(3, &erase)]).unwrap();
    assert!(holds_it());
    drop(reader);
    index.apply(&rows(4..5)).unwrap();
    assert!(!holds_it());
}

#[test]
fn who_reads_it_is_not_in_the_way_of_who_follows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.sqlite");
    let (writer, reader) = (open(&path), open(&path));
    let ledger = Rows::new(0..29_999);
    let indexer = Indexer::spawn(Box::new(writer), ledger.clone()).unwrap();
    let mut seen = 0;
    let all = Query::new(TenantScope::All).with_limit(Query::MOST);
    while reader.last_indexed().unwrap() != Some(29_999) {
        let page = reader.query(&all).unwrap();
        assert!(
            page.rows
                .is_sorted_by_key(|found| std::cmp::Reverse(found.row.seq))
        );
        // The last row comes only now, so that some are read while others are still to come.
        if seen == 0 && !page.rows.is_empty() {
            ledger.push(support::row(29_999));
        }
        seen += page.rows.len();
    }
    assert_eq!(
        (
            indexer.stop().is_some(),
            reader.rows(None, 40_000).unwrap().len()
        ),
        (true, 30_000)
    );
}

/// Applies batches until it is killed.
fn write_until_killed(path: &Path) {
    let mut index = open(path);
    loop {
        let next = index.last_indexed().unwrap().map_or(0, |last| last + 1);
        index.apply(&rows(next..next + 50)).unwrap();
        println!("applied {next}");
    }
}

/// The test starts its own binary with a variable set, which makes it the process to kill.
#[test]
fn a_process_that_is_killed_leaves_whole_batches() {
    if let Some(path) = env::var_os(CHILD) {
        return write_until_killed(path.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.sqlite");
    let mut seen = None;
    for round in 1..=10 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("a_process_that_is_killed_leaves_whole_batches")
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let applied = lines
            .map(Result::unwrap)
            .filter(|it| it.starts_with("applied"));
        assert_eq!(applied.take(round * 3).count(), round * 3);
        child.kill().unwrap();
        child.wait().unwrap();
        let index = open(&path);
        let last = index.last_indexed().unwrap();
        assert!(last > seen && last.unwrap() % 50 == 49, "{last:?}");
        let ledger = Rows::new(0..last.unwrap() + 70);
        let checked = check(&index, &mut ledger.clone(), drop).unwrap();
        assert_eq!(
            (checked.rows, checked.difference),
            (last.unwrap() + 1, None)
        );
        seen = last;
    }
}
