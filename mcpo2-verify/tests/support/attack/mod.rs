//! What is done to ledgers: one operator each, with what a verifier has to say about it.

use mcpo2_verify::log::Attack;

use super::{Ledger, Memory, Piece, rng::Rng};

mod edits;
mod ends;
mod fit;
mod keys;
mod order;

use {edits::*, ends::*, keys::*, order::*};

/// A ledger that was attacked.
pub struct Attacked {
    pub files: Memory,
    /// What whoever verifies remembers.
    pub since: Option<String>,
    pub expected: Vec<Attack>,
    /// The first record that is other than it was.
    pub first: u64,
}

pub type Operator = fn(&mut Ledger, &Ledger, &mut Rng) -> Option<Attacked>;

pub fn done(ledger: &Ledger, first: u64, expected: &[Attack]) -> Option<Attacked> {
    Some(Attacked {
        files: ledger.files(),
        since: None,
        expected: expected.to_vec(),
        first,
    })
}

/// A record that is proven, by its place.
pub fn some_record(ledger: &Ledger, rng: &mut Rng) -> Option<((usize, usize), u64)> {
    let committed = ledger.committed();
    let records: Vec<_> = ledger
        .places()
        .into_iter()
        .filter(|at| matches!(ledger.piece(*at), Piece::Record(seq, ..) if *seq < committed))
        .collect();
    let at = *records.get(rng.index(records.len()))?;
    Some((at, ledger.piece(at).seq()))
}

pub fn some_commit(ledger: &Ledger, rng: &mut Rng) -> Option<((usize, usize), u64)> {
    let commits: Vec<_> = ledger
        .places()
        .into_iter()
        .filter(|at| matches!(ledger.piece(*at), Piece::Commit(..)))
        .collect();
    let at = *commits.get(rng.index(commits.len()))?;
    Some((at, ledger.piece(at).seq()))
}

/// How many records are proven by commits before this place.
pub fn proven_before(ledger: &Ledger, at: (usize, usize)) -> u64 {
    let before = ledger.places().into_iter().take_while(|place| *place < at);
    let sizes = before.filter_map(|place| match ledger.piece(place) {
        Piece::Commit(size, _) => Some(*size),
        _ => None,
    });
    sizes.max().unwrap_or(ledger.segments[0].first)
}

/// The number of the record that may stand at this place.
pub fn next_at(ledger: &Ledger, at: (usize, usize)) -> u64 {
    let before = ledger.places().into_iter().take_while(|place| *place < at);
    let numbers = before.filter_map(|place| match ledger.piece(place) {
        Piece::Record(seq, ..) => Some(seq + 1),
        _ => None,
    });
    numbers.max().unwrap_or(ledger.segments[0].first)
}

/// All of them, by what they do.
pub const OPERATORS: &[(&str, Operator)] = &[
    ("flip_a_bit", flip_a_bit),
    ("edit_a_leaf", edit_a_leaf),
    ("edit_a_body", edit_a_body),
    ("edit_with_digest", edit_with_digest),
    ("edit_with_chain", edit_with_chain),
    ("edit_with_tree", edit_with_tree),
    ("edit_and_sign", edit_and_sign),
    ("edit_the_past", edit_the_past),
    ("edit_the_past_unseen", edit_the_past_unseen),
    ("rewrite_with_the_key", rewrite_with_the_key),
    ("remove_a_record", remove_a_record),
    ("remove_and_fit", remove_and_fit),
    ("repeat_a_record", repeat_a_record),
    ("insert_and_fit", insert_and_fit),
    ("swap_records", swap_records),
    ("swap_and_fit", swap_and_fit),
    ("cut_the_end", cut_the_end),
    ("cut_within_a_frame", cut_within_a_frame),
    ("roll_back", roll_back),
    ("fork", fork),
    ("fork_below", fork_below),
    ("drop_a_segment", drop_a_segment),
    ("swap_segments", swap_segments),
    ("repeat_a_segment", repeat_a_segment),
    ("splice_a_segment", splice_a_segment),
    ("replay_a_commit", replay_a_commit),
    ("repeat_a_commit", repeat_a_commit),
    ("publish_anothers", publish_anothers),
    ("move_values", move_values),
    ("turn_back_a_clock", turn_back_a_clock),
    ("change_a_key_note", change_a_key_note),
    ("another_first_key", another_first_key),
    ("touch_a_tile", touch_a_tile),
    ("keep_too_little", keep_too_little),
];
