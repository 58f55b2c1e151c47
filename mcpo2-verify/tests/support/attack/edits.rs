//! What is changed in place.

use mcpo2_verify::{LEAF, Leaf, log::Attack};

use super::{
    super::{Ledger, Piece, rng::Rng},
    Attacked, done,
    fit::{CHAIN, Commits, DIGEST, all, refit},
    proven_before, some_record,
};

pub fn change_body(ledger: &mut Ledger, rng: &mut Rng) -> Option<u64> {
    let (at, seq) = some_record(ledger, rng)?;
    let body = body_mut(ledger, at);
    // a byte of the public part that is no brace: the body stays readable
    let public = usize::try_from(u32::from_le_bytes([body[0], body[1], body[2], body[3]])).unwrap();
    if public < 3 {
        return None;
    }
    let byte = &mut body[5 + rng.index(public - 2)];
    *byte = if *byte == b'7' { b'8' } else { b'7' };
    Some(seq)
}

/// What an edit looks like where it also is one of a rotation record or of a time.
pub const EDITS: [Attack; 3] = [Attack::Edited, Attack::KeyListSwapped, Attack::Clock];

pub fn flip_a_bit(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let committed = ledger.committed();
    let mut places = ledger.places();
    let last = places
        .iter()
        .rposition(|at| matches!(ledger.piece(*at), Piece::Commit(..)));
    places.truncate(last? + 1);
    let at = places[rng.index(places.len())];
    let mut bytes = ledger.piece(at).bytes();
    let byte = rng.index(bytes.len());
    bytes[byte] ^= 1 << rng.below(8);
    let first = match ledger.piece(at) {
        Piece::Vault(seq, _) => seq + 1,
        piece => piece.seq(),
    };
    *ledger.piece_mut(at) = Piece::Raw(bytes);
    done(ledger, first.min(committed), &[Attack::Torn])
}

pub fn edit_a_leaf(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let (at, seq) = some_record(ledger, rng)?;
    let Piece::Record(frame, leaf, body) = ledger.piece(at).clone() else {
        return None;
    };
    let mut payload = leaf.encode().to_vec();
    payload[rng.index(LEAF)] ^= 1 << rng.below(8);
    let kept = payload.clone();
    payload.extend(body);
    let mut raw = Vec::new();
    let kind = mcpo2_verify::FrameKind::Record;
    mcpo2_verify::write_frame(&mut raw, kind, frame, &[&payload]).unwrap();
    *ledger.piece_mut(at) = Piece::Raw(raw);
    let schema = kept[146..148] != [1, 0];
    let expected = if schema {
        &[Attack::Unreadable][..]
    } else {
        &EDITS
    };
    done(ledger, seq, expected)
}

pub fn edit_a_body(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let seq = change_body(ledger, rng)?;
    done(ledger, seq, &[Attack::Edited])
}

pub fn edit_with_digest(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let seq = change_body(ledger, rng)?;
    refit(ledger, DIGEST, seq);
    done(ledger, seq, &EDITS)
}

pub fn edit_with_chain(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let seq = change_body(ledger, rng)?;
    refit(ledger, CHAIN, seq);
    done(ledger, seq, &EDITS)
}

pub fn edit_with_tree(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let seq = change_body(ledger, rng)?;
    refit(ledger, all(Commits::Text), seq);
    drop_tiles(ledger);
    done(ledger, seq, &[Attack::Forged, Attack::KeyListSwapped])
}

pub fn edit_and_sign(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let seq = change_body(ledger, rng)?;
    refit(ledger, all(Commits::Stranger), seq);
    drop_tiles(ledger);
    done(ledger, seq, &[Attack::Forged, Attack::KeyListSwapped])
}

/// The newest key was stolen; the past before it stays as it is.
pub fn edit_the_past(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let newest = *ledger.rotations.last()?;
    let seq = change_body(ledger, rng)?;
    refit(ledger, all(Commits::Newest), seq);
    ledger.checkpoint = ledger.commits().pop().map(|(_, note)| note);
    let cleared = ledger.segments[0].first == 0;
    (seq < newest && cleared).then_some(())?;
    drop_tiles(ledger);
    done(ledger, seq, &[Attack::Forged, Attack::KeyListSwapped])
}

/// As before, without the commits by the keys before.
pub fn edit_the_past_unseen(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let newest = *ledger.rotations.last()?;
    let seq = change_body(ledger, rng)?;
    let mut gone = Vec::new();
    for segment in &mut ledger.segments {
        segment.pieces.retain(|piece| match piece {
            Piece::Commit(size, _) if *size > seq && *size <= newest => {
                gone.push(*size);
                false
            }
            _ => true,
        });
    }
    refit(ledger, all(Commits::Newest), seq);
    ledger.checkpoint = ledger.commits().pop().map(|(_, note)| note);
    let more = ledger.committed() > newest && ledger.segments[0].first == 0;
    (!gone.is_empty() && more).then_some(())?;
    drop_tiles(ledger);
    done(ledger, seq, &[Attack::Forged, Attack::KeyListSwapped])
}

/// The newest key was stolen, and what it signed is written anew: only memory helps.
pub fn rewrite_with_the_key(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let since = ledger.commits().pop()?.1;
    let seq = change_body(ledger, rng)?;
    let newest = ledger.rotations.last().copied().unwrap_or(0);
    (seq >= newest && seq >= proven_before(ledger, (0, 0))).then_some(())?;
    refit(ledger, all(Commits::Newest), seq);
    ledger.checkpoint = ledger.commits().pop().map(|(_, note)| note);
    drop_tiles(ledger);
    let mut attacked = done(ledger, seq, &[Attack::Forked, Attack::Edited])?;
    attacked.since = Some(since);
    Some(attacked)
}

pub fn turn_back_a_clock(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let (at, seq) = some_record(ledger, rng)?;
    (seq > ledger.segments[0].first).then_some(())?;
    let leaf = leaf_mut(ledger, at);
    match rng.below(2) {
        0 => leaf.wall_ns = 1_000_000,
        _ if leaf.mono_ns == 0 => return None,
        _ => leaf.mono_ns = 0,
    }
    done(ledger, seq, &[Attack::Clock, Attack::Edited])
}

pub fn leaf_mut(ledger: &mut Ledger, at: (usize, usize)) -> &mut Leaf {
    match ledger.piece_mut(at) {
        Piece::Record(_, leaf, _) => leaf,
        _ => unreachable!("a record was asked for"),
    }
}

/// Tiles are derived, and need not be there; but for those that stand in for segments.
pub fn drop_tiles(ledger: &mut Ledger) {
    if ledger.segments[0].first == 0 {
        ledger.tiles.clear();
    }
}

pub fn body_mut(ledger: &mut Ledger, at: (usize, usize)) -> &mut Vec<u8> {
    match ledger.piece_mut(at) {
        Piece::Record(_, _, body) => body,
        _ => unreachable!("a record was asked for"),
    }
}

pub fn touch_a_tile(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let path = ledger
        .tiles
        .keys()
        .nth(rng.index(ledger.tiles.len()))?
        .clone();
    let bytes = ledger.tiles.get_mut(&path)?;
    let at = rng.index(bytes.len());
    bytes[at] ^= 1 << rng.below(8);
    done(
        ledger,
        0,
        &[
            Attack::Edited,
            Attack::Foreign,
            Attack::Forked,
            Attack::Removed,
        ],
    )
    .map(|attacked| Attacked {
        first: u64::MAX,
        ..attacked
    })
}
