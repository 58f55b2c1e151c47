use std::{collections::VecDeque, sync::Arc};

use super::{Work, poisoned};
use crate::{
    Error, ErrorKind, Head,
    prepared::{Group, Prepared},
};

/// From how many bytes on a group takes no further record.
const MAX_GROUP: usize = 2 * 1024 * 1024;
/// How much memory is kept for the next group, until there is nothing to do.
const MAX_KEPT: usize = 4 * MAX_GROUP;

#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) waiting: Waiting,
    pub(super) reserved: usize,
    /// How many the writer has taken and not yet written.
    pub(super) writing: usize,
    pub(super) counts: Counts,
    pub(super) head: Head,
    pub(super) full: bool,
    pub(super) sleep: Sleep,
    /// Whether there is something else for the writer to do.
    pub(super) roused: bool,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    /// How many records were ever put in.
    pub(super) pushed: u64,
    /// How many of these are safe.
    pub(super) synced: u64,
    /// How many of these somebody waits for.
    pub(super) wanted: u64,
    pub(super) lost: u64,
    pub(super) groups: u64,
    /// Whether somebody sleeps until more are safe.
    pub(super) flushing: bool,
}

/// What the writer can be woken by. Waking costs a call of the system, so who is awake is left
/// alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sleep {
    Awake,
    /// It has records that nobody waits for, and would write more of them at once.
    Lingering,
    Idle,
}

#[derive(Debug, Clone)]
pub(super) enum Phase {
    Open,
    Closed,
    /// The writer has nothing left to do.
    Ended,
    Failed(Arc<str>),
}

impl State {
    pub(super) fn new(head: Head) -> Self {
        Self {
            phase: Phase::Open,
            waiting: Waiting::default(),
            reserved: 0,
            writing: 0,
            counts: Counts::default(),
            head,
            full: false,
            sleep: Sleep::Awake,
            roused: false,
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.phase {
            Phase::Open if self.full => Err(Error::new(ErrorKind::Full, "the disk is full")),
            Phase::Open => Ok(()),
            Phase::Closed | Phase::Ended => {
                Err(Error::new(ErrorKind::Closed, "the ledger is closed"))
            }
            Phase::Failed(reason) => Err(poisoned(reason)),
        }
    }

    /// Whether somebody waits, for a record or for room.
    pub(super) fn is_urgent(&self, capacity: usize) -> bool {
        self.counts.wanted > self.counts.synced
            || self.waiting.count + self.reserved >= capacity / 2
            || self.waiting.bytes >= MAX_GROUP
            || !matches!(self.phase, Phase::Open)
    }

    /// Takes what waits, as far as it is one group.
    pub(super) fn group(&mut self) -> Group {
        let group = self.waiting.take();
        self.writing = group.count();
        group
    }

    /// Nothing is to be done.
    pub(super) fn idle(&mut self) -> Work {
        self.waiting.spare = None;
        Work::Idle
    }

    pub(super) fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Closed) && self.reserved == 0
    }
}

/// The records that wait, in groups.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    groups: VecDeque<Group>,
    count: usize,
    bytes: usize,
    /// An empty one, in the memory of one that was written.
    spare: Option<Group>,
}

impl Waiting {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, record: Prepared) {
        let last = self.groups.back();
        if last.is_none_or(|group| group.size() >= MAX_GROUP) {
            self.groups.push_back(self.spare.take().unwrap_or_default());
        }
        if let Some(last) = self.groups.back_mut() {
            let before = last.size();
            last.push(record);
            self.count += 1;
            self.bytes += last.size().saturating_sub(before);
        }
    }

    fn take(&mut self) -> Group {
        let group = self.groups.pop_front().unwrap_or_default();
        self.count = self.count.saturating_sub(group.count());
        self.bytes = self.bytes.saturating_sub(group.size());
        group
    }

    /// Keeps the memory of a group for the next one.
    pub(super) fn reuse(&mut self, group: Group) {
        self.spare = self.spare.take().or_else(|| group.emptied(MAX_KEPT));
    }

    pub(super) fn into_groups(self) -> VecDeque<Group> {
        self.groups
    }
}

#[cfg(test)]
mod tests {
    use mcpo2_verify::Kind;

    use super::*;

    fn record(bytes: usize) -> Prepared {
        Prepared {
            kind: Kind::CALL,
            tenant: [0; 32],
            bytes: vec![7; bytes],
            body: bytes,
            notice: None,
        }
    }

    #[test]
    fn records_come_out_in_groups_that_have_a_size_and_none_is_lost() {
        let mut waiting = Waiting::default();
        let lengths: Vec<usize> = (0..200).map(|number| number * 251 % 50_000).collect();
        let mut bytes = 0;
        for length in &lengths {
            waiting.push(record(*length));
            bytes += length + 256;
            assert_eq!(waiting.bytes(), bytes);
        }
        let mut got = Vec::new();
        while waiting.count() > 0 {
            let mut group = waiting.take();
            assert!(group.size() < MAX_GROUP + 50_000 + 256);
            got.extend(group.records().map(|(_, body, _)| body.len()));
            waiting.reuse(group);
        }
        assert_eq!(got, lengths);
        assert_eq!(waiting.bytes(), 0);
    }
}
