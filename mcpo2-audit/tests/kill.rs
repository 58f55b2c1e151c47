//! What is left when the process is killed, and who may write.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    collections::HashMap,
    env, fs,
    io::{BufRead, BufReader, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use mcpo2_audit::{Error, ErrorKind, Event, Follower, Ledger, Note, Options, RecordId, verify};

const CHILD: &str = "MCPO2_AUDIT_CHILD";
const ROUNDS: &str = "MCPO2_AUDIT_ROUNDS";

fn open(dir: &Path) -> Result<Ledger, Error> {
    let options = Options::default()
        .with_segment_bytes(64 * 1024)
        .with_heartbeat(Some(Duration::from_millis(5)));
    Ledger::open(dir, options)
}

/// Appends from several threads, and prints each record once it is safe, until it is killed.
fn write_until_killed(dir: &Path) {
    let ledger = open(dir).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                for number in 0.. {
                    let place = ledger.reserve().unwrap();
                    let id = place.id();
                    let note = Note::new("reload").with("number", number.to_string());
                    let committed = runtime.block_on(place.fill_durably(Event::Admin(note)));
                    let line = format!("safe {} {id}\n", committed.unwrap().seq);
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// The test starts its own binary with a variable set, which makes it the process to kill. Thirty
/// rounds, or as many as the variable says.
#[test]
fn nothing_that_was_said_to_be_safe_is_lost_when_the_process_is_killed() {
    if let Some(dir) = env::var_os(CHILD) {
        return write_until_killed(dir.as_ref());
    }
    let rounds = env::var(ROUNDS).map_or(30, |rounds| rounds.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut follower = Follower::open(dir.path(), 0);
    let mut kept = HashMap::new();
    let mut count = 0;
    for round in 0..rounds {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("nothing_that_was_said_to_be_safe_is_lost_when_the_process_is_killed")
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut safe = Vec::new();
        let mut told = |line: std::io::Result<String>| {
            let line = line.unwrap();
            if let Some((seq, id)) = line.strip_prefix("safe ").and_then(|it| it.split_once(' ')) {
                safe.extend(
                    id.parse::<RecordId>()
                        .map(|id| (seq.parse::<u64>().unwrap(), id)),
                );
            }
        };
        // Another length of life each round, as short as none.
        lines.by_ref().take(1 + round * 7 % 61).for_each(&mut told);
        child.kill().unwrap();
        // What it said before it died counts as well.
        lines.for_each(&mut told);
        child.wait().unwrap();

        open(dir.path()).unwrap().close().unwrap();
        loop {
            let entries = follower.next_entries(1000).unwrap();
            kept.extend(entries.iter().map(|entry| (entry.seq, entry.record.id)));
            if entries.is_empty() {
                break;
            }
        }
        for (seq, id) in &safe {
            assert_eq!(kept.get(seq), Some(id), "round {round}: lost {seq}");
        }
        count += safe.len();
        if round % 25 == 0 || round + 1 == rounds {
            verify(dir.path()).unwrap();
        }
    }
    assert!(count > rounds, "only {count} were safe");
    assert!(fs::read_dir(dir.path().join("seg")).unwrap().count() >= 1);
}

#[test]
fn only_one_may_write() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Locked);
    let clone = first.clone();
    drop(first);
    assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Locked);
    drop(clone);
    open(dir.path()).unwrap();
}

#[test]
fn secrets_are_for_the_owner_and_of_this_ledger_only() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let digest = ledger.digest(b"message");
    drop(ledger);
    let secret = dir.path().join("secret");
    let key = dir.path().join("keys/epoch-0000000000.key");
    for path in [&secret, &key] {
        assert_eq!(
            fs::metadata(path).unwrap().mode() & 0o777,
            0o600,
            "{path:?}"
        );
    }
    assert_eq!(open(dir.path()).unwrap().digest(b"message"), digest);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(open(other.path()).unwrap().digest(b"message"), digest);

    for path in [&secret, &key] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(
            open(dir.path()).unwrap_err().kind(),
            ErrorKind::Io,
            "{path:?}"
        );
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let own = fs::read(&key).unwrap();
    fs::copy(other.path().join("keys/epoch-0000000000.key"), &key).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Damaged);
    fs::write(&key, own).unwrap();
    open(dir.path()).unwrap().close().unwrap();
    fs::remove_file(&secret).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Io);
    verify(dir.path()).unwrap();
}

#[test]
fn ledger_that_was_rolled_back_behind_its_checkpoint_is_not_continued() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    ledger.append(Event::Admin(Note::new("one"))).unwrap();
    ledger.publish().unwrap();
    let segment = dir.path().join("seg/00000000000000000000.seg");
    let old = fs::read(&segment).unwrap();
    ledger.append(Event::Admin(Note::new("two"))).unwrap();
    ledger.close().unwrap();
    fs::write(&segment, old).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("cut or rolled back"), "{error}");
}

#[test]
fn ledger_that_lost_its_name_is_not_begun_anew_over_its_keys_and_records() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    ledger.append(Event::Admin(Note::new("one"))).unwrap();
    ledger.close().unwrap();
    let origin = dir.path().join("origin");
    let key = dir.path().join("keys/epoch-0000000000.key");
    let (named, signs) = (fs::read(&origin).unwrap(), fs::read(&key).unwrap());
    fs::remove_file(&origin).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(fs::read(&key).unwrap(), signs);
    fs::write(&origin, named).unwrap();
    open(dir.path()).unwrap();
}

#[test]
fn header_that_rotted_takes_no_record_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options::default();
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    ledger.append(Event::Admin(Note::new("one"))).unwrap();
    ledger.close().unwrap();
    fs::remove_file(dir.path().join("checkpoint")).unwrap();
    let segment = dir.path().join("seg/00000000000000000000.seg");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[30] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let error = Ledger::open(dir.path(), options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert_eq!(fs::read(&segment).unwrap(), bytes);
}

#[test]
fn what_a_ledger_cannot_do_it_refuses_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (signer, seed) = mcpo2_audit::KeySigner::generate().unwrap();
    drop(signer);
    let options = || {
        let signer = mcpo2_audit::KeySigner::from_seed(&seed);
        Options::default().with_signer(signer).witnessed()
    };
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    let refused = ledger.rotate_key().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(!dir.path().join("keys").exists(), "no key but the host's");

    let other = tempfile::tempdir().unwrap();
    let foreign = open(other.path()).unwrap();
    foreign.append(Event::Admin(Note::new("one"))).unwrap();
    foreign.publish().unwrap();
    let note = fs::read(other.path().join("checkpoint")).unwrap();
    let note = mcpo2_verify::checkpoint::SignedCheckpoint::parse(&note).unwrap();
    let refused = ledger.publish_witnessed(&note).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    ledger.append(Event::Admin(Note::new("two"))).unwrap();
    ledger.close().unwrap();
    Ledger::open(dir.path(), options()).unwrap();
}
