use std::path::{Path, PathBuf};

use super::{Entry, ReadError, committed};
use crate::{
    DirDisk, Disk, recover,
    vault::{ByTag, Keys},
};
use mcpo2_verify::segment_name;

/// Reads a ledger as it grows, a piece at a time.
///
/// ```
/// use mcpo2_audit::{Event, Follower, Ledger, Note, Options};
/// # let dir = tempfile::tempdir()?;
/// let ledger = Ledger::open(dir.path(), Options::default())?;
/// let mut follower = Follower::open(dir.path(), 0);
/// ledger.append(Event::Admin(Note::new("reload")))?;
/// ledger.flush()?;
/// assert_eq!(follower.next_entries(10)?.len(), 1);
/// assert!(follower.next_entries(10)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Follower {
    dir: PathBuf,
    /// The number of the record that comes next.
    next: u64,
    /// Where it stands, or something before it: the segment, and the offset there.
    at: Option<(u64, u64)>,
    ready: std::collections::VecDeque<Entry>,
}

impl Follower {
    /// From the record of this number on, or the first that is there behind it.
    pub fn open(dir: impl AsRef<Path>, next: u64) -> Self {
        Self {
            dir: dir.as_ref().to_owned(),
            next,
            at: None,
            ready: std::collections::VecDeque::new(),
        }
    }

    /// The number of the record that comes next.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// The records that have come since, `max` at most. It does not wait.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    pub fn next_entries(&mut self, max: usize) -> Result<Vec<Entry>, ReadError> {
        if self.ready.len() < max {
            self.read_on(max)?;
        }
        let count = self.ready.len().min(max);
        let entries: Vec<Entry> = self.ready.drain(..count).collect();
        if let Some(last) = entries.last() {
            self.next = last.seq.saturating_add(1);
        }
        Ok(entries)
    }

    /// Reads until so many are ready, or nothing follows yet.
    fn read_on(&mut self, max: usize) -> Result<(), ReadError> {
        let disk = DirDisk::existing(&self.dir);
        let keys = Keys::load(&disk)
            .map(|keys| keys.by_tag())
            .unwrap_or_default();
        while self.ready.len() < max && self.step(&disk, &keys)? {}
        Ok(())
    }

    /// Reads a piece of the segment where it stands. False where nothing follows.
    fn step(&mut self, disk: &DirDisk, keys: &ByTag) -> Result<bool, ReadError> {
        let firsts = recover::segments(disk)?;
        // One that was removed meanwhile is gone with what was in it.
        let at = self.at.filter(|(segment, _)| firsts.contains(segment));
        let (segment, offset) = match at {
            Some(at) => at,
            None => match start(&firsts, self.next) {
                Some(segment) => (segment, 0),
                None => return Ok(false),
            },
        };
        let after = firsts.iter().find(|first| **first > segment);
        let (entries, end) = piece(disk, (segment, offset), after.is_none(), keys)?;
        let next = self.next;
        self.ready
            .extend(entries.into_iter().filter(|entry| entry.seq >= next));
        self.at = Some((segment, end));
        match after {
            _ if end > offset => Ok(true),
            // What was there before the next segment began was read.
            Some(after) => {
                self.at = Some((*after, 0));
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

/// How much of a segment is read at once, where no group in it is longer.
const PIECE: u64 = 1 << 20;

/// The records of the next groups of a segment from this offset on, and where the last one ends.
fn piece(
    disk: &DirDisk,
    (segment, offset): (u64, u64),
    is_last: bool,
    keys: &ByTag,
) -> Result<(Vec<Entry>, u64), ReadError> {
    let file = disk.open(&format!("seg/{}", segment_name(segment)))?;
    let rest = file.len()?.saturating_sub(offset);
    let mut length = rest.min(PIECE);
    loop {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact_at(&mut bytes, offset)?;
        let is_cut = length < rest;
        let mut entries = Vec::new();
        let end = committed(&bytes, (segment, offset), is_last || is_cut, |raw| {
            entries.push(raw.entry(segment, keys));
        })?;
        // The room that is kept behind the last frame is zeros, and would be read in vain.
        let is_over = bytes.iter().take(4).all(|byte| *byte == 0);
        if end > offset || !is_cut || is_over {
            return Ok((entries.into_iter().collect::<Result<_, _>>()?, end));
        }
        length = length.saturating_mul(2).min(rest);
    }
}

/// The segment that has this record, or else the first.
fn start(firsts: &[u64], seq: u64) -> Option<u64> {
    let has = firsts.iter().rev().find(|first| **first <= seq);
    has.or(firsts.first()).copied()
}
