use proptest::prelude::*;

use super::*;
use crate::{rotation::Rotation, testing::Pair};

const ORIGIN: &str = "a.example/log";

/// Witnesses `w0`, `w1` and so on, a line each.
fn witnesses(count: u8) -> (Vec<Pair>, String) {
    let pair = |index| Pair::witness(&format!("w{index}.example"), 100 + index);
    let pairs: Vec<_> = (0..count).map(pair).collect();
    let line = |(index, pair): (usize, &Pair)| format!("witness w{index} {}\n", pair.key);
    let lines = pairs.iter().enumerate().map(line).collect();
    (pairs, lines)
}

fn parse(policy: &str) -> Result<Trust, PolicyError> {
    Trust::parse(policy.as_bytes())
}

fn refused(policy: &str) -> (usize, PolicyErrorKind) {
    let error = parse(policy).unwrap_err();
    (error.line(), error.kind().clone())
}

#[test]
fn groups_of_the_example_of_the_specification_count_as_it_says() {
    let (pairs, lines) = witnesses(6);
    let log = Pair::log(ORIGIN, 1);
    let trust = parse(&format!(
        "log {}\n\n{lines}# both\n group X-witnesses\t2 w0 w1 w2 \ngroup Y-witnesses any w3 w4 w5\n\
         group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
        log.key
    ));
    let trust = trust.unwrap();
    for signed in 0_u8..64 {
        let has = |index: usize| signed >> index & 1 == 1;
        let count = |indexes: std::ops::Range<usize>| indexes.filter(|index| has(*index)).count();
        let expected = count(0..3) >= 2 && count(3..6) >= 1;
        let by = |key: &VerifierKey| {
            let index = pairs.iter().position(|pair| pair.key == *key);
            has(index.unwrap())
        };
        assert_eq!(trust.quorum().satisfied(by), expected, "{signed:06b}");
    }
}

#[test]
fn one_witness_or_none_is_a_quorum() {
    let (pairs, lines) = witnesses(2);
    let trust = parse(&format!("{lines}quorum w1\n")).unwrap();
    assert!(trust.quorum().satisfied(|key| *key == pairs[1].key));
    assert!(!trust.quorum().satisfied(|key| *key == pairs[0].key));
    let none = parse("quorum none\n").unwrap();
    assert!(none.quorum().satisfied(|_| false) && none.quorum().is_none());
}

#[test]
fn urls_and_names_are_octets() {
    let (pairs, _) = witnesses(1);
    let mut policy = b"witness \xff\xfe ".to_vec();
    policy.extend(format!("{} https://w.example/\u{e4}\nquorum ", pairs[0].key).bytes());
    policy.extend(b"\xff\xfe\n");
    let trust = Trust::parse(&policy).unwrap();
    assert_eq!(trust.witnesses()[0].name(), b"\xff\xfe");
    let url = "https://w.example/\u{e4}".as_bytes();
    assert_eq!(trust.witnesses()[0].url(), Some(url));
}

#[test]
fn thirty_two_of_each_are_taken() {
    let (_, mut policy) = witnesses(32);
    for index in 0..32 {
        policy += &format!("log {}\n", Pair::log(ORIGIN, index).key);
        policy += &format!("group g{index} any w{index}\n");
    }
    assert!(parse(&format!("{policy}quorum g31\n")).is_ok());
}

#[test]
fn wrong_lines_are_refused_by_their_number() {
    use PolicyErrorKind as Kind;

    let (pairs, lines) = witnesses(2);
    let (w0, log) = (&pairs[0].key, Pair::log(ORIGIN, 1).key);
    let renamed = Pair::witness("other.example", 100).key;
    let cases = [
        ("", 2, Kind::Quorum),
        ("quorum w0\nquorum w1\n", 4, Kind::Quorum),
        ("quorum w2\n", 3, Kind::UnknownName),
        ("quorum g\ngroup g any w0\n", 3, Kind::UnknownName),
        ("quorum none", 3, Kind::Octets),
        ("quorum none\r\n", 3, Kind::Octets),
        ("# \u{7f}\nquorum none\n", 3, Kind::Octets),
        ("quorum\n", 3, Kind::Items),
        ("quorum w0 w1\n", 3, Kind::Items),
        ("Quorum w0\n", 3, Kind::Word),
        ("quorum\u{a0}w0\n", 3, Kind::Word),
        ("group g any\n", 3, Kind::Items),
        ("group g any g\n", 3, Kind::UnknownName),
        ("group g any none\n", 3, Kind::UnknownName),
        ("group none any w0\n", 3, Kind::DuplicateName),
        ("group w0 any w1\n", 3, Kind::DuplicateName),
        ("group g any w0 w0\n", 3, Kind::MemberTwice),
        ("group g any w0\ngroup h all w0 g\n", 4, Kind::MemberTwice),
        ("group g 0 w0\n", 3, Kind::Threshold),
        ("group g 2 w0\n", 3, Kind::Threshold),
        ("group g 01 w0\n", 3, Kind::Threshold),
        ("group g some w0\n", 3, Kind::Threshold),
        (&format!("witness w2 {w0}\n"), 3, Kind::DuplicateKey),
        (&format!("witness w2 {renamed}\n"), 3, Kind::DuplicateKey),
        (&format!("witness w2 {log}\n"), 3, Kind::Algorithm),
        (&format!("log {w0}\n"), 3, Kind::Algorithm),
        (&format!("log {log}\nlog {log}\n"), 4, Kind::DuplicateKey),
        (&format!("log {log} https://a more\n"), 3, Kind::Items),
        ("log a+b\n", 3, Kind::Key(crate::key::KeyError::Form)),
    ];
    for (policy, line, kind) in cases {
        assert_eq!(
            refused(&format!("{lines}{policy}")),
            (line, kind),
            "{policy}"
        );
    }
    assert_eq!(refused("").1, Kind::Quorum);
    assert_eq!(refused(&"#\n".repeat(1 << 20)).1, Kind::TooLong);
}

#[test]
fn checkpoint_is_believed_with_the_log_and_enough_witnesses() {
    let (pairs, lines) = witnesses(3);
    let log = Pair::log(ORIGIN, 1);
    let policy = format!("log {}\n{lines}group g 2 w0 w1 w2\nquorum g\n", log.key);
    let trust = parse(&policy).unwrap();
    let mut signed = log.checkpoint(3, [3; 32]);
    let text = signed.note().text().to_owned();
    assert_eq!(trust.verify(&signed, &[]), Err(TrustError::Quorum));
    signed.add(pairs[0].cosign(&text, 7)).unwrap();
    signed
        .add(Pair::witness("stranger", 9).cosign(&text, 7))
        .unwrap();
    assert_eq!(trust.verify(&signed, &[]), Err(TrustError::Quorum));
    signed.add(pairs[2].cosign(&text, 8)).unwrap();
    let believed = trust.verify(&signed, &[]).unwrap();
    let times: Vec<_> = believed.cosigners().iter().map(Signer::time).collect();
    assert_eq!(times, [Some(7), Some(8)]);
    assert_eq!(believed.log(), &log.key);

    // A known witness whose signature is wrong spoils the note, however many others signed.
    signed.add(pairs[1].cosign("other\n", 8)).unwrap();
    assert!(matches!(
        trust.verify(&signed, &[]),
        Err(TrustError::Note(_))
    ));
}

#[test]
fn witnesses_do_not_stand_in_for_the_log() {
    let (pairs, lines) = witnesses(1);
    let (log, other) = (Pair::log(ORIGIN, 1), Pair::log(ORIGIN, 2));
    let trust = parse(&format!("log {}\n{lines}quorum w0\n", log.key)).unwrap();
    let mut signed = other.checkpoint(3, [3; 32]);
    let text = signed.note().text().to_owned();
    signed.add(pairs[0].cosign(&text, 7)).unwrap();
    assert_eq!(trust.verify(&signed, &[]), Err(NoteError::Unsigned.into()));
    let stranger = Pair::log("b.example", 1).checkpoint(3, [3; 32]);
    assert_eq!(trust.verify(&stranger, &[]), Err(TrustError::UnknownLog));
}

#[test]
fn checkpoint_is_believed_by_the_key_of_its_size_only() {
    let [a, b] = [1, 2].map(|seed| Pair::log(ORIGIN, seed));
    let trust = Trust::without_witnesses(a.key.clone());
    let note = a.note(&Rotation::new(1, 10, b.key.clone()).unwrap().text());
    let rotations = [note];
    let unsigned = Err(NoteError::Unsigned.into());
    assert!(trust.verify(&a.checkpoint(10, [3; 32]), &rotations).is_ok());
    assert!(trust.verify(&b.checkpoint(11, [3; 32]), &rotations).is_ok());
    assert_eq!(
        trust.verify(&b.checkpoint(10, [3; 32]), &rotations),
        unsigned
    );
    assert_eq!(
        trust.verify(&a.checkpoint(11, [3; 32]), &rotations),
        unsigned
    );
    assert_eq!(trust.verify(&b.checkpoint(11, [3; 32]), &[]), unsigned);

    let forged = b.note(rotations[0].text());
    let refused = trust.verify(&a.checkpoint(10, [3; 32]), &[forged]);
    assert!(matches!(refused, Err(TrustError::Rotation(_))));
}

proptest! {
    #[test]
    fn any_bytes_are_a_policy_or_are_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        lines in prop::collection::vec("(log|witness|group|quorum|#)( (any|all|1|2|none|w0|w1|g|\\PC)){0,4}", 0..6),
    ) {
        let _ = Trust::parse(&bytes);
        let _ = parse(&format!("{}{}\n", witnesses(2).1, lines.join("\n")));
    }
}
