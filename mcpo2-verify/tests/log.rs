//! What a verifier says of one ledger at a time, in cases that chance would rarely bring.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::{
    collections::BTreeSet,
    io::{self, Read},
    time::Duration,
};

use mcpo2_verify::{
    Kind, Leaf, SegmentHeader,
    checkpoint::SignedCheckpoint,
    log::{Attack, Event, Files, Finding, Options, Report, Vault, verify, verify_with},
    trust::Trust,
};
use support::{
    Ledger, Pair, Piece,
    writer::{Writer, honest},
};

fn ledger(records: u64) -> Ledger {
    let mut writer = Writer::new("example.com/log", 3);
    for _ in 0..records {
        writer.record_with(Kind::CALL, r#"{"a":1}"#, &[("/a", "7")]);
    }
    writer.commit();
    writer.publish();
    writer.ledger
}

fn check(ledger: &Ledger, options: &Options) -> Result<Report, Finding> {
    verify(&ledger.files(), &ledger.trust(), options)
}

fn attack(ledger: &Ledger) -> Attack {
    check(ledger, &Options::default()).unwrap_err().attack()
}

#[test]
fn codes_of_attacks_are_what_they_were_and_tell_them_apart() {
    let codes: Vec<_> = Attack::ALL.iter().map(|it| it.exit_code()).collect();
    assert_eq!(
        codes,
        [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 30, 31]
    );
    let words: BTreeSet<_> = Attack::ALL.iter().map(|it| it.name()).collect();
    let texts: BTreeSet<_> = Attack::ALL.iter().map(|it| it.explanation()).collect();
    assert_eq!((words.len(), texts.len()), (codes.len(), codes.len()));
    for attack in Attack::ALL {
        assert_eq!(Attack::from_exit_code(attack.exit_code()), Some(*attack));
    }
    assert_eq!(Attack::from_exit_code(0), None);
}

#[test]
fn a_new_ledger_holds() {
    let mut empty = Writer::new("example.com/log", 3).ledger;
    assert_eq!(check(&empty, &Options::default()).unwrap().extent.size, 0);
    empty.segments[0].pieces.clear();
    empty.segments[0].room = 900;
    assert!(check(&empty, &Options::default()).is_ok());
    empty.segments.clear();
    assert_eq!(
        check(&empty, &Options::default()).unwrap().counts.segments,
        0
    );
    empty.origin_file.clear();
    assert_eq!(attack(&empty), Attack::Unreadable);
}

#[test]
fn a_crash_may_leave_a_segment_without_a_header() {
    let mut ledger = ledger(4);
    for pieces in [vec![], vec![Piece::Raw(vec![9, 0, 0, 0, 1, 7])]] {
        ledger.segments.push(support::Segment {
            first: 4,
            pieces,
            room: 5,
        });
        assert!(check(&ledger, &Options::default()).is_ok());
        let behind = support::Segment {
            first: 5,
            pieces: vec![],
            room: 0,
        };
        ledger.segments.push(behind);
        assert!(check(&ledger, &Options::default()).is_err());
        ledger.segments.truncate(1);
    }
}

#[test]
fn all_that_is_said_to_be_proven_was_told_before() {
    let ledger = ledger(5);
    let mut told = Vec::new();
    let watch = &mut |event: Event<'_>| {
        told.push(match event {
            Event::Record(leaf, body) => format!("{} {}", leaf.seq, body.public()),
            Event::Commit(size) => format!("commit {size}"),
            event => format!("{event:?}"),
        });
    };
    verify_with(&ledger.files(), &ledger.trust(), &Options::default(), watch).unwrap();
    assert_eq!(told.len(), 7);
    assert_eq!(
        (&*told[0], &*told[1], &*told[6]),
        ("Segment(0)", r#"0 {"a":1}"#, "commit 5")
    );
}

#[test]
fn values_may_be_left_out_unless_they_are_asked_for() {
    let mut ledger = ledger(5);
    let values = ledger.segments[0].pieces.iter();
    let at = values
        .clone()
        .rposition(|it| matches!(it, Piece::Vault(..)))
        .unwrap();
    ledger.segments[0].pieces.remove(at);
    let report = check(&ledger, &Options::default()).unwrap();
    assert_eq!((report.counts.vault, report.counts.without_values), (4, 1));
    let asked = Options::default().with_vault(Vault::Required);
    let finding = check(&ledger, &asked).unwrap_err();
    assert_eq!((finding.attack(), finding.seq()), (Attack::Erased, Some(4)));
}

#[test]
fn two_values_may_stand_behind_a_record_and_none_behind_a_commit() {
    let mut ledger = ledger(2);
    let pieces = &mut ledger.segments[0].pieces;
    let values = pieces[2].clone();
    pieces.insert(3, values.clone());
    assert!(check(&ledger, &Options::default()).is_ok());
    ledger.segments[0].pieces.push(Piece::Vault(1, vec![0; 56]));
    assert_eq!(attack(&ledger), Attack::Reordered);
    ledger.segments[0].pieces.pop();
    ledger.segments[0].pieces[2] = Piece::Vault(0, vec![0; 55]);
    assert_eq!(attack(&ledger), Attack::Edited);
}

#[test]
fn a_clock_that_runs_backwards_is_found_though_all_is_signed() {
    for (wall, mono, same_boot, bad) in [
        (5, 5, true, false),
        (4, 5, true, true),
        (5, 4, true, true),
        (5, 4, false, false),
        (4, 6, false, true),
    ] {
        let mut writer = Writer::new("example.com/log", 4);
        writer.record(Kind::CALL, "{}");
        let Piece::Record(_, first, body) = writer.ledger.segments[0].pieces.pop().unwrap() else {
            panic!("it is a record");
        };
        let mut writer = Writer::new("example.com/log", 4);
        let first = Leaf {
            wall_ns: 5,
            mono_ns: 5,
            ..first
        };
        let chain = mcpo2_verify::chain_next(&[0; 32], &first.encode());
        let boot_id = if same_boot { first.boot_id } else { [0; 16] };
        writer.append(first.clone(), body.clone());
        let times = Leaf {
            wall_ns: wall,
            mono_ns: mono,
            boot_id,
            ..first
        };
        writer.append(
            Leaf {
                seq: 1,
                prev_chain: chain,
                ..times
            },
            body,
        );
        writer.commit();
        let said = check(&writer.ledger, &Options::default());
        let said = said.map(drop).map_err(|it| (it.attack(), it.seq()));
        let expected = if bad {
            Err((Attack::Clock, Some(1)))
        } else {
            Ok(())
        };
        assert_eq!(said, expected);
    }
}

/// A policy that asks for a witness, and a ledger whose checkpoint it signed at this time.
fn witnessed(time: u64) -> (Trust, Ledger) {
    let mut ledger = ledger(3);
    let witness = Pair::witness("witness.example", 50);
    let log = &ledger.pairs[0].key;
    let policy = format!("log {log}\nwitness w {}\nquorum w\n", witness.key);
    let mut signed = SignedCheckpoint::parse(ledger.checkpoint.unwrap().as_bytes()).unwrap();
    signed
        .add(witness.cosign(&signed.checkpoint().text(), time))
        .unwrap();
    ledger.checkpoint = Some(signed.to_string());
    (Trust::parse(policy.as_bytes()).unwrap(), ledger)
}

#[test]
fn witnesses_must_have_signed_if_the_policy_asks_for_it() {
    let (trust, mut ledger) = witnessed(1_790_000_001);
    let report = verify(&ledger.files(), &trust, &Options::default()).unwrap();
    assert_eq!(report.cosigners, ["witness.example"]);
    ledger.checkpoint = ledger.commits().pop().map(|(_, note)| note);
    let finding = verify(&ledger.files(), &trust, &Options::default()).unwrap_err();
    assert_eq!(finding.attack(), Attack::Unwitnessed);
    ledger.checkpoint = None;
    let finding = verify(&ledger.files(), &trust, &Options::default()).unwrap_err();
    assert_eq!(finding.attack(), Attack::Unwitnessed);
}

#[test]
fn witnesses_must_have_signed_near_the_time_of_the_newest_record() {
    let window = Options::default().with_window(Duration::from_secs(60));
    let (trust, ledger) = witnessed(1_790_000_001);
    assert!(verify(&ledger.files(), &trust, &window).is_ok());
    for time in [1_790_000_100, 1_789_999_900] {
        let (trust, ledger) = witnessed(time);
        assert!(verify(&ledger.files(), &trust, &Options::default()).is_ok());
        let finding = verify(&ledger.files(), &trust, &window).unwrap_err();
        assert_eq!(finding.attack(), Attack::Clock);
    }
}

#[test]
fn another_key_of_the_same_name_is_told_from_another_log() {
    let ledger = ledger(3);
    for (name, expected) in [
        ("example.com/log", Attack::KeyListSwapped),
        ("example.com/else", Attack::Foreign),
    ] {
        let trust = Trust::without_witnesses(Pair::log(name, 77).key);
        let finding = verify(&ledger.files(), &trust, &Options::default()).unwrap_err();
        assert_eq!(finding.attack(), expected);
    }
}

#[test]
fn a_published_checkpoint_that_is_none_or_forged_is_not_passed_over() {
    let mut ledger = ledger(3);
    ledger.checkpoint = Some("nothing".to_owned());
    assert_eq!(attack(&ledger), Attack::Unreadable);
    let stranger = Pair::log(&ledger.origin, 66);
    ledger.checkpoint = Some(stranger.checkpoint(3, [1; 32]));
    assert_eq!(attack(&ledger), Attack::Forged);
    ledger.checkpoint = Some(ledger.pairs[0].checkpoint(3, [1; 32]));
    assert_eq!(attack(&ledger), Attack::Forked);
    ledger.checkpoint = Some(ledger.pairs[0].checkpoint(4, [1; 32]));
    assert_eq!(attack(&ledger), Attack::Truncated);
    ledger.checkpoint = None;
    assert!(check(&ledger, &Options::default()).is_ok());
}

#[test]
fn what_was_remembered_of_another_log_or_with_another_key_is_no_proof_of_a_fork() {
    let ledger = ledger(3);
    for (name, seed, expected) in [
        ("example.com/log", 66, Attack::Forged),
        ("example.com/else", 4, Attack::Foreign),
    ] {
        let note = Pair::log(name, seed).checkpoint(2, [1; 32]);
        let since = SignedCheckpoint::parse(note.as_bytes()).unwrap();
        let options = Options::default().with_since(since);
        assert_eq!(check(&ledger, &options).unwrap_err().attack(), expected);
    }
}

#[test]
fn a_record_of_an_unknown_schema_is_not_passed_over() {
    let mut writer = Writer::new("example.com/log", 4);
    writer.record(Kind::CALL, "{}");
    let Piece::Record(_, leaf, body) = writer.ledger.segments[0].pieces[1].clone() else {
        panic!("it is a record");
    };
    let mut writer = Writer::new("example.com/log", 4);
    writer.append(Leaf { schema: 2, ..leaf }, body);
    writer.commit();
    assert_eq!(attack(&writer.ledger), Attack::Unreadable);
}

#[test]
fn a_header_belongs_to_the_front_of_its_segment() {
    let mut ledger = ledger(3);
    let header = ledger.segments[0].pieces[0].clone();
    ledger.segments[0].pieces.insert(3, header);
    assert_eq!(attack(&ledger), Attack::Inserted);
    ledger.segments[0].pieces.remove(3);
    ledger.segments[0].pieces.remove(0);
    assert_eq!(attack(&ledger), Attack::Edited);
    let tree = mcpo2_verify::Frontier::new();
    let header = SegmentHeader::new([0; 32], &tree, "example.com/else");
    ledger.segments[0]
        .pieces
        .insert(0, Piece::Header(0, header));
    assert_eq!(attack(&ledger), Attack::Foreign);
}

#[test]
fn damage_before_a_commit_is_told_from_a_tail() {
    let mut ledger = ledger(3);
    let pieces = &mut ledger.segments[0].pieces;
    let commit = pieces.pop().unwrap();
    let record = pieces[1].bytes();
    pieces.push(Piece::Raw(record[..record.len() - 1].to_vec()));
    pieces.push(commit);
    let finding = check(&ledger, &Options::default()).unwrap_err();
    assert_eq!((finding.attack(), finding.seq()), (Attack::Torn, Some(3)));
    // zeros where a frame was are no end
    let pieces = &mut ledger.segments[0].pieces;
    let length = pieces.len();
    pieces[length - 2] = Piece::Raw(vec![0; 40]);
    assert_eq!(attack(&ledger), Attack::Torn);
    // an old commit in a tail is a copy of one, and proves nothing
    let mut other = self::ledger(3);
    let old = other.segments[0].pieces[7].clone();
    assert!(matches!(old, Piece::Commit(3, _)));
    other.segments[0].pieces.push(Piece::Raw(vec![1; 5]));
    other.segments[0].pieces.push(old);
    let report = check(&other, &Options::default()).unwrap();
    assert!(report.tail.torn);
}

#[test]
fn retention_needs_a_record_and_what_stands_in() {
    let mut writer = Writer::new("example.com/log", 8);
    for _ in 0..600 {
        writer.some_record();
        if writer.rng.one_in(9) {
            writer.commit();
        }
        if writer.rng.one_in(70) {
            writer.segment();
        }
    }
    writer.commit();
    writer.publish();
    let whole = writer.ledger.clone();
    assert!(whole.segments.len() > 4, "{}", whole.segments.len());
    writer.retain(3);
    let kept = writer.ledger;
    let report = check(&kept, &Options::default()).unwrap();
    assert_eq!(report.extent.first, kept.segments[0].first);

    // leaves may be pruned, hashes not
    let mut pruned = kept.clone();
    pruned
        .tiles
        .retain(|path, _| !path.starts_with("tile/entries"));
    assert!(check(&pruned, &Options::default()).is_ok());
    pruned.tiles.clear();
    assert_eq!(attack(&pruned), Attack::Removed);

    let mut touched = kept.clone();
    touched.tiles.get_mut("tile/entries/000").unwrap()[40] ^= 1;
    assert_eq!(attack(&touched), Attack::Edited);

    let mut unsaid = whole;
    unsaid.segments.drain(..2);
    let finding = check(&unsaid, &Options::default()).unwrap_err();
    assert_eq!(
        (finding.attack(), finding.seq()),
        (Attack::Removed, Some(0))
    );
}

#[test]
fn large_trees_agree_with_their_tiles() {
    let mut writer = Writer::new("example.com/log", 8);
    for number in 0..1030 {
        writer.record(Kind::CALL, "{}");
        if number % 300 == 0 {
            writer.commit();
            writer.publish();
        }
    }
    writer.commit();
    writer.publish();
    let report = check(&writer.ledger, &Options::default()).unwrap();
    assert!(report.counts.tiles > 12, "{}", report.counts.tiles);
    for path in writer.ledger.tiles.keys().cloned().collect::<Vec<_>>() {
        let mut touched = writer.ledger.clone();
        *touched.tiles.get_mut(&path).unwrap().last_mut().unwrap() ^= 1;
        assert_eq!(attack(&touched), Attack::Edited, "{path}");
    }
}

#[test]
fn a_tile_that_a_crash_tore_is_counted_and_no_alarm() {
    let mut ledger = ledger(300);
    let path = "tile/0/000";
    ledger.tiles.get_mut(path).unwrap().truncate(96);
    let report = check(&ledger, &Options::default()).unwrap();
    assert_eq!(report.counts.torn_tiles, 1);
}

/// A ledger whose last key comes while it is read.
struct Growing {
    before: support::Memory,
    after: support::Memory,
    reads: std::cell::Cell<u32>,
}

impl Growing {
    fn now(&self) -> &support::Memory {
        match self.reads.get() {
            0 => &self.before,
            _ => &self.after,
        }
    }
}

impl Files for Growing {
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        if path.starts_with("seg/") {
            self.reads.set(1);
        }
        self.now().open(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.now().list(path)
    }
}

#[test]
fn what_is_written_while_it_is_read_is_no_alarm() {
    let mut writer = Writer::new("example.com/log", 3);
    writer.record(Kind::CALL, "{}");
    writer.commit();
    writer.publish();
    let before = writer.ledger.files();
    writer.rotate();
    writer.record(Kind::CALL, "{}");
    writer.commit();
    writer.publish();
    let after = writer.ledger.files();
    let reads = std::cell::Cell::new(0);
    let growing = Growing {
        before,
        after,
        reads,
    };
    let report = verify(&growing, &writer.ledger.trust(), &Options::default()).unwrap();
    assert_eq!((report.extent.size, report.counts.epochs), (3, 2));
    let mut stale = writer.ledger.clone();
    stale.notes.clear();
    assert_eq!(attack(&stale), Attack::KeyListSwapped);
}

#[test]
fn a_finding_says_what_and_where() {
    let mut ledger = honest("example.com/log", 7, 40);
    let pieces = ledger.segments[0].pieces.iter_mut();
    let mut records = pieces.filter_map(|piece| match piece {
        Piece::Record(seq, _, body) => Some((seq, body)),
        _ => None,
    });
    let (seq, body) = records.nth(2).unwrap();
    let seq = *seq;
    body[5] ^= 1;
    let finding = check(&ledger, &Options::default()).unwrap_err();
    assert_eq!(
        (finding.attack(), finding.seq()),
        (Attack::Edited, Some(seq))
    );
    let place = finding.place().unwrap();
    let text = finding.to_string();
    let expected = format!(
        "edited: a body does not have the digest in its leaf; from record {seq} on nothing is \
         certain (seg/00000000000000000000.seg, offset {})",
        place.offset
    );
    assert_eq!(text, expected);
}
