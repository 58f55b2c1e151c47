//! Any change inside a ledger is noticed and located; an honest one never alarms.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{fs, path::Path, sync::LazyLock};

use mcpo2_audit::{
    Damage, Durability, Event, Fault, Head, Ledger, Note, Options, Reject, Source, VerifyError,
    parse_line, read, tail, verify, verify_since,
};
use mcpo2_core::Digest;
use proptest::prelude::*;

type Segments = Vec<Vec<u8>>;

/// A ledger of several segments, in its bytes.
fn honest() -> Segments {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default().with_segment_bytes(4000)).unwrap();
    for number in 0..30 {
        let note = Note::new("reload").with("number", number.to_string());
        ledger.append(Event::Admin(note)).unwrap();
    }
    ledger.close().unwrap();
    let segments = load(dir.path());
    assert!(segments.len() > 2);
    segments
}

static HONEST: LazyLock<Segments> = LazyLock::new(honest);

fn load(dir: &Path) -> Segments {
    (0..)
        .map_while(|number| fs::read(dir.join(name(number))).ok())
        .collect()
}

fn name(segment: usize) -> String {
    format!("{segment:08}.jsonl")
}

fn store(segments: &Segments) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (number, bytes) in segments.iter().enumerate() {
        fs::write(dir.path().join(name(number)), bytes).unwrap();
    }
    dir
}

/// Where the first damage is, and what; a panic where there is none.
fn damage(segments: &Segments) -> Damage {
    match verify(store(segments).path()) {
        Err(VerifyError::Damaged(damage)) => damage,
        other => panic!("{other:?}"),
    }
}

fn place(damage: &Damage) -> (String, u64) {
    (damage.segment.clone(), damage.line)
}

/// Every line with its line feed, with its segment and its number in it.
fn lines(segments: &Segments) -> Vec<((String, u64), Vec<u8>)> {
    let lines = segments.iter().enumerate().flat_map(|(segment, bytes)| {
        let lines = bytes.split_inclusive(|b| *b == b'\n');
        (1..)
            .zip(lines)
            .map(move |(line, text)| ((name(segment), line), text.to_vec()))
    });
    lines.collect()
}

/// Puts lines back where they were, with a change to one segment's.
fn with_lines(segment: usize, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Segments {
    let mut segments = HONEST.clone();
    let bytes = &segments[segment];
    let mut lines: Vec<_> = bytes
        .split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    change(&mut lines);
    segments[segment] = lines.concat();
    segments
}

fn line_count(segment: usize) -> usize {
    HONEST[segment].iter().filter(|b| **b == b'\n').count()
}

fn head(segments: &Segments) -> Head {
    verify(store(segments).path()).unwrap().head
}

/// The hash of a line, as the README says it and apart from the code that is tested.
fn hash(prev: Digest, seq: u64, record: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("mcpo2 2026 audit chain v1");
    hasher.update(prev.as_bytes());
    hasher.update(&seq.to_le_bytes());
    hasher.update(&u64::try_from(record.len()).unwrap().to_le_bytes());
    hasher.update(record);
    hasher.finalize().into()
}

/// What somebody does who can write the files: edits records, and computes the chain anew.
fn forged(edit: impl Fn(u64, String) -> String) -> Segments {
    let mut prev = Digest::from_bytes([0; 32]);
    let mut segments = HONEST.clone();
    for bytes in &mut segments {
        let mut out = Vec::new();
        for text in bytes.split(|b| *b == b'\n').filter(|text| !text.is_empty()) {
            let line = parse_line(text).unwrap();
            let record = String::from_utf8(line.record_bytes().to_vec()).unwrap();
            let (seq, record) = (line.seq(), edit(line.seq(), record));
            let hash = hash(prev, seq, record.as_bytes());
            let line = format!(
                "{{\"seq\":{seq},\"prev\":\"{prev}\",\"hash\":\"{hash}\",\"record\":{record}}}\n"
            );
            out.extend_from_slice(line.as_bytes());
            prev = hash;
        }
        *bytes = out;
    }
    segments
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_edit_of_a_byte_is_noticed_at_its_line(
        at in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let mut segments = HONEST.clone();
        let at = at.index(segments.iter().map(Vec::len).sum());
        let mut start = 0;
        let (segment, offset) = segments.iter().enumerate().find_map(|(segment, bytes)| {
            let offset = at - start;
            start += bytes.len();
            (offset < bytes.len()).then_some((segment, offset))
        }).unwrap();
        let before = segments[segment][..offset].iter().filter(|b| **b == b'\n').count();
        segments[segment][offset] ^= change;
        let damage = damage(&segments);
        let line = u64::try_from(before + 1).unwrap();
        prop_assert_eq!(place(&damage), (name(segment), line), "{:?}", damage);
    }
}

proptest! {
    #[test]
    fn lines_that_are_swapped_are_noticed_at_the_first(
        one in any::<prop::sample::Index>(),
        two in any::<prop::sample::Index>(),
        segment in 0..3_usize,
    ) {
        let count = line_count(segment);
        let (one, two) = (one.index(count), two.index(count));
        prop_assume!(one != two);
        let segments = with_lines(segment, |lines| lines.swap(one, two));
        let line = u64::try_from(one.min(two) + 1).unwrap();
        prop_assert_eq!(place(&damage(&segments)), (name(segment), line));
    }

    #[test]
    fn line_that_is_removed_is_noticed_where_it_was(
        at in any::<prop::sample::Index>(),
        segment in 0..2_usize,
    ) {
        let count = line_count(segment);
        let at = at.index(count);
        let segments = with_lines(segment, |lines| drop(lines.remove(at)));
        // The first segment that has a line too little at its end shows in the next one.
        let expected = match at + 1 == count {
            true => (name(segment + 1), 1),
            false => (name(segment), u64::try_from(at + 1).unwrap()),
        };
        prop_assert_eq!(place(&damage(&segments)), expected);
    }

    #[test]
    fn line_that_is_put_in_twice_is_noticed(
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        segment in 0..3_usize,
    ) {
        let count = line_count(segment);
        let (from, to) = (from.index(count), to.index(count + 1));
        let segments = with_lines(segment, |lines| {
            let line = lines[from].clone();
            lines.insert(to, line);
        });
        // Right before itself it looks as if its second copy were the one put in.
        let line = if from == to { to + 2 } else { to + 1 };
        let expected = (name(segment), u64::try_from(line).unwrap());
        prop_assert_eq!(place(&damage(&segments)), expected);
    }

    #[test]
    fn parsing_never_panics_and_one_text_stands_for_one_line(text in any::<Vec<u8>>()) {
        if let Ok(line) = parse_line(&text) {
            prop_assert_eq!(rendered(&line), text);
        }
    }

    #[test]
    fn what_still_parses_after_an_edit_is_rendered_as_it_stands(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut line = lines(&HONEST)[1].1.clone();
        line.pop();
        let at = at.index(line.len());
        line[at] = byte;
        if let Ok(parsed) = parse_line(&line) {
            prop_assert_eq!(rendered(&parsed), line);
        }
    }
}

fn rendered(line: &mcpo2_audit::Line<'_>) -> Vec<u8> {
    let (seq, prev, hash) = (line.seq(), line.prev(), line.hash());
    let mut text =
        format!(r#"{{"seq":{seq},"prev":"{prev}","hash":"{hash}","record":"#).into_bytes();
    text.extend_from_slice(line.record_bytes());
    text.push(b'}');
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn honest_ledger_never_alarms(
        runs in prop::collection::vec((0..20_usize, 1..6000_u64, any::<bool>()), 1..5),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut heads = Vec::new();
        let mut appended = 0;
        for (count, segment_bytes, group) in runs {
            let durability = if group { Durability::Group } else { Durability::Async };
            let options = Options::default()
                .with_segment_bytes(segment_bytes)
                .with_durability(durability);
            let ledger = Ledger::open(dir.path(), options).unwrap();
            for number in 0..count {
                let reason = format!("\"\\\u{1}\n é {number}");
                ledger.reject(Reject::new(Source::new("http"), reason)).unwrap();
            }
            ledger.flush().unwrap();
            heads.push(ledger.stats().head);
            drop(ledger);
            appended += count;
        }
        let report = verify(dir.path()).unwrap();
        prop_assert_eq!(heads.last(), Some(&report.head));
        for head in heads {
            prop_assert_eq!(&verify_since(dir.path(), head).unwrap(), &report);
        }
        let entries: Result<Vec<_>, _> = read(dir.path()).unwrap().collect();
        let entries = entries.unwrap();
        let rejects = entries.iter().filter(|it| matches!(it.record.event, Event::Reject(_)));
        prop_assert_eq!(rejects.count(), appended);
        prop_assert_eq!(u64::try_from(entries.len()).unwrap(), report.records);
        let newest: Vec<_> = tail(dir.path(), 7).unwrap().iter().map(|it| it.seq).collect();
        let expected: Vec<_> = entries.iter().rev().take(7).rev().map(|it| it.seq).collect();
        prop_assert_eq!(newest, expected);
    }
}

#[test]
fn each_fault_has_its_name() {
    let mut edited = HONEST.clone();
    let at = edited[0].windows(6).position(|it| it == b"reload").unwrap();
    edited[0][at] = b'R';
    assert_eq!(damage(&edited).fault, Fault::Edited);

    let missing = damage(&with_lines(1, |lines| drop(lines.remove(2))));
    let Fault::Sequence { expected, found } = missing.fault else {
        panic!("{missing:?}")
    };
    assert_eq!(found, expected + 1);

    let mut torn = HONEST.clone();
    torn.last_mut().unwrap().pop();
    assert_eq!(damage(&torn).fault, Fault::Torn);

    let mut long = HONEST.clone();
    long[1].splice(0..0, vec![b'x'; mcpo2_audit::MAX_LINE + 1]);
    assert_eq!(damage(&long).fault, Fault::TooLong);

    let mut gap = HONEST.clone();
    gap[1].clear();
    assert_eq!(damage(&gap).fault, Fault::Header);
    assert_eq!(damage(&vec![]).fault, Fault::MissingSegment);

    let dir = store(&HONEST);
    fs::remove_file(dir.path().join(name(1))).unwrap();
    let error = verify(dir.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "00000001.jsonl:1: the segment is missing"
    );
}

#[test]
fn segment_of_another_ledger_is_noticed() {
    let mut segments = HONEST.clone();
    let other = honest();
    segments[1].clone_from(&other[1]);
    let damage = damage(&segments);
    assert_eq!(place(&damage), (name(1), 1));
    // Also where whoever did it has computed the chain anew.
    let foreign = String::from_utf8(lines(&other)[0].1.clone()).unwrap();
    let id = |text: &str| text.split_once(r#""ledger":""#).unwrap().1[..36].to_owned();
    let own = id(&String::from_utf8(HONEST[0].clone()).unwrap());
    let spliced = forged(|seq, record| match seq {
        0 => record,
        _ => record.replace(&own, &id(&foreign)),
    });
    let error = verify(store(&spliced).path()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("not the header of this segment of this ledger"),
        "{error}"
    );
}

#[test]
fn record_of_another_ledger_with_the_same_number_breaks_the_chain() {
    let other = honest();
    let foreign = other[0].split_inclusive(|b| *b == b'\n').nth(2).unwrap();
    let damage = damage(&with_lines(0, |lines| lines[2] = foreign.to_vec()));
    assert_eq!((damage.fault, damage.line), (Fault::Broken, 3));
}

/// The limits that the README owns up to; these are no wishes, but what a chain alone is.
#[test]
fn truncation_and_a_chain_computed_anew_show_only_against_a_known_head() {
    let known = head(&HONEST);

    let truncated = with_lines(HONEST.len() - 1, |lines| drop(lines.pop()));
    let dir = store(&truncated);
    verify(dir.path()).unwrap();
    let Err(VerifyError::Damaged(found)) = verify_since(dir.path(), known) else {
        panic!("not noticed")
    };
    assert_eq!(found.fault, Fault::Truncated { seq: known.seq });

    assert_eq!(
        forged(|_, record| record),
        *HONEST,
        "the README's hash is the code's"
    );
    let rewritten = forged(|_, record| record.replace("reload", "relaod"));
    let dir = store(&rewritten);
    verify(dir.path()).unwrap();
    let Err(VerifyError::Damaged(found)) = verify_since(dir.path(), known) else {
        panic!("not noticed")
    };
    assert_eq!(found.fault, Fault::Rewritten);
}
