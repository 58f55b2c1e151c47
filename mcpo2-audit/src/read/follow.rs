use std::path::{Path, PathBuf};

use super::{Entry, ReadError, committed};
use crate::{DirDisk, Disk, recover, vault::Keys};
use mcpo2_verify::segment_name;

/// Reads a ledger as it grows.
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
            self.read_on()?;
        }
        let count = self.ready.len().min(max);
        let entries: Vec<Entry> = self.ready.drain(..count).collect();
        if let Some(last) = entries.last() {
            self.next = last.seq.saturating_add(1);
        }
        Ok(entries)
    }

    fn read_on(&mut self) -> Result<(), ReadError> {
        let disk = DirDisk::existing(&self.dir);
        let keys = Keys::load(&disk)
            .map(|keys| keys.by_tag())
            .unwrap_or_default();
        loop {
            let firsts = recover::segments(&disk)?;
            // One that was removed meanwhile is gone with what was in it.
            let at = self.at.filter(|(segment, _)| firsts.contains(segment));
            let (segment, offset) = match at {
                Some(at) => at,
                None => match start(&firsts, self.next) {
                    Some(segment) => (segment, 0),
                    None => return Ok(()),
                },
            };
            let after = firsts.iter().find(|first| **first > segment);
            let file = disk.open(&format!("seg/{}", segment_name(segment)))?;
            let length = file.len()?.saturating_sub(offset);
            let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
            file.read_exact_at(&mut bytes, offset)?;
            let mut entries = Vec::new();
            let end = committed(&bytes, (segment, offset), after.is_none(), |raw| {
                entries.push(raw.entry(segment, &keys));
            })?;
            for entry in entries {
                let entry = entry?;
                if entry.seq >= self.next {
                    self.ready.push_back(entry);
                }
            }
            self.at = Some((segment, end));
            match after {
                // What was there before the next segment began was read.
                Some(after) if self.ready.is_empty() => self.at = Some((*after, 0)),
                _ => return Ok(()),
            }
        }
    }
}

/// The segment that has this record, or else the first.
fn start(firsts: &[u64], seq: u64) -> Option<u64> {
    let has = firsts.iter().rev().find(|first| **first <= seq);
    has.or(firsts.first()).copied()
}
