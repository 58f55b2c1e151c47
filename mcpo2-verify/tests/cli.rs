//! What the command says, and the codes with which it exits.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use mcpo2_verify::{
    Kind, checkpoint::SignedCheckpoint, commitment, encode_body, hash_to_base64, leaf_hash,
    prove_consistency, prove_inclusion,
};
use support::{
    Ledger, Piece,
    writer::{Levels, Writer, honest},
};

fn run(words: &[&str]) -> Output {
    let command = env!("CARGO_BIN_EXE_mcpo2-verify");
    Command::new(command).args(words).output().unwrap()
}

fn outcome(words: &[&str]) -> (i32, String, String) {
    let output = run(words);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A ledger on the disk, and its first key.
fn on_disk(ledger: &Ledger) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    ledger.files().write_to(dir.path());
    (dir, ledger.pairs[0].key.to_string())
}

fn path(dir: &Path) -> &str {
    dir.to_str().unwrap()
}

#[test]
fn a_ledger_that_holds_is_said_to() {
    let ledger = honest("example.com/log", 13, 60);
    let (dir, key) = on_disk(&ledger);
    let (code, out, err) = outcome(&["log", path(dir.path()), "--key", &key]);
    assert_eq!((code, err.as_str()), (0, ""));
    let first = out.lines().next().unwrap();
    assert_eq!(
        first,
        format!("example.com/log: {} records hold", ledger.committed())
    );
    let (code, out, err) = outcome(&["log", path(dir.path()), "--json"]);
    assert_eq!(code, 0);
    assert!(
        out.starts_with(r#"{"holds":true,"origin":"example.com/log","first":0,"#),
        "{out}"
    );
    assert!(err.starts_with("no key was given"), "{err}");
    let range = ["range", path(dir.path()), "3", "6", "--key", &key];
    assert_eq!(outcome(&range).0, 0);
    let (code, out, _) = outcome(&[&range[..], &["--print"]].concat());
    assert_eq!((code, out.lines().count()), (0, 3));
}

#[test]
fn what_was_found_is_said_and_is_the_exit_code() {
    let mut ledger = honest("example.com/log", 13, 60);
    let old = ledger.commits()[0].1.clone();
    let newest = ledger.checkpoint.clone().unwrap();
    let piece = ledger.segments[0]
        .pieces
        .iter_mut()
        .find(|it| matches!(it, Piece::Record(..)));
    if let Some(Piece::Record(_, _, body)) = piece {
        body[5] ^= 1;
    }
    let (dir, key) = on_disk(&ledger);
    let log = ["log", path(dir.path()), "--key", &key];
    let (code, out, err) = outcome(&log);
    assert_eq!((code, out.as_str()), (10, ""));
    assert!(
        err.starts_with("edited: a body does not have the digest in its leaf"),
        "{err}"
    );
    let (code, out, err) = outcome(&[&log[..], &["--json"]].concat());
    assert_eq!((code, err.as_str()), (10, ""));
    let expected = r#"{"holds":false,"attack":"edited","code":10,"seq":0,"proven":0,"segment":""#;
    assert!(out.starts_with(expected), "{out}");

    let (dir, key) = on_disk(&honest("example.com/log", 13, 20));
    fs::write(dir.path().join("since"), newest).unwrap();
    fs::write(dir.path().join("old"), old).unwrap();
    let [since, old] = ["since", "old"].map(|name| path(dir.path()).to_owned() + "/" + name);
    let log = ["log", path(dir.path()), "--key", &key, "--since"];
    assert_eq!(outcome(&[&log[..], &[&since]].concat()).0, 15);
    assert_eq!(outcome(&[&log[..], &[&old]].concat()).0, 0);
    let swapped = support::Pair::log("example.com/log", 90).key.to_string();
    assert_eq!(outcome(&["log", path(dir.path()), "--key", &swapped]).0, 21);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for words in [
        &[][..],
        &["lag"],
        &["log"],
        &["log", "x", "--since"],
        &["log", "x", "--nothing"],
        &["log", "x", "y", "--key", "z"],
        &["range", "x", "1", "two"],
        &["proof", "x"],
        &["explain", "3"],
        &["explain", "10", "11"],
        &["log", "x", "--json", "--print"],
    ] {
        let (code, out, err) = outcome(words);
        assert_eq!((code, out.as_str()), (2, ""), "{words:?} {err}");
    }
    assert_eq!(outcome(&["log", "/nonexistent"]).0, 31);
    assert!(
        outcome(&["help"])
            .1
            .contains("mcpo2-verify range DIR FROM TO")
    );
    let (code, out, _) = outcome(&["explain", "16"]);
    assert_eq!((code, out.starts_with("16 forked\n")), (0, true));
}

#[test]
fn a_record_and_a_field_are_proven_from_files() {
    let mut writer = Writer::new("example.com/log", 7);
    let salt = [9; 32];
    let value = r#""alice""#;
    for _ in 0..9 {
        writer.some_record();
    }
    let hash = commitment(&salt, "/principal/id", value);
    let body = encode_body(br#"{"v":1}"#, &[("/principal/id", hash)]).unwrap();
    writer.record(Kind::CALL, "{}");
    let Some(Piece::Record(seq, leaf, _)) = writer.ledger.segments[0].pieces.pop() else {
        panic!("it is a record");
    };
    // the same record with a body whose salt is known
    let leaf = mcpo2_verify::Leaf {
        record_digest: mcpo2_verify::record_digest(&body),
        ..leaf
    };
    let pieces = writer.ledger.segments[0].pieces.iter();
    let records = pieces.filter_map(|piece| match piece {
        Piece::Record(_, leaf, _) => Some(leaf.encode()),
        _ => None,
    });
    let mut leaves: Vec<_> = records.collect();
    leaves.push(leaf.encode());
    let levels = Levels::of(leaves.iter().map(|leaf| leaf_hash(leaf)));
    let size = seq + 1;
    let mut tree = mcpo2_verify::Frontier::new();
    leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
    let note = writer.ledger.pairs[0].checkpoint(size, tree.root());
    let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
    let hashes = prove_inclusion(&levels, seq, size).unwrap();
    let proof = mcpo2_verify::proof::Proof::new(seq, hashes, signed).with_extra(&leaf.encode());

    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (proof, record) = (file("p", proof.to_string().as_bytes()), file("r", &body));
    let key = writer.ledger.pairs[0].key.to_string();
    let salt = "09".repeat(32);
    let words = ["proof", &proof, "--record", &record, "--key", &key];
    let field = ["--field", "/principal/id", "--salt", &salt, "--value"];
    let (code, out, _) = outcome(&[&words[..], &field, &[value]].concat());
    assert_eq!(code, 0);
    assert!(out.starts_with("record 9 of 10 holds: call, "), "{out}");
    assert!(out.ends_with("/principal/id was \"alice\"\n"), "{out}");
    assert_eq!(outcome(&[&words[..], &field, &["\"bob\""]].concat()).0, 10);
    let other = file("o", &encode_body(b"{}", &[]).unwrap());
    assert_eq!(
        outcome(&["proof", &proof, "--record", &other, "--key", &key]).0,
        10
    );
    let stranger = support::Pair::log("example.com/log", 90).key.to_string();
    assert_eq!(
        outcome(&["proof", &proof, "--record", &record, "--key", &stranger]).0,
        17
    );
}

#[test]
fn one_checkpoint_is_proven_to_follow_from_another() {
    let ledger = honest("example.com/log", 29, 60);
    let (dir, key) = on_disk(&ledger);
    let leaves = ledger.segments.iter().flat_map(|segment| &segment.pieces);
    let leaves = leaves.filter_map(|piece| match piece {
        Piece::Record(_, leaf, _) => Some(leaf_hash(&leaf.encode())),
        _ => None,
    });
    let levels = Levels::of(leaves);
    let commits = ledger.commits();
    let ((old, old_note), (new, new_note)) = (&commits[1], &commits[commits.len() - 1]);
    let proof = prove_consistency(&levels, *old, *new).unwrap();
    let lines: Vec<_> = proof.iter().map(hash_to_base64).collect();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (old, new) = (file("old", old_note), file("new", new_note));
    let proof = file("proof", &(lines.join("\n") + "\n"));
    let common = ["--key", &key, "--ledger", path(dir.path())];
    let consistency = |old: &str, new: &str, proof: &str| {
        outcome(&[&["consistency", old, new, proof], &common[..]].concat()).0
    };
    assert_eq!(consistency(&old, &new, &proof), 0);
    assert_eq!(consistency(&new, &old, &proof), 15);
    let wrong = file("wrong", &(hash_to_base64(&[0; 32]) + "\n"));
    assert_eq!(consistency(&old, &new, &wrong), 16);
    assert_eq!(consistency(&old, &new, &old), 2);
}
