//! What is left after a crash, and who may write.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    collections::HashSet,
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use mcpo2_audit::{
    Error, ErrorKind, Event, Ledger, Note, Options, RecordId, Recovered, VerifyError, read, tail,
    verify,
};

const CHILD: &str = "MCPO2_AUDIT_CHILD";

fn note(number: usize) -> Event {
    Event::Admin(Note::new("reload").with("number", number.to_string()))
}

fn open(dir: &Path) -> Result<Ledger, Error> {
    Ledger::open(dir, Options::default().with_segment_bytes(16 * 1024))
}

fn ids(dir: &Path) -> HashSet<RecordId> {
    read(dir).unwrap().map(|it| it.unwrap().record.id).collect()
}

/// A ledger of one segment with its header and `count` records, closed.
fn ledger(dir: &Path, count: usize) {
    let ledger = Ledger::open(dir, Options::default()).unwrap();
    for number in 0..count {
        ledger.append(note(number)).unwrap();
    }
    ledger.close().unwrap();
}

/// Appends from several threads, and prints each id once it is safe, until it is killed.
fn write_until_killed(dir: &Path) {
    let ledger = open(dir).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0.. {
                    let id = ledger.append(note(number)).unwrap();
                    ledger.flush().unwrap();
                    println!("safe {id}");
                }
            });
        }
    });
}

/// The test starts its own binary with a variable set, which makes it the process to kill.
#[test]
fn nothing_that_was_flushed_is_lost_when_the_process_is_killed() {
    if let Some(dir) = env::var_os(CHILD) {
        return write_until_killed(dir.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut safe = HashSet::new();
    for round in 0..30 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("nothing_that_was_flushed_is_lost_when_the_process_is_killed")
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = |line: std::io::Result<String>| {
            if let Some(id) = line.unwrap().strip_prefix("safe ") {
                safe.insert(id.parse::<RecordId>().unwrap());
            }
        };
        // Another length of life each round, as short as none.
        lines.by_ref().take(1 + round * 7 % 101).for_each(&mut told);
        child.kill().unwrap();
        // What it said before it died counts as well.
        lines.for_each(&mut told);
        child.wait().unwrap();

        open(dir.path()).unwrap().close().unwrap();
        verify(dir.path()).unwrap();
        let kept = ids(dir.path());
        assert!(safe.is_subset(&kept), "round {round}");
    }
    assert!(safe.len() > 100, "only {} were flushed", safe.len());
    assert!(
        fs::read_dir(dir.path()).unwrap().count() > 4,
        "segments were rotated"
    );
}

#[test]
fn ledger_cut_at_any_byte_is_continued_behind_its_last_whole_line() {
    let source = tempfile::tempdir().unwrap();
    ledger(source.path(), 3);
    let name = "00000000.jsonl";
    let bytes = fs::read(source.path().join(name)).unwrap();
    let secret = source.path().join("secret");
    for cut in 0..=bytes.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(&secret, dir.path().join("secret")).unwrap();
        fs::write(dir.path().join(name), &bytes[..cut]).unwrap();
        ledger(dir.path(), 1);
        let report = verify(dir.path()).unwrap();
        let whole = bytes[..cut]
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let after = fs::read(dir.path().join(name)).unwrap();
        assert_eq!(after[..whole], bytes[..whole], "what was whole is kept");
        let lines = bytes[..whole].iter().filter(|b| **b == b'\n').count();
        let torn = u64::try_from(cut - whole).unwrap();
        let recovered = tail(dir.path(), 2).unwrap().remove(0).record.event;
        match recovered {
            Event::Recovered(it) => assert_eq!(it, recovery(torn), "cut at {cut}"),
            _ => assert_eq!(torn, 0, "cut at {cut} and not told"),
        }
        let header = u64::from(lines == 0);
        let expected = u64::try_from(lines).unwrap() + header + u64::from(torn > 0) + 1;
        assert_eq!(report.records, expected, "cut at {cut}");
    }
}

fn recovery(bytes: u64) -> Recovered {
    Recovered { segment: 0, bytes }
}

#[test]
fn segment_that_never_got_its_header_is_continued() {
    for torn in ["", "{\"seq\":4,"] {
        let dir = tempfile::tempdir().unwrap();
        ledger(dir.path(), 3);
        fs::write(dir.path().join("00000001.jsonl"), torn).unwrap();
        ledger(dir.path(), 1);
        let report = verify(dir.path()).unwrap();
        let told = u64::from(!torn.is_empty());
        assert_eq!((report.segments, report.records), (2, 4 + 1 + told + 1));
    }
}

#[test]
fn last_line_with_a_bad_hash_is_cut_and_any_other_refuses_to_open() {
    let dir = tempfile::tempdir().unwrap();
    ledger(dir.path(), 3);
    let path = dir.path().join("00000000.jsonl");
    let honest = fs::read_to_string(&path).unwrap();
    let edit = |line: usize| {
        let lines = honest
            .lines()
            .enumerate()
            .map(|(number, text)| match number == line {
                true => text.replace("record/v1", "record/v2") + "\n",
                false => text.to_owned() + "\n",
            });
        fs::write(&path, lines.collect::<String>()).unwrap();
    };
    for line in 0..3 {
        edit(line);
        let error = Ledger::open(dir.path(), Options::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        let source = std::error::Error::source(&error).unwrap();
        let VerifyError::Damaged(damage) = source.downcast_ref().unwrap() else {
            panic!("{source}")
        };
        assert_eq!(damage.line, u64::try_from(line + 1).unwrap());
        assert_eq!(
            source.to_string(),
            format!("00000000.jsonl:{}: the record was edited", line + 1)
        );
    }
    edit(3);
    verify(dir.path()).unwrap_err();
    ledger(dir.path(), 0);
    assert_eq!(verify(dir.path()).unwrap().records, 4);
    let event = tail(dir.path(), 1).unwrap().remove(0).record.event;
    let cut = honest.lines().last().unwrap().len() + 1;
    assert!(matches!(event, Event::Recovered(it) if it.bytes == u64::try_from(cut).unwrap()));
}

#[test]
fn whole_last_line_in_the_wrong_place_is_no_torn_write() {
    let dir = tempfile::tempdir().unwrap();
    ledger(dir.path(), 3);
    let path = dir.path().join("00000000.jsonl");
    let honest = fs::read_to_string(&path).unwrap();
    let last = honest.lines().last().unwrap();
    fs::write(&path, format!("{honest}{last}\n")).unwrap();
    let error = Ledger::open(dir.path(), Options::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        source,
        "00000000.jsonl:5: record 3 stands where record 4 should"
    );
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
fn secret_is_for_the_owner_and_of_this_ledger_only() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    let ledger = open(dir.path()).unwrap();
    let digest = ledger.digest(b"message");
    drop(ledger);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(open(dir.path()).unwrap().digest(b"message"), digest);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(open(other.path()).unwrap().digest(b"message"), digest);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Io);
    fs::copy(other.path().join("secret"), &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Damaged);
    fs::remove_file(&path).unwrap();
    assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Io);
    verify(dir.path()).unwrap();
}
