//! What those get who follow a ledger: an index, an export, whoever watches it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use mcpo2_audit::{Event, Follower, Ledger, LedgerFeed, Note, Options, index::Source as _, read};

/// Notes of such lengths, the longest in groups that are longer than what is read at once.
fn written(ledger: &Ledger, count: usize) {
    for number in 0..count {
        let mut note = Note::new("reload");
        for key in 0..[0, 1, 30][number % 3] {
            note = note.with(format!("text {key}"), "x".repeat(1000));
        }
        ledger.append(Event::Admin(note)).unwrap();
    }
    ledger.flush().unwrap();
}

#[test]
fn who_follows_gets_all_records_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::default().with_segment_bytes(3 << 20);
    let ledger = Ledger::open(dir.path(), options).unwrap();
    let mut follower = Follower::open(dir.path(), 0);
    let mut seen = Vec::new();
    for _ in 0..3 {
        written(&ledger, 300);
        // Behind this, nothing new is there, though the segment has room.
        loop {
            let entries = follower.next_entries(70).unwrap();
            if entries.is_empty() {
                break;
            }
            assert!(entries.len() <= 70);
            seen.extend(entries.iter().map(|entry| (entry.seq, entry.record.id)));
        }
        let all = read(dir.path()).unwrap().map(Result::unwrap);
        let all: Vec<_> = all.map(|entry| (entry.seq, entry.record.id)).collect();
        assert_eq!(seen, all);
    }
    assert!(seen.len() >= 900);
    let segments = std::fs::read_dir(dir.path().join("seg")).unwrap();
    assert!(segments.count() > 2, "it went from segment to segment");
    let mut late = Follower::open(dir.path(), 555);
    let first = late.next_entries(1).unwrap();
    assert_eq!(first[0].seq, 555);
}

#[test]
fn feed_of_the_writer_knows_how_much_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::default().with_heartbeat(None);
    let ledger = Ledger::open(dir.path(), options).unwrap();
    let open = || LedgerFeed::open(dir.path()).unwrap();
    let (mut feed, mut other) = (open().with_writer(ledger.clone()), open());
    assert_eq!(feed.head().unwrap(), None);
    assert!(feed.next_after(None, 10).unwrap().is_empty());
    written(&ledger, 12);
    assert_eq!(feed.head().unwrap(), Some(11));
    let seqs =
        |rows: Vec<mcpo2_audit::index::Row>| rows.iter().map(|it| it.seq).collect::<Vec<_>>();
    let first = seqs(feed.next_after(None, 10).unwrap());
    assert_eq!(first, (0..10).collect::<Vec<_>>());
    assert_eq!(seqs(feed.next_after(Some(9), 10).unwrap()), [10, 11]);
    assert!(feed.next_after(Some(11), 10).unwrap().is_empty());
    // Another process learns of the head when it is published, or has read so far.
    assert_eq!(seqs(other.next_after(Some(4), 3).unwrap()), [5, 6, 7]);
    assert!(other.head().unwrap() >= Some(7));
    ledger.close().unwrap();
    assert_eq!(other.head().unwrap(), Some(11));
}
