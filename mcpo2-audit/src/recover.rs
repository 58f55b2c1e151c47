//! Finds where a ledger ends, so that it can be continued.

use std::io;

use mcpo2_verify::{
    Frame, FrameKind, Frontier, Hash, Kind, LEAF, Leaf, SegmentError, SegmentHeader, chain_next,
    leaf_hash, parse_segment_name, read_frame, segment_name,
};

use crate::{Disk, Error, ErrorKind, epoch::Epoch};

/// The largest segment that is opened.
const MAX_SEGMENT: u64 = 1 << 32;

/// Where a ledger stands.
#[derive(Debug, Clone)]
pub(crate) struct Tip {
    pub(crate) frontier: Frontier,
    pub(crate) chain: Hash,
    pub(crate) wall_ns: u64,
    /// The leaf of the last record; none in an empty ledger.
    pub(crate) last: Option<Leaf>,
}

/// Where a ledger ends.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) tip: Tip,
    /// The last segment: the number of its first record, and where it ends.
    pub(crate) segment: Option<(u64, u64)>,
    /// What stands behind that, in bytes and in whole records.
    pub(crate) torn: (u64, u64),
}

impl Tip {
    pub(crate) const GENESIS: Self = Self {
        frontier: Frontier::new(),
        chain: [0; 32],
        wall_ns: 0,
        last: None,
    };

    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The same behind one more record.
    pub(crate) fn push(&mut self, leaf: Leaf, bytes: &[u8; LEAF]) -> Hash {
        let hash = leaf_hash(bytes);
        self.frontier.push(hash);
        self.chain = chain_next(&self.chain, bytes);
        self.wall_ns = leaf.wall_ns;
        self.last = Some(leaf);
        hash
    }
}

/// The segments that are there, by the number of their first record.
pub(crate) fn segments(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let names = disk.list("seg")?;
    let mut firsts: Vec<u64> = names
        .iter()
        .filter_map(|it| parse_segment_name(it))
        .collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// The bytes of a segment.
pub(crate) fn load(disk: &dyn Disk, first: u64) -> io::Result<Vec<u8>> {
    disk.read(&format!("seg/{}", segment_name(first)), MAX_SEGMENT)
}

/// Finds the end. A segment whose header did not become safe is left out, and removed.
///
/// # Errors
///
/// [`ErrorKind::Damaged`] where records are not whole that somebody was told are safe.
pub(crate) fn end(disk: &dyn Disk, epoch: &Epoch) -> Result<End, Error> {
    let firsts = segments(disk).map_err(unreadable)?;
    let mut lost = 0;
    for first in firsts.iter().rev() {
        let bytes = load(disk, *first).map_err(unreadable)?;
        match walk(*first, &bytes, epoch)? {
            Some(mut end) => {
                end.torn.0 += lost;
                return behind(disk, &firsts, *first, end, epoch);
            }
            None => {
                lost += used(&bytes);
                let name = format!("seg/{}", segment_name(*first));
                disk.remove(&name).map_err(unreadable)?;
                disk.sync_dir("seg").map_err(unreadable)?;
            }
        }
    }
    Ok(End {
        tip: Tip::GENESIS,
        segment: None,
        torn: (lost, 0),
    })
}

/// What only the segment before knows, where this one has no record yet.
fn behind(
    disk: &dyn Disk,
    firsts: &[u64],
    segment: u64,
    mut end: End,
    epoch: &Epoch,
) -> Result<End, Error> {
    let before = firsts.iter().rev().find(|first| **first < segment);
    let Some(before) = before.filter(|_| end.tip.last.is_none()) else {
        return Ok(end);
    };
    let bytes = load(disk, *before).map_err(unreadable)?;
    let known = walk(*before, &bytes, epoch)?.ok_or_else(|| damaged(*before, 0))?;
    if known.tip.chain != end.tip.chain || known.tip.size() != end.tip.size() {
        return Err(damaged(*before, 0));
    }
    end.tip.last = known.tip.last;
    end.tip.wall_ns = known.tip.wall_ns;
    Ok(end)
}

/// Where a segment ends; none where it never got a header.
fn walk(first: u64, bytes: &[u8], epoch: &Epoch) -> Result<Option<End>, Error> {
    let header = match read_frame(bytes) {
        Ok(Some(frame)) => header(first, &frame, epoch)?,
        Ok(None) => return Ok(None),
        // A header is safe before any group. So behind one that tore stands nothing.
        Err(_) if commits_behind(bytes, 0) > 0 => return Err(damaged(first, 0)),
        Err(_) => return Ok(None),
    };
    let mut at = header.1;
    let mut group = Tip {
        last: None,
        ..header.0
    };
    let mut end = End {
        tip: group.clone(),
        segment: Some((first, place(at))),
        torn: (0, 0),
    };
    let mut open = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let frame = match read_frame(rest) {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            // A group is begun when the one before it is safe. So what tore is the last one.
            Err(_) if commits_behind(bytes, at) > 1 => return Err(damaged(first, at)),
            Err(_) => break,
        };
        if !step(&frame, &mut group, epoch) {
            return match commits_behind(bytes, at) {
                0 | 1 => Ok(Some(torn(end, bytes, open))),
                _ => Err(damaged(first, at)),
            };
        }
        at += frame.length();
        open += u64::from(frame.kind == FrameKind::Record);
        if frame.kind == FrameKind::Commit {
            (end.tip, open) = (group.clone(), 0);
            end.segment = Some((first, place(at)));
        }
    }
    Ok(Some(torn(end, bytes, open)))
}

/// What is left of a group that was being written.
fn torn(mut end: End, bytes: &[u8], records: u64) -> End {
    let size = end.segment.map_or(0, |(_, size)| size);
    end.torn = (used(bytes).saturating_sub(size), records);
    end
}

/// Whether the frame may stand here; then the tip stands behind it.
fn step(frame: &Frame<'_>, tip: &mut Tip, epoch: &Epoch) -> bool {
    match frame.kind {
        FrameKind::Record => {
            let Some((bytes, _)) = frame.payload.split_first_chunk::<LEAF>() else {
                return false;
            };
            let Ok(leaf) = Leaf::decode(bytes) else {
                return false;
            };
            let follows = leaf.seq == tip.size() && leaf.prev_chain == tip.chain;
            let fits = follows && leaf.seq == frame.seq && leaf.wall_ns >= tip.wall_ns;
            if fits {
                tip.push(leaf, bytes);
            }
            fits
        }
        FrameKind::Vault => true,
        FrameKind::Commit => epoch.knows(frame.payload) == Some((tip.size(), tip.frontier.root())),
        _ => false,
    }
}

/// What the segment continues, and where its frames begin.
fn header(first: u64, frame: &Frame<'_>, epoch: &Epoch) -> Result<(Tip, usize), Error> {
    let header = match (frame.kind, SegmentHeader::decode(frame.payload)) {
        (FrameKind::Header, Err(SegmentError::Version)) => {
            let message = "the ledger is of another version, so another version must go on here";
            return Err(Error::new(ErrorKind::Damaged, message));
        }
        (FrameKind::Header, header) => header.ok(),
        _ => None,
    };
    let header = header.filter(|it| it.origin == epoch.origin().as_str());
    let header = header.ok_or_else(|| damaged(first, 0))?;
    let frontier = Frontier::from_hashes(first, header.frontier);
    let tip = Tip {
        frontier: frontier.map_err(|_| damaged(first, 0))?,
        chain: header.prev_chain,
        ..Tip::GENESIS
    };
    Ok((tip, frame.length()))
}

/// How many whole commits stand behind this place, of two.
fn commits_behind(bytes: &[u8], from: usize) -> usize {
    let commit = FrameKind::Commit.number();
    let mut count = 0;
    let mut at = from;
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() > 5) {
        let frame = match rest.get(4) == Some(&commit) {
            true => read_frame(rest).ok().flatten(),
            false => None,
        };
        count += usize::from(frame.is_some());
        if count > 1 {
            break;
        }
        at += frame.map_or(1, |frame| frame.length());
    }
    count
}

/// The length without the zeros at the end.
fn used(bytes: &[u8]) -> u64 {
    place(bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1))
}

fn place(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

/// The kind of a leaf that names the next key.
pub(crate) fn is_rotation(leaf: &Leaf) -> bool {
    leaf.kind == Kind::KEY_ROTATION
}

fn unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::Io, "the ledger cannot be read").with_source(error)
}

fn damaged(segment: u64, at: usize) -> Error {
    let name = segment_name(segment);
    let message = format!("the ledger is damaged: {name} at byte {at}; `verify` says more");
    Error::new(ErrorKind::Damaged, message)
}
