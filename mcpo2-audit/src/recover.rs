//! Finds where a ledger ends, so that it can be continued.

use std::path::Path;

use crate::{
    Fault, SegmentHeader, VerifyError, files,
    scan::{Lines, Tip, header},
};

/// Where a ledger ends.
#[derive(Debug)]
pub(crate) struct End {
    /// The header of its first segment.
    pub(crate) header: SegmentHeader,
    /// The number of its last segment.
    pub(crate) segment: u32,
    /// Where its chain stands.
    pub(crate) tip: Tip,
    /// How long the last segment is, up to its last good line; 0 where not even its header is.
    pub(crate) size: u64,
    /// How many bytes stand behind that.
    pub(crate) torn: u64,
}

/// Finds the end of the ledger; none where there is no record yet.
///
/// It checks every line of the last segment and its link to the one before. A bad line at the
/// very end is a torn write; a bad line anywhere else is damage, and the ledger is not continued.
pub(crate) fn end(dir: &Path) -> Result<Option<End>, VerifyError> {
    let segments = files::segments(dir).map_err(VerifyError::io(dir))?;
    for (expected, (number, _)) in (0..).zip(&segments) {
        if *number != expected {
            return Err(VerifyError::damaged(expected, 1, Fault::MissingSegment));
        }
    }
    let Some(((last, path), before)) = segments.split_last() else {
        return Ok(None);
    };
    let tip = match before.last() {
        Some((number, path)) => tip_of(*number, path)?,
        None => Tip::GENESIS,
    };
    let found = walk(*last, path, tip)?;
    let header = match (segments.first(), found.header) {
        // The first segment has no whole header: nothing was ever recorded.
        (_, None) if *last == 0 => return Ok(None),
        (_, Some(header)) if *last == 0 => header,
        (Some((first, path)), header) => {
            let original = header_of(*first, path)?;
            let same = |new: &SegmentHeader| {
                (new.ledger, new.digest_key) == (original.ledger, original.digest_key)
            };
            if !header.as_ref().is_none_or(same) {
                return Err(VerifyError::damaged(*last, 1, Fault::Header));
            }
            original
        }
        (None, _) => return Ok(None),
    };
    Ok(Some(End {
        header,
        segment: *last,
        tip: found.tip,
        size: found.size,
        torn: found.torn,
    }))
}

struct Walked {
    header: Option<SegmentHeader>,
    tip: Tip,
    size: u64,
    torn: u64,
}

fn walk(segment: u32, path: &Path, tip: Tip) -> Result<Walked, VerifyError> {
    let io = || VerifyError::io(path);
    let mut lines = Lines::open(path).map_err(io())?;
    let mut found = Walked {
        header: None,
        tip,
        size: 0,
        torn: 0,
    };
    while let Some(line) = lines.next().map_err(io())? {
        let checked = line.and_then(|line| {
            let tip = found.tip.continue_from(&line)?;
            if found.header.is_none() {
                found.header = Some(header(&line, segment)?);
            }
            Ok(tip)
        });
        match checked {
            Ok(tip) => {
                found.tip = tip;
                found.size = lines.end();
            }
            Err(Fault::Torn | Fault::Malformed | Fault::Edited)
                if lines.at_end().map_err(io())? =>
            {
                found.torn = lines.end() - lines.start();
            }
            Err(fault) => return Err(VerifyError::damaged(segment, lines.number(), fault)),
        }
    }
    Ok(found)
}

/// Where the chain stands at the end of a segment that is not the last.
fn tip_of(segment: u32, path: &Path) -> Result<Tip, VerifyError> {
    let mut lines = Lines::open(path).map_err(VerifyError::io(path))?;
    let mut last = Err(Fault::Header);
    while let Some(line) = lines.next().map_err(VerifyError::io(path))? {
        last = line.and_then(|line| {
            let before = Tip {
                next: line.seq(),
                hash: line.prev(),
            };
            before.follow(&line)
        });
        if last.is_err() {
            break;
        }
    }
    last.map_err(|fault| VerifyError::damaged(segment, lines.number().max(1), fault))
}

fn header_of(segment: u32, path: &Path) -> Result<SegmentHeader, VerifyError> {
    let mut lines = Lines::open(path).map_err(VerifyError::io(path))?;
    let found = match lines.next().map_err(VerifyError::io(path))? {
        Some(line) => line.and_then(|line| header(&line, segment)),
        None => Err(Fault::Header),
    };
    found.map_err(|fault| VerifyError::damaged(segment, 1, fault))
}
