use std::path::{Path, PathBuf};

use mcpo2_core::BoxError;
use mcpo2_verify::leaf_hash;

use super::{Entry, Follower, ReadError};
use crate::{
    Ledger, Statements,
    export::{self, Exported},
    index::{self, Row},
};

/// A ledger on the disk, for an index that follows it and for exports.
#[derive(Debug)]
pub struct LedgerFeed {
    dir: PathBuf,
    origin: String,
    follower: Follower,
    writer: Option<Ledger>,
}

impl LedgerFeed {
    /// The ledger in this directory.
    ///
    /// # Errors
    ///
    /// Where its name cannot be read.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, ReadError> {
        let dir = dir.as_ref().to_owned();
        let origin = std::fs::read_to_string(dir.join("origin"))?;
        Ok(Self {
            origin: origin.lines().next().unwrap_or_default().to_owned(),
            follower: Follower::open(&dir, 0),
            dir,
            writer: None,
        })
    }

    /// The same, where this ledger is the one that writes it, in this process: what is not safe
    /// from a power failure yet is not given, and the disk is not asked for what cannot be there.
    #[must_use]
    pub fn with_writer(mut self, ledger: Ledger) -> Self {
        self.writer = Some(ledger);
        self
    }

    /// The name of the ledger.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    fn entries(&mut self, after: Option<u64>, max: usize) -> Result<Vec<Entry>, ReadError> {
        let next = after.map_or(0, |seq| seq.saturating_add(1));
        let safe = self.writer.as_ref().map(|it| it.stats().head.size);
        let max = safe.map_or(max, |safe| {
            usize::try_from(safe.saturating_sub(next)).map_or(max, |left| left.min(max))
        });
        if max == 0 {
            return Ok(Vec::new());
        }
        if self.follower.next_seq() != next {
            self.follower = Follower::open(&self.dir, next);
        }
        self.follower.next_entries(max)
    }
}

impl index::Source for LedgerFeed {
    fn next_after(&mut self, seq: Option<u64>, max: usize) -> Result<Vec<Row>, BoxError> {
        let rows = self.entries(seq, max)?.into_iter();
        let rows =
            rows.map(|entry| Row::from_json(entry.seq, entry.segment, entry.offset, &entry.json));
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest that is safe, of a ledger that this process writes; else the newest that is
    /// published, or that it gave.
    fn head(&mut self) -> Result<Option<u64>, BoxError> {
        let size = match &self.writer {
            Some(writer) => writer.stats().head.size,
            None => {
                let published = Statements::of(&self.dir).published()?;
                let size = published.map_or(0, |it| it.checkpoint().size());
                size.max(self.follower.next_seq())
            }
        };
        Ok(size.checked_sub(1))
    }
}

impl export::Feed for LedgerFeed {
    fn next_after(&mut self, seq: Option<u64>, max: usize) -> Result<Vec<Exported>, BoxError> {
        let entries = self.entries(seq, max)?.into_iter();
        let origin = &self.origin;
        let exported = entries.map(|entry| {
            let leaf = leaf_hash(&entry.leaf.encode());
            Exported::new(origin.as_str(), entry.seq, leaf, entry.json)
        });
        Ok(exported.collect())
    }
}
