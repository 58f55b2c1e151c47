//! Proofs of an honest ledger, for tests to take and to spoil.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    dead_code,
    reason = "tests, each of which uses a part of it"
)]

use mcpo2_verify::{Kind, checkpoint::SignedCheckpoint, leaf_hash, proof::Proof, prove_inclusion};

#[path = "../../../tests/support/mod.rs"]
mod support;

use support::{
    Ledger, Pair, Piece,
    writer::{Levels, Writer},
};

/// What somebody has who is to believe a record.
#[derive(Debug)]
pub struct Evidence {
    pub seq: u64,
    pub proof: String,
    pub body: Vec<u8>,
}

/// A ledger whose keys changed once, and what can be shown of it.
#[derive(Debug)]
pub struct Story {
    /// The first key of the log.
    pub key: String,
    /// Another key of the same name.
    pub stranger: String,
    /// The rotation note.
    pub note: String,
    /// A record that the first key signed for.
    pub before: Evidence,
    /// One that the second did.
    pub after: Evidence,
    /// What `before` does not tell in public: path, salt, value.
    pub field: (&'static str, [u8; 32], &'static str),
}

pub fn story() -> Story {
    let mut writer = Writer::new("example.com/log", 31);
    (0..9).for_each(|_| writer.some_record());
    let seq = writer.tree.size();
    let (path, value) = ("/a", "\"alice\"");
    let salt = writer.rng.clone().bytes();
    writer.record_with(Kind::CALL, r#"{"action":"read"}"#, &[(path, value)]);
    (0..4).for_each(|_| writer.some_record());
    writer.commit();
    let before = evidence(&writer.ledger, seq);
    writer.rotate();
    (0..4).for_each(|_| writer.some_record());
    writer.commit();
    let after = evidence(&writer.ledger, writer.tree.size() - 1);
    Story {
        key: writer.ledger.pairs[0].key.to_string(),
        stranger: Pair::log("example.com/log", 99).key.to_string(),
        note: writer.ledger.notes.values().next().unwrap().clone(),
        before,
        after,
        field: (path, salt, value),
    }
}

fn evidence(ledger: &Ledger, seq: u64) -> Evidence {
    let pieces = ledger.segments.iter().flat_map(|segment| &segment.pieces);
    let records = pieces.filter_map(|piece| match piece {
        Piece::Record(_, leaf, body) => Some((leaf.encode(), body.clone())),
        _ => None,
    });
    let records: Vec<_> = records.collect();
    let (size, note) = ledger.commits().pop().unwrap();
    let levels = Levels::of(records.iter().map(|(leaf, _)| leaf_hash(leaf)));
    let hashes = prove_inclusion(&levels, seq, size).unwrap();
    let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
    let (leaf, body) = &records[usize::try_from(seq).unwrap()];
    Evidence {
        seq,
        proof: Proof::new(seq, hashes, signed).with_extra(leaf).to_string(),
        body: body.clone(),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
