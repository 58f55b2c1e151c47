//! What is removed, inserted or moved.

use mcpo2_verify::log::Attack;

use super::{
    super::{Ledger, Piece, rng::Rng},
    Attacked, done,
    edits::{EDITS, body_mut},
    fit::{CHAIN, refit},
    next_at, proven_before, some_commit, some_record,
};

pub fn remove_a_record(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let seq = remove(ledger, rng)?;
    done(ledger, seq, &[Attack::Removed])
}

pub fn remove_and_fit(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let seq = remove(ledger, rng)?;
    refit(ledger, CHAIN, seq);
    done(
        ledger,
        seq,
        &[Attack::Removed, Attack::KeyListSwapped, Attack::Forged],
    )
}

pub fn remove(ledger: &mut Ledger, rng: &mut Rng) -> Option<u64> {
    let ((segment, piece), seq) = some_record(ledger, rng)?;
    let pieces = &mut ledger.segments[segment].pieces;
    pieces.remove(piece);
    while matches!(pieces.get(piece), Some(Piece::Vault(..))) {
        pieces.remove(piece);
    }
    Some(seq)
}

pub fn repeat_a_record(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let ((segment, piece), seq) = some_record(ledger, rng)?;
    let pieces = &mut ledger.segments[segment].pieces;
    let copy = pieces[piece].clone();
    let behind = piece + 1 + rng.index(pieces.len() - piece);
    let torn = pieces[..behind]
        .iter()
        .any(|it| matches!(it, Piece::Raw(_)));
    (!torn).then_some(())?;
    let first = match pieces.get(behind) {
        // values that no longer stand behind their record
        Some(Piece::Vault(..)) => return None,
        _ => seq,
    };
    pieces.insert(behind, copy);
    let first = first.max(next_at(ledger, (segment, behind)));
    done(ledger, first, &[Attack::Inserted])
}

pub fn insert_and_fit(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let ((segment, piece), seq) = some_record(ledger, rng)?;
    let copy = ledger.segments[segment].pieces[piece].clone();
    ledger.segments[segment].pieces.insert(piece, copy);
    refit(ledger, CHAIN, seq);
    let expected = [Attack::Inserted, Attack::KeyListSwapped, Attack::Forged];
    done(ledger, seq, &expected)
}

pub fn swap_records(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let (one, first) = some_record(ledger, rng)?;
    let (other, second) = some_record(ledger, rng)?;
    let (a, b) = (ledger.piece(one).clone(), ledger.piece(other).clone());
    (first != second).then_some(())?;
    *ledger.piece_mut(one) = b;
    *ledger.piece_mut(other) = a;
    let expected = match one.0 == other.0 {
        true => Attack::Reordered,
        false => Attack::Removed,
    };
    done(ledger, first.min(second), &[expected])
}

pub fn swap_and_fit(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let (one, first) = some_record(ledger, rng)?;
    let (other, second) = some_record(ledger, rng)?;
    let (a, b) = (
        body_mut(ledger, one).clone(),
        body_mut(ledger, other).clone(),
    );
    (a != b).then_some(())?;
    *body_mut(ledger, one) = b;
    *body_mut(ledger, other) = a;
    refit(ledger, CHAIN, first.min(second));
    done(ledger, first.min(second), &EDITS)
}

pub fn move_values(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let ((segment, piece), _) = some_record(ledger, rng)?;
    let pieces = &mut ledger.segments[segment].pieces;
    matches!(pieces.get(piece + 1), Some(Piece::Vault(..))).then_some(())?;
    let values = pieces.remove(piece + 1);
    let to = 1 + rng.index(pieces.len() - 1);
    let torn = pieces[..to].iter().any(|it| matches!(it, Piece::Raw(_)));
    (to != piece + 1 && !torn).then_some(())?;
    pieces.insert(to, values);
    let first = next_at(ledger, (segment, to));
    done(ledger, first, &[Attack::Reordered])
}

pub fn repeat_a_commit(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let (old, size) = some_commit(ledger, rng)?;
    let (at, later) = some_commit(ledger, rng)?;
    (size < later).then_some(())?;
    let first = proven_before(ledger, at);
    let copy = ledger.piece(old).clone();
    *ledger.piece_mut(at) = copy;
    done(ledger, first, &[Attack::Inserted, Attack::Forged])
}

pub fn replay_a_commit(ledger: &mut Ledger, other: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let (at, _) = some_commit(ledger, rng)?;
    let first = proven_before(ledger, at);
    let (size, note) = other.commits().into_iter().next()?;
    *ledger.piece_mut(at) = Piece::Commit(size, note);
    let expected = match ledger.origin == other.origin {
        true => &[
            Attack::Edited,
            Attack::Inserted,
            Attack::Removed,
            Attack::Forged,
        ][..],
        false => &[Attack::Foreign],
    };
    (ledger.origin != other.origin).then_some(())?;
    done(ledger, first, expected)
}
