use std::cmp::Ordering;

use serde::Serialize;

use super::{Content, Entry, Manifest, RelPath, tree::Hash};

/// One entry in which two manifests differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change<'a> {
    /// The second manifest has it alone.
    Added(&'a Entry),
    /// The first manifest has it alone.
    Removed(&'a Entry),
    /// Both have its path, with other contents.
    Edited(Edit<'a>),
}

/// What stands at one path in two manifests that differ there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Edit<'a> {
    before: &'a Entry,
    after: &'a Entry,
}

impl<'a> Change<'a> {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &'a RelPath {
        match self {
            Self::Added(entry) | Self::Removed(entry) => entry.path(),
            Self::Edited(edit) => edit.after.path(),
        }
    }
}

impl<'a> Edit<'a> {
    /// The entry of the first manifest.
    #[must_use]
    pub fn before(&self) -> &'a Entry {
        self.before
    }

    /// The entry of the second manifest.
    #[must_use]
    pub fn after(&self) -> &'a Entry {
        self.after
    }

    /// Whether one is a file and the other a link, or the like; then neither of the others is said.
    #[must_use]
    pub fn changes_kind(&self) -> bool {
        let [before, after] = [self.before, self.after].map(Entry::content);
        std::mem::discriminant(before) != std::mem::discriminant(after)
    }

    /// Whether both are files, and one of them alone may be run.
    #[must_use]
    pub fn changes_mode(&self) -> bool {
        let mode = |entry: &Entry| match entry.content() {
            Content::File { mode, .. } => Some(*mode),
            _ => None,
        };
        !self.changes_kind() && mode(self.before) != mode(self.after)
    }

    /// Whether both are of one kind and have other bytes, another target or another revision.
    #[must_use]
    pub fn changes_content(&self) -> bool {
        match (self.before.content(), self.after.content()) {
            (Content::File { digest: one, .. }, Content::File { digest: two, .. }) => one != two,
            (one, two) => !self.changes_kind() && one != two,
        }
    }
}

impl Manifest {
    /// What differs between this manifest and another, in the order of paths.
    ///
    /// Subtrees with one hash are passed over whole. The trees go by the numbers of the entries, so
    /// once an entry is added or removed, what follows is compared hash by hash until as many are
    /// removed or added: that takes one step for each entry, and no look at what is equal.
    #[must_use]
    pub fn diff<'a>(&'a self, other: &'a Self) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        let (mut at, mut to) = (0, 0);
        loop {
            let same = self.same_from(at, other, to);
            if same > 0 {
                // What follows may be the same again.
                (at, to) = (at + same, to + same);
                continue;
            }
            let pair = (self.entries.get(at), other.entries.get(to));
            let order = match pair {
                (None, None) => return changes,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(before), Some(after)) => before.path().cmp(after.path()),
            };
            at += usize::from(order.is_le());
            to += usize::from(order.is_ge());
            changes.extend(match (order, pair) {
                (Ordering::Less, (Some(before), _)) => Some(Change::Removed(before)),
                (Ordering::Greater, (_, Some(after))) => Some(Change::Added(after)),
                (_, (Some(before), Some(after))) => Some(Change::Edited(Edit { before, after })),
                _ => None,
            });
        }
    }

    /// How many entries are surely the same from there on; 0 where the next ones differ.
    fn same_from(&self, at: usize, other: &Self, to: usize) -> usize {
        let same = |level: usize| {
            let node = |of: &'_ Self, at: usize| -> Option<Hash> {
                of.tree.node(level, at >> level).copied()
            };
            node(self, at).is_some_and(|one| node(other, to) == Some(one))
        };
        // The subtrees that begin at both.
        let highest = match at == to {
            true => at.trailing_zeros() as usize,
            false => 0,
        };
        let highest = highest.min(self.tree.height().saturating_sub(1));
        let level = (0..=highest).rev().find(|level| same(*level));
        let left = self.entries.len() - at;
        level.map_or(0, |level| left.min(1 << level))
    }
}
