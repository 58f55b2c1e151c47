use std::path::{Path, PathBuf};

use mcpo2_core::BoxError;
use mcpo2_verify::leaf_hash;

use super::{Entry, Follower, ReadError};
use crate::{
    export::{self, Exported},
    index::{self, Row},
};

/// A ledger on the disk, for an index that follows it and for exports.
#[derive(Debug)]
pub struct LedgerFeed {
    dir: PathBuf,
    origin: String,
    follower: Follower,
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
        })
    }

    /// The name of the ledger.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    fn entries(&mut self, after: Option<u64>, max: usize) -> Result<Vec<Entry>, ReadError> {
        let next = after.map_or(0, |seq| seq.saturating_add(1));
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
