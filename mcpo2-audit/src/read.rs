mod feed;
mod follow;
mod raw;

pub use feed::LedgerFeed;
pub use follow::Follower;

pub(crate) use raw::committed;

use std::{
    collections::{HashMap, VecDeque},
    io,
    path::Path,
};

use mcpo2_verify::Leaf;
use serde_json::Value;

use self::raw::Unread;
use crate::{
    DirDisk, Event, IntentRecord, OutcomeRecord, Record, RecordId, recover,
    vault::{ByTag, Keys},
};

/// The records of a ledger, oldest first.
///
/// It trusts what it reads: [`verify`](crate::verify) does not. What is personal is read back where
/// the keys of the vault are there, and their owner reads.
///
/// # Errors
///
/// Where the directory cannot be read.
pub fn read(dir: impl AsRef<Path>) -> Result<Entries, ReadError> {
    Entries::open(dir.as_ref(), None)
}

/// The newest records of a ledger, `count` at most, oldest first.
///
/// # Errors
///
/// Where they cannot be read.
pub fn tail(dir: impl AsRef<Path>, count: usize) -> Result<Vec<Entry>, ReadError> {
    let all = Entries::open(dir.as_ref(), None)?;
    let segments: Vec<u64> = all.segments.iter().copied().collect();
    for begin in (0..segments.len()).rev() {
        let enough = Entries::open(dir.as_ref(), segments.get(begin).copied())?;
        let mut newest = VecDeque::new();
        for entry in enough {
            if newest.len() == count {
                newest.pop_front();
            }
            newest.push_back(entry?);
        }
        if newest.len() == count || begin == 0 {
            return Ok(newest.into());
        }
    }
    Ok(Vec::new())
}

/// The records of a ledger, of which an intent and its outcome are one call; an intent that has no
/// outcome stands behind all others.
///
/// # Errors
///
/// As [`read`]; and what is damaged is passed on.
pub fn calls(dir: impl AsRef<Path>) -> Result<Calls, ReadError> {
    Ok(Calls {
        entries: read(dir)?,
        intents: HashMap::new(),
        open: None,
    })
}

/// Records of which an intent and its outcome are one.
#[derive(Debug)]
pub struct Calls {
    entries: Entries,
    intents: HashMap<RecordId, (Entry, IntentRecord)>,
    /// The intents without an outcome, once all else was told.
    open: Option<std::vec::IntoIter<Entry>>,
}

impl Iterator for Calls {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        for entry in &mut self.entries {
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error)),
            };
            match &entry.record.event {
                Event::Intent(intent) => {
                    let intent = IntentRecord::clone(intent);
                    self.intents.insert(entry.record.id, (entry, intent));
                    continue;
                }
                Event::Outcome(outcome) => {
                    if let Some((begun, intent)) = self.intents.remove(&outcome.intent) {
                        let call = intent.ended(OutcomeRecord::clone(outcome));
                        entry.record.time = begun.record.time;
                        entry.record.event = Event::Call(Box::new(call));
                    }
                }
                _ => {}
            }
            return Some(Ok(entry));
        }
        let open = self.open.get_or_insert_with(|| {
            let intents = std::mem::take(&mut self.intents);
            let mut open: Vec<_> = intents.into_values().map(|(entry, _)| entry).collect();
            open.sort_unstable_by_key(|entry| entry.seq);
            open.into_iter()
        });
        open.next().map(Ok)
    }
}

/// One record, and where it stands.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// The number of the record, from 0.
    pub seq: u64,
    /// What the tree says of it.
    pub leaf: Leaf,
    /// The segment that it is in, by the number of that one's first record.
    pub segment: u64,
    /// Where its frame begins there.
    pub offset: u64,
    /// The record.
    pub record: Record,
    /// Its JSON, with what is personal where that could be read.
    pub json: Value,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file system refused something.
    #[error("the ledger cannot be read")]
    Io(#[from] io::Error),
    /// What stands there is no frame: `verify` says more.
    #[error("{segment} is damaged at byte {offset}")]
    Damaged {
        /// The file.
        segment: String,
        /// Where in it.
        offset: u64,
    },
    /// The frame is whole, and its record is none of this version.
    #[error("record {seq} is of another version")]
    Record {
        /// The number of the record.
        seq: u64,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
}

/// The records of a ledger, as they are read; it ends at the first that is damaged. Of what is
/// being written it shows what is safe.
#[derive(Debug)]
pub struct Entries {
    disk: DirDisk,
    keys: ByTag,
    segments: VecDeque<u64>,
    /// Those of one segment, each of which is read when it is asked for: all of them at once would
    /// take many times the room.
    ready: VecDeque<Result<Unread, ReadError>>,
}

impl Entries {
    fn open(dir: &Path, from: Option<u64>) -> Result<Self, ReadError> {
        // A directory that is not there is no empty ledger.
        std::fs::metadata(dir)?;
        let disk = DirDisk::existing(dir);
        let mut segments = recover::segments(&disk)?;
        segments.retain(|first| from.is_none_or(|from| *first >= from));
        // Whoever may not read the keys reads the rest.
        let keys = Keys::load(&disk).map(|keys| keys.by_tag());
        Ok(Self {
            keys: keys.unwrap_or_default(),
            disk,
            segments: segments.into(),
            ready: VecDeque::new(),
        })
    }

    /// Reads a segment, as far as it is committed.
    fn load(&mut self, segment: u64) -> Result<(), ReadError> {
        let is_last = self.segments.is_empty();
        let bytes = recover::load(&self.disk, segment)?;
        let ready = &mut self.ready;
        let walked = committed(&bytes, (segment, 0), is_last, |raw| {
            ready.push_back(Ok(raw.unread(segment)));
        });
        if let Err(error) = walked {
            self.segments.clear();
            self.ready.push_back(Err(error));
        }
        Ok(())
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(unread) = self.ready.pop_front() {
                return Some(unread.and_then(|unread| unread.entry(&self.keys)));
            }
            let segment = self.segments.pop_front()?;
            if let Err(error) = self.load(segment) {
                self.segments.clear();
                return Some(Err(error));
            }
        }
    }
}
