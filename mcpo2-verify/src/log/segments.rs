use std::ops::Range;

use crate::parse_segment_name;

use super::{Attack, Files, Finding, files};

/// The segments of a ledger in their order, each by the number of its first record.
#[derive(Debug)]
pub(super) struct Segments(Vec<u64>);

impl Segments {
    pub(super) fn list<F: Files + ?Sized>(ledger: &F) -> Result<Self, Finding> {
        let names = files::list(ledger, "seg")?;
        let mut firsts: Vec<_> = names
            .iter()
            .filter_map(|name| parse_segment_name(name))
            .collect();
        firsts.sort_unstable();
        Ok(Self(firsts))
    }

    /// Those from the one in which the first of these records stands.
    pub(super) fn covering(mut self, records: &Range<u64>) -> Result<Self, Finding> {
        let behind = self.0.partition_point(|first| *first <= records.start);
        let Some(at) = behind.checked_sub(1) else {
            let why = format!("record {} is not in any segment", records.start);
            return Err(Finding::new(Attack::Removed, why).seq_at(records.start));
        };
        self.0.drain(..at);
        Ok(self)
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.0.first().copied()
    }

    /// Each segment, and whether it is the last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, bool)> + '_ {
        let last = self.0.last();
        self.0
            .iter()
            .map(move |first| (*first, Some(first) == last))
    }
}
