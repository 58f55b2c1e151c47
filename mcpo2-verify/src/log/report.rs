use std::collections::BTreeMap;

use crate::{Hash, Kind};

/// What a ledger is that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The name of the log.
    pub origin: String,
    /// What is proven.
    pub extent: Extent,
    /// What stands behind the last commit.
    pub tail: Tail,
    /// How much of what there is.
    pub counts: Counts,
    /// How many records the published checkpoint covers, if one is there.
    pub published: Option<u64>,
    /// The witnesses that have signed it, among those that were asked for.
    pub cosigners: Vec<String>,
}

/// Which records are proven.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extent {
    /// The first record that is there; those before it were removed, or not looked at.
    pub first: u64,
    /// How many records the newest commit covers, the removed ones included.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// When the newest record was appended, in nanoseconds since 1970.
    pub newest_ns: Option<u64>,
}

/// What stands behind the last commit: it was acknowledged to nobody, and nothing is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Tail {
    /// How many whole records.
    pub records: u64,
    /// Whether bytes stand behind them that are no frame, as a crash leaves them.
    pub torn: bool,
}

/// How much of what there is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Segments.
    pub segments: u64,
    /// Commits, each of whose signatures was verified.
    pub commits: u64,
    /// Records, by their kinds.
    pub kinds: BTreeMap<Kind, u64>,
    /// Frames with personal values.
    pub vault: u64,
    /// Records with commitments, and without such a frame.
    pub without_values: u64,
    /// Records whose time was held back, or before which the clock was set.
    pub odd_times: u64,
    /// Tiles and entry bundles that agree.
    pub tiles: u64,
    /// Tiles and entry bundles that are not whole, as a crash may leave them.
    pub torn_tiles: u64,
    /// Epochs, that is, keys one after the other.
    pub epochs: u64,
}

impl Counts {
    /// How many records there are, whatever their kind.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.kinds.values().sum()
    }
}
