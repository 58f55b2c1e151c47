use std::time::Duration;

use crate::{
    Frontier,
    checkpoint::{Checkpoint, SignedCheckpoint},
    note::Note,
    trust::Trust,
};

use super::{Attack, Files, Finding, files, keys};
use keys::Keys;

/// Checkpoints that stand elsewhere than among the records, and that the walk has to meet.
#[derive(Debug, Default)]
pub(super) struct Marks {
    published: Option<Mark>,
    since: Option<Mark>,
    /// When which witness signed what was published, in seconds since 1970.
    cosigned: Vec<(String, Option<u64>)>,
}

#[derive(Debug)]
struct Mark {
    checkpoint: Checkpoint,
    /// False once a tree of its size was met that has another root.
    agrees: bool,
    disbelieved: Option<Finding>,
    /// The time of the last record that it covers, once it was met.
    wall_ns: Option<u64>,
}

impl Marks {
    /// Reads the published checkpoint, and believes both where they are signed.
    pub(super) fn load<F: Files + ?Sized>(
        ledger: &F,
        trust: &Trust,
        keys: &Keys,
    ) -> Result<Self, Finding> {
        let mut marks = Self::default();
        let most = u64::try_from(Note::MAX_BYTES).unwrap_or(u64::MAX);
        match files::read(ledger, "checkpoint", most.saturating_add(1))? {
            Some(note) => marks.publish(&note, trust, keys)?,
            None if !trust.quorum().satisfied(|_| false) => {
                let why = "no checkpoint is published, so no witness can have seen it";
                return Err(Finding::new(Attack::Unwitnessed, why));
            }
            None => {}
        }
        Ok(marks)
    }

    /// Remembers a checkpoint. A ledger that was rolled back does not know the keys that it had,
    /// so whether it is signed matters only where it does not lie beyond the end.
    pub(super) fn remember(&mut self, since: &SignedCheckpoint, keys: &Keys) {
        let mut mark = Mark::new(since);
        mark.disbelieved = keys.verify(since).err();
        self.since = Some(mark);
    }

    fn publish(&mut self, note: &[u8], trust: &Trust, keys: &Keys) -> Result<(), Finding> {
        let signed = SignedCheckpoint::parse(note).map_err(|error| {
            Finding::new(Attack::Unreadable, "the published checkpoint is none").of(error)
        })?;
        keys.verify(&signed)?;
        let believed = trust.verify(&signed, keys.notes());
        let believed = believed.map_err(keys::disbelieved)?;
        for signer in believed.cosigners() {
            let name = signer.key().name().to_string();
            self.cosigned.push((name, signer.time()));
        }
        self.published = Some(Mark::new(&signed));
        Ok(())
    }

    /// Holds the tree against the marks of its size; whether they agree is told at the next commit.
    pub(super) fn meet(&mut self, tree: &Frontier, wall_ns: Option<u64>) {
        for mark in [&mut self.published, &mut self.since].into_iter().flatten() {
            if mark.checkpoint.size() == tree.size() {
                mark.agrees = *mark.checkpoint.root() == tree.root();
                mark.wall_ns = wall_ns;
            }
        }
    }

    /// Whether the marks that were met agree. To be asked when a commit holds: what disagrees with
    /// it is another history, and no edit.
    pub(super) fn agree(&self) -> Result<(), Finding> {
        let mut marks = [&self.published, &self.since].into_iter().flatten();
        match marks.find(|mark| !mark.agrees && mark.disbelieved.is_none()) {
            None => Ok(()),
            Some(mark) => {
                let size = mark.checkpoint.size();
                let why = format!("a signed checkpoint says another root for {size} records");
                // where the two part, neither of them says
                Err(Finding::new(Attack::Forked, why).seq_at(0).with_proven(0))
            }
        }
    }

    /// Holds the end of the ledger against the marks.
    pub(super) fn end(&mut self, committed: u64) -> Result<(), Finding> {
        let beyond = |mark: &Option<Mark>| {
            let size = mark.as_ref()?.checkpoint.size();
            (size > committed).then_some(size)
        };
        if let Some(size) = beyond(&self.published) {
            let why = format!("{size} records were published, and {committed} are there");
            return Err(Finding::new(Attack::Truncated, why));
        }
        if let Some(size) = beyond(&self.since) {
            let why = format!("{size} records were seen before, and {committed} are there");
            return Err(Finding::new(Attack::RolledBack, why));
        }
        let since = self.since.as_mut();
        match since.and_then(|since| since.disbelieved.take()) {
            Some(finding) => Err(finding.seq_at(0).with_proven(0)),
            None => self.agree(),
        }
    }

    /// Holds the time of the newest published record against that of the witnesses.
    pub(super) fn times(&self, window: Duration) -> Result<(), Finding> {
        let Some(wall_ns) = self.published.as_ref().and_then(|mark| mark.wall_ns) else {
            return Ok(());
        };
        let wall = Duration::from_nanos(wall_ns);
        for (name, time) in &self.cosigned {
            let Some(time) = time.map(Duration::from_secs) else {
                continue;
            };
            if time.abs_diff(wall) > window {
                let why = format!(
                    "{name} signed at {}, and the newest record is of {}",
                    time.as_secs(),
                    wall.as_secs()
                );
                return Err(Finding::new(Attack::Clock, why));
            }
        }
        Ok(())
    }

    pub(super) fn published(&self) -> Option<u64> {
        self.published.as_ref().map(|mark| mark.checkpoint.size())
    }

    pub(super) fn into_cosigners(self) -> Vec<String> {
        self.cosigned.into_iter().map(|(name, _)| name).collect()
    }
}

impl Mark {
    fn new(signed: &SignedCheckpoint) -> Self {
        Self {
            checkpoint: signed.checkpoint().clone(),
            agrees: true,
            disbelieved: None,
            wall_ns: None,
        }
    }
}
