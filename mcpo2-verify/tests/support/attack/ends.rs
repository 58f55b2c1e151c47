//! What is done to ends, to segments and to whole ledgers.

use mcpo2_verify::log::Attack;

use super::{
    super::{Ledger, Piece, Segment, rng::Rng},
    Attacked, done, next_at, proven_before, some_commit,
};

pub fn cut_the_end(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let (at, _) = some_commit(ledger, rng)?;
    let first = proven_before(ledger, at);
    (first < ledger.committed()).then_some(())?;
    ledger.segments.truncate(at.0 + 1);
    ledger.segments[at.0].pieces.truncate(at.1);
    ledger.segments[at.0].room = rng.index(30);
    done(ledger, first, &[Attack::Truncated])
}

pub fn cut_within_a_frame(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let (at, _) = some_commit(ledger, rng)?;
    let first = proven_before(ledger, at);
    (first < ledger.committed()).then_some(())?;
    let mut bytes = ledger.piece(at).bytes();
    bytes.truncate(1 + rng.index(bytes.len() - 1));
    ledger.segments.truncate(at.0 + 1);
    ledger.segments[at.0].pieces.truncate(at.1);
    ledger.segments[at.0].pieces.push(Piece::Raw(bytes));
    ledger.segments[at.0].room = 0;
    done(ledger, first, &[Attack::Torn])
}

/// An older state, whole and as it was.
pub fn roll_back(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let since = ledger.commits().pop()?.1;
    let (at, size) = some_commit(ledger, rng)?;
    (size < ledger.committed()).then_some(())?;
    let Piece::Commit(_, note) = ledger.piece(at).clone() else {
        return None;
    };
    ledger.segments.truncate(at.0 + 1);
    ledger.segments[at.0].pieces.truncate(at.1 + 1);
    ledger.checkpoint = Some(note);
    let epochs = ledger
        .rotations
        .iter()
        .filter(|past| **past <= size)
        .count();
    ledger.notes = std::mem::take(&mut ledger.notes)
        .into_iter()
        .take(epochs)
        .collect();
    let mut attacked = done(
        ledger,
        size,
        &[Attack::RolledBack, Attack::Forged, Attack::Removed],
    )?;
    attacked.since = Some(since);
    Some(attacked)
}

/// Another history by the same keys.
pub fn fork(ledger: &mut Ledger, other: &Ledger, _: &mut Rng) -> Option<Attacked> {
    let since = ledger.commits().pop()?;
    (ledger.origin == other.origin && other.committed() >= since.0).then_some(())?;
    let mut attacked = done(other, 0, &[Attack::Forked, Attack::Forged])?;
    attacked.since = Some(since.1);
    Some(attacked)
}

/// Another history by the same keys, and the checkpoint of the true one.
pub fn fork_below(ledger: &mut Ledger, other: &Ledger, _: &mut Rng) -> Option<Attacked> {
    (ledger.origin == other.origin).then_some(())?;
    let mut other = other.clone();
    other.checkpoint.clone_from(&ledger.checkpoint);
    let expected = [Attack::Forked, Attack::Truncated, Attack::Forged];
    done(&other, 0, &expected)
}

pub fn publish_anothers(ledger: &mut Ledger, other: &Ledger, _: &mut Rng) -> Option<Attacked> {
    (ledger.origin != other.origin).then_some(())?;
    ledger.checkpoint.clone_from(&other.checkpoint);
    done(ledger, 0, &[Attack::Foreign])
}

pub fn drop_a_segment(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let at = rng.index(ledger.segments.len());
    let committed = ledger.committed();
    let first = ledger.segments[at].first;
    (first < committed).then_some(())?;
    let last = at + 1 == ledger.segments.len();
    ledger.segments.remove(at);
    if last {
        let first = ledger.commits().iter().map(|it| it.0).max().unwrap_or(0);
        let first = first.min(ledger.segments.first().map_or(0, |_| first));
        return done(ledger, first, &[Attack::Truncated]);
    }
    let first = if at == 0 { 0 } else { first };
    done(ledger, first, &[Attack::Removed])
}

pub fn swap_segments(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let (one, other) = (
        rng.index(ledger.segments.len()),
        rng.index(ledger.segments.len()),
    );
    let committed = ledger.committed();
    let (low, high) = (one.min(other), one.max(other));
    (low < high && ledger.segments[high].first < committed).then_some(())?;
    let first = ledger.segments[low].first;
    let pieces = std::mem::take(&mut ledger.segments[low].pieces);
    let pieces = std::mem::replace(&mut ledger.segments[high].pieces, pieces);
    ledger.segments[low].pieces = pieces;
    done(ledger, first, &[Attack::Reordered])
}

pub fn repeat_a_segment(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let at = rng.index(ledger.segments.len());
    let segment = ledger.segments[at].clone();
    let first = segment.first + 1 + rng.below(20);
    (ledger.segments.iter().all(|it| it.first != first)).then_some(())?;
    ledger.segments.push(Segment { first, ..segment });
    ledger.segments.sort_by_key(|segment| segment.first);
    let place = ledger.segments.iter().position(|it| it.first == first)?;
    let first = first.max(next_at(ledger, (place, 0)));
    let expected = [
        Attack::Inserted,
        Attack::Removed,
        Attack::Reordered,
        Attack::Torn,
    ];
    done(ledger, first, &expected)
}

pub fn splice_a_segment(ledger: &mut Ledger, other: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let at = rng.index(ledger.segments.len());
    let segment = &mut ledger.segments[at];
    (segment.first < other.committed()).then_some(())?;
    let first = segment.first;
    let same = other.segments.iter().find(|it| it.first == first)?;
    (*same != *segment).then_some(())?;
    *segment = same.clone();
    let expected = match (first, ledger.origin == other.origin) {
        (_, false) => &[Attack::Foreign][..],
        // with the same key and from the first record on, it is a fork and not a splice
        (0, true) => return None,
        _ => &[Attack::Foreign, Attack::Edited],
    };
    done(ledger, first, expected)
}

/// More than the record of the retention allows, or what stands in is gone as well.
pub fn keep_too_little(ledger: &mut Ledger, _: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let first = ledger.segments[0].first;
    (ledger.segments.len() > 1 || first > 0).then_some(())?;
    if rng.one_in(2) && first > 0 {
        let path = ledger
            .tiles
            .keys()
            .find(|path| path.starts_with("tile/0/000"))?
            .clone();
        let prefix = path.split(".p").next()?.to_owned();
        ledger.tiles.retain(|path, _| !path.starts_with(&prefix));
        return done(ledger, 0, &[Attack::Removed]);
    }
    (ledger.segments.len() > 1 && ledger.segments[1].first < ledger.committed()).then_some(())?;
    ledger.segments.remove(0);
    let expected = &[Attack::Removed];
    done(ledger, 0, expected)
}
