//! Verifies a whole ledger, or some of its records, with public keys only.
//!
//! [`verify`] walks the segments in order and holds every frame against what stands before it. It
//! keeps some megabytes in memory, however large the ledger is.

use std::{ops::Range, time::Duration};

use crate::{Body, Leaf, checkpoint::SignedCheckpoint, trust::Trust};

mod attack;
mod clock;
mod files;
mod finding;
mod front;
mod json;
mod keys;
mod mark;
mod proofs;
mod report;
mod segments;
mod tiles;
mod walk;
mod window;

pub use attack::Attack;
pub use files::Files;
pub use finding::{Finding, Place};
pub use keys::{claimed_key, rotations};
pub use proofs::{Disclosed, Recorded, verify_checkpoints, verify_record};
pub use report::{Counts, Extent, Report, Tail};

use {keys::Keys, mark::Marks, segments::Segments, walk::Walk};

/// What is asked beyond what every ledger must hold.
#[derive(Debug, Clone, Default)]
pub struct Options {
    since: Option<SignedCheckpoint>,
    window: Option<Duration>,
    vault: Vault,
}

/// What is asked of the frames with personal values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Vault {
    /// They may have been left out of a copy.
    #[default]
    Optional,
    /// Each record with commitments has its values behind it, though perhaps without their key.
    Required,
}

/// What a walk has come to.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A segment begins; its first record has this number.
    Segment(u64),
    /// A record holds by itself. It is proven only once a commit has covered it.
    Record(&'a Leaf, Body<'a>),
    /// A commit covers this many records, all of which are proven now.
    Commit(u64),
}

impl Options {
    /// The checkpoint that whoever verifies remembers: a smaller ledger was rolled back, another
    /// one was forked.
    #[must_use]
    pub fn with_since(mut self, checkpoint: SignedCheckpoint) -> Self {
        self.since = Some(checkpoint);
        self
    }

    /// How far the time of the newest record may be from that at which witnesses signed.
    #[must_use]
    pub const fn with_window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }

    /// What is asked of the frames with personal values.
    #[must_use]
    pub const fn with_vault(mut self, vault: Vault) -> Self {
        self.vault = vault;
        self
    }
}

/// Verifies a whole ledger.
///
/// # Errors
///
/// The first thing that does not hold. What stands behind it was not looked at.
pub fn verify<F: Files + ?Sized>(
    ledger: &F,
    trust: &Trust,
    options: &Options,
) -> Result<Report, Finding> {
    verify_with(ledger, trust, options, &mut |_| {})
}

/// Verifies a whole ledger, and tells how far it is.
///
/// A ledger that is being written changes meanwhile: where something seems not to hold and keys,
/// segments or the published checkpoint are others than before, it begins anew, and so does what it
/// tells.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_with<F: Files + ?Sized>(
    ledger: &F,
    trust: &Trust,
    options: &Options,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Report, Finding> {
    let mut tries = 1..TRIES;
    loop {
        let before = look(ledger);
        match verify_once(ledger, trust, options, watch) {
            Err(_) if look(ledger) != before && tries.next().is_some() => {}
            outcome => return outcome,
        }
    }
}

/// How often at most, where the ledger goes on growing.
const TRIES: u32 = 3;

/// What a writer changes: the published checkpoint, and the names of segments and notes.
fn look<F: Files + ?Sized>(ledger: &F) -> (Option<Vec<u8>>, Vec<String>) {
    let checkpoint = files::read(ledger, "checkpoint", 1 << 18);
    let names = ["seg", "keys"].map(|dir| files::list(ledger, dir).unwrap_or_default());
    let mut names = names.concat();
    names.sort_unstable();
    (checkpoint.ok().flatten(), names)
}

fn verify_once<F: Files + ?Sized>(
    ledger: &F,
    trust: &Trust,
    options: &Options,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Report, Finding> {
    let keys = Keys::load(ledger, trust)?;
    // what is wrong with the records says more than that a checkpoint is not believed
    let (mut marks, disbelieved) = match Marks::load(ledger, trust, &keys) {
        Ok(marks) => (marks, Ok(())),
        Err(finding) => (Marks::default(), Err(finding)),
    };
    if let Some(since) = &options.since {
        marks.remember(since, &keys);
    }
    let segments = Segments::list(ledger)?;
    let mut walk = Walk::new(ledger, &keys, options.vault, watch).with_marks(marks);
    walk.begin(&segments)?;
    walk.all(&segments)?;
    let report = walk.finish(options.window)?;
    disbelieved.map(|()| report)
}

/// Verifies the records with these numbers, from the segment in which the first stands to the
/// first commit behind the last.
///
/// What stands before and behind is not looked at: neither is the published checkpoint.
///
/// # Errors
///
/// The first thing that does not hold.
pub fn verify_range<F: Files + ?Sized>(
    ledger: &F,
    trust: &Trust,
    records: Range<u64>,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Report, Finding> {
    let keys = Keys::load(ledger, trust)?;
    let segments = Segments::list(ledger)?.covering(&records)?;
    let mut walk = Walk::new(ledger, &keys, Vault::Optional, watch).until(records.end);
    walk.begin_within(&segments)?;
    walk.all(&segments)?;
    walk.finish_within(records.end)
}
