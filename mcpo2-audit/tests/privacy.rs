//! What may be forgotten, is; and what was proved, stays proved.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{fs, path::Path, time::Duration};

use mcpo2_audit::{
    Caller, Entry, ErrorKind, Event, Keeping, Ledger, Note, Options, Reject, Source,
    conformance::{DiskFault, ModelDisk},
    read, verify,
};
use mcpo2_core::{AuthMethod, Principal};

fn principal(id: &str) -> Principal {
    let (tenant, id) = ("acme".parse().unwrap(), id.parse().unwrap());
    Principal::new(tenant, id, AuthMethod::ApiKey)
}

fn note(ledger: &Ledger, id: &str) {
    let note = Note::new("session_ended").with_principal(Caller::from(&principal(id)));
    ledger.append(Event::Session(note)).unwrap();
}

fn entries(dir: &Path) -> Vec<Entry> {
    read(dir).unwrap().map(Result::unwrap).collect()
}

fn callers(dir: &Path) -> Vec<(Option<String>, String)> {
    let callers = entries(dir)
        .into_iter()
        .filter_map(|entry| match entry.record.event {
            Event::Session(note) => note.principal,
            _ => None,
        });
    callers
        .map(|it| (it.id.map(|id| id.to_string()), it.pseudonym.unwrap().into()))
        .collect()
}

/// Whether any file of the ledger has this text.
fn has(dir: &Path, text: &str) -> bool {
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if memchr::memmem::find(&fs::read(&path).unwrap(), text.as_bytes()).is_some() {
                return true;
            }
        }
    }
    false
}

#[test]
fn erased_person_is_unknown_afterwards_and_all_proofs_hold() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    for id in ["ada-lovelace", "ben", "ada-lovelace"] {
        note(&ledger, id);
    }
    ledger.flush().unwrap();
    let before = callers(dir.path());
    assert_eq!(before[0].0.as_deref(), Some("ada-lovelace"));
    assert_eq!(before[0], before[2]);
    assert_ne!(before[0].1, before[1].1);
    assert!(!has(dir.path(), "ada-lovelace"), "not even before");
    let root = ledger.stats().head.root;

    let ada = principal("ada-lovelace");
    let erased = ledger
        .erase((ada.tenant(), ada.id()), "GDPR art. 17, ticket 12", "dpo")
        .unwrap();
    assert_eq!(erased.as_ref(), Some(&before[0].1));
    let again = ledger
        .erase((ada.tenant(), ada.id()), "again", "dpo")
        .unwrap();
    assert_eq!(again, None);
    note(&ledger, "ada-lovelace");
    ledger.close().unwrap();

    let after = callers(dir.path());
    assert_eq!(after[0], (None, before[0].1.clone()));
    assert_eq!(after[1], before[1]);
    assert_eq!(after[3].0.as_deref(), Some("ada-lovelace"));
    assert_ne!(
        after[3].1, before[0].1,
        "nobody can tell that it is the same"
    );
    let report = verify(dir.path()).unwrap();
    assert_eq!(report.extent.size, 5);
    assert_ne!(report.extent.root, root);
    assert!(matches!(&entries(dir.path())[3].record.event, Event::Erase(it) if &*it.by == "dpo"));
    // The key is nowhere, and a new opening finds none.
    Ledger::open(dir.path(), Options::default())
        .unwrap()
        .close()
        .unwrap();
    assert_eq!(callers(dir.path()), after);
}

#[test]
fn strangers_of_a_day_are_one_and_their_addresses_are_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    for port in 1..4 {
        let source = Source::new("http").with_remote(format!("192.0.2.77:{port}"));
        ledger.reject(Reject::new(source, "no_message")).unwrap();
    }
    ledger.close().unwrap();
    assert!(!has(dir.path(), "192.0.2.77"));
    let Event::Reject(reject) = &entries(dir.path())[0].record.event else {
        panic!("no reject")
    };
    assert_eq!(reject.remote.as_deref(), Some("192.0.2.77:1"));
    // Without the keys, the rest is read.
    fs::remove_file(dir.path().join("vault/keys")).unwrap();
    let Event::Reject(reject) = &entries(dir.path())[0].record.event else {
        panic!("no reject")
    };
    assert_eq!(
        (reject.remote.as_deref(), &*reject.reason),
        (None, "no_message")
    );
    verify(dir.path()).unwrap();
}

#[test]
fn old_segments_go_and_what_is_left_verifies_and_is_continued() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options::default().with_segment_bytes(30_000);
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    for _ in 0..700 {
        note(&ledger, "ada");
        if ledger.stats().waiting > 20 {
            ledger.flush().unwrap();
        }
    }
    ledger.flush().unwrap();
    let segments = |dir: &Path| fs::read_dir(dir.join("seg")).unwrap().count();
    let before = segments(dir.path());
    assert!(before > 8, "{before}");
    let held = ledger.hold(true, "case 7", "legal");
    held.unwrap();
    assert_eq!(
        ledger.retain(400, "by hand").unwrap_err().kind(),
        ErrorKind::Held
    );
    let ada = principal("ada");
    let error = ledger
        .erase((ada.tenant(), ada.id()), "law", "dpo")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Held);
    ledger.hold(false, "case 7 closed", "legal").unwrap();
    let gone = ledger.retain(400, "by hand").unwrap();
    assert!(gone > 2, "{gone}");
    assert_eq!(ledger.retain(400, "by hand").unwrap(), 0);
    ledger.close().unwrap();
    let report = verify(dir.path()).unwrap();
    assert!(
        report.extent.first > 300 && report.extent.first <= 400,
        "{report:?}"
    );
    let first = entries(dir.path())[0].seq;
    assert_eq!(first, report.extent.first);

    // Without its partial tiles, as a power failure may leave it, it is continued all the same.
    let size = report.extent.size;
    let bundle = dir
        .path()
        .join(format!("tile/entries/{:03}.p/{}", size / 256, size % 256));
    fs::remove_file(bundle).unwrap();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    note(&ledger, "ben");
    ledger.close().unwrap();
    assert_eq!(verify(dir.path()).unwrap().extent.size, size + 1);
}

#[test]
fn retention_by_size_works_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::default()
        .with_segment_bytes(30_000)
        .with_retention(Keeping::forever().with_bytes(60_000))
        .with_heartbeat(Some(Duration::from_millis(20)));
    let ledger = Ledger::open(dir.path(), options).unwrap();
    let seg = dir.path().join("seg");
    while fs::read_dir(&seg).map_or(0, Iterator::count) < 12 && ledger.stats().head.size < 700 {
        (0..20).for_each(|_| note(&ledger, "ada"));
        ledger.flush().unwrap();
    }
    while fs::read_dir(&seg).unwrap().count() > 5 {
        note(&ledger, "ada");
        ledger.flush().unwrap();
    }
    ledger.close().unwrap();
    let report = verify(dir.path()).unwrap();
    assert!(report.extent.first > 0, "{report:?}");
}

#[test]
fn erasure_that_was_interrupted_anywhere_is_ended_by_the_next_opening() {
    let ada = principal("ada-lovelace");
    let begin = |disk: &ModelDisk| {
        let ledger = Ledger::open_on(disk.clone(), Options::default()).unwrap();
        note(&ledger, "ada-lovelace");
        ledger.flush().unwrap();
        ledger
    };
    for more in 1..24 {
        let disk = ModelDisk::new();
        let ledger = begin(&disk);
        disk.fail_at(disk.operations() + more, DiskFault::Crash);
        let erased = ledger.erase((ada.tenant(), ada.id()), "law", "dpo");
        let left = disk.crash(more);
        let again = Ledger::open_on(left.clone(), Options::default()).unwrap();
        again.close().unwrap();
        let dir = tempfile::tempdir().unwrap();
        left.store(dir.path()).unwrap();
        verify(dir.path()).unwrap();
        let said = entries(dir.path())
            .iter()
            .any(|entry| matches!(entry.record.event, Event::Erase(_)));
        let known = callers(dir.path()).iter().any(|(id, _)| id.is_some());
        assert!(!(said && known), "{more}: said, and not done");
        assert!(said || erased.is_err(), "{more}: done, and not said");
    }
}
