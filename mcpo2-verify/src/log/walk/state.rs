use crate::{Frontier, Hash, empty_root};

use super::super::clock::Times;

/// What the next frame is held against.
pub(in crate::log) struct State {
    /// The first record that the segments have.
    pub(in crate::log) first: u64,
    /// The number of the next record.
    pub(in crate::log) next: u64,
    /// The chain before it; unknown where leaves were pruned.
    pub(in crate::log) chain: Option<Hash>,
    pub(in crate::log) tree: Frontier,
    /// The times of the record before.
    pub(in crate::log) before: Option<Times>,
    pub(in crate::log) behind: Behind,
    pub(in crate::log) proven: Proven,
    pub(in crate::log) said: Said,
}

/// What the last commit has proven.
pub(in crate::log) struct Proven {
    /// How many records.
    pub(in crate::log) size: u64,
    pub(in crate::log) root: Hash,
    pub(in crate::log) newest_ns: Option<u64>,
    /// The records below this number may be removed.
    pub(in crate::log) retention: u64,
}

/// What records have said, not all of which need be proven.
#[derive(Default)]
pub(in crate::log) struct Said {
    /// The records below this number may be removed.
    pub(in crate::log) retention: u64,
    /// That a key follows of which no note tells.
    pub(in crate::log) rotation: bool,
}

/// What the frame before was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::log) enum Behind {
    /// A record that has commitments, and no values behind it so far.
    Commitments,
    /// A record without, or values.
    Record,
    /// A header or a commit.
    Other,
}

impl State {
    /// Before the first record.
    pub(super) fn new() -> Self {
        Self::within(Frontier::new(), [0; 32])
    }

    /// Before a record in the midst of a ledger.
    pub(super) fn within(tree: Frontier, chain: Hash) -> Self {
        let size = tree.size();
        let root = if size == 0 { empty_root() } else { tree.root() };
        Self {
            first: size,
            next: size,
            chain: Some(chain),
            tree,
            before: None,
            behind: Behind::Other,
            proven: Proven {
                size,
                root,
                newest_ns: None,
                retention: 0,
            },
            said: Said::default(),
        }
    }
}
