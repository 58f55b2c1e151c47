use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use super::{Error, ErrorKind};
use crate::Clock;

/// How much one ingest may take. What is over ends it without a manifest.
///
/// The limits of one file are of the [`Spec`](super::Spec): what is over those is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many names a source may have, withheld ones and directories included.
    pub entries: u64,
    /// How many bytes all files may have together.
    pub bytes: u64,
    /// How long it may take. It is looked at between files and between buffers.
    pub time: Duration,
    /// How many times as long as an archive what is in it may be; the first mebibyte is free.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 500_000,
            bytes: 16 << 30,
            time: Duration::from_secs(600),
            ratio: 100,
        }
    }
}

/// What of the limits is left.
pub(super) struct Meter<'a> {
    limits: Limits,
    clock: &'a dyn Clock,
    end: Option<SystemTime>,
    entries: AtomicU64,
    bytes: AtomicU64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(limits: Limits, clock: &'a dyn Clock) -> Self {
        Self {
            limits,
            clock,
            end: clock.now().checked_add(limits.time),
            entries: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Counts names.
    pub(super) fn entries(&self, count: usize) -> Result<(), Error> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let before = self.entries.fetch_add(count, Ordering::Relaxed);
        if before.saturating_add(count) > self.limits.entries {
            return Err(Error::new(
                ErrorKind::TooMany,
                "the source has too many entries",
            ));
        }
        self.time()
    }

    /// Counts bytes of files.
    pub(super) fn bytes(&self, count: usize) -> Result<(), Error> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let before = self.bytes.fetch_add(count, Ordering::Relaxed);
        if before.saturating_add(count) > self.limits.bytes {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the source has too many bytes",
            ));
        }
        self.time()
    }

    pub(super) fn time(&self) -> Result<(), Error> {
        if self.end.is_some_and(|end| self.clock.now() > end) {
            return Err(Error::new(ErrorKind::TimedOut, "the ingest takes too long"));
        }
        Ok(())
    }

    /// How many bytes may come out of an archive of this length.
    #[cfg(feature = "archive")]
    pub(super) fn unpacked(&self, archive: u64) -> u64 {
        archive.saturating_mul(self.limits.ratio).max(1 << 20)
    }
}

impl fmt::Debug for Meter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
