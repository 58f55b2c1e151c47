use std::{sync::Arc, time::Duration};

use super::{queue, segment_bytes};
use crate::{Clock, Keeping, Signer, SystemClock};

/// How a ledger is opened.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) origin: Option<String>,
    pub(crate) signer: Option<Arc<dyn Signer>>,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) rotate_after: Option<Duration>,
    pub(crate) retention: Keeping,
    pub(crate) keeps_arguments: bool,
    pub(crate) is_witnessed: bool,
    pub(crate) segment_bytes: u64,
    pub(crate) queue: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Options {
    /// The same with this name, for a ledger that is new.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// The same with a signer of the host's own, whose key does not change.
    #[must_use]
    pub fn with_signer(mut self, signer: impl Signer) -> Self {
        self.signer = Some(Arc::new(signer));
        self.rotate_after = None;
        self
    }

    /// The same with a checkpoint published this often; with none, only when it is asked for and
    /// at the end.
    #[must_use]
    pub fn with_heartbeat(mut self, every: Option<Duration>) -> Self {
        self.heartbeat = every;
        self
    }

    /// The same with keys that are changed after this time; with none, only when it is asked for.
    #[must_use]
    pub fn with_rotation(mut self, after: Option<Duration>) -> Self {
        self.rotate_after = after;
        self
    }

    /// The same with records that are kept for so long.
    #[must_use]
    pub fn with_retention(mut self, keeping: Keeping) -> Self {
        self.retention = keeping;
        self
    }

    /// The same, where checkpoints are published by whoever has them
    /// [witnessed](crate::Ledger::publish_witnessed).
    #[must_use]
    pub fn witnessed(mut self) -> Self {
        self.is_witnessed = true;
        self
    }

    /// The same, and keeps the arguments of calls, encrypted.
    #[must_use]
    pub fn keeping_arguments(mut self) -> Self {
        self.keeps_arguments = true;
        self
    }

    /// The same with segments that end behind the record which makes them this long.
    #[must_use]
    pub fn with_segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// The same with room for this many records, reserved ones included.
    #[must_use]
    pub fn with_queue(mut self, records: usize) -> Self {
        self.queue = records;
        self
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            origin: None,
            signer: None,
            heartbeat: None,
            rotate_after: None,
            retention: Keeping::forever(),
            keeps_arguments: false,
            is_witnessed: false,
            segment_bytes: segment_bytes(),
            queue: queue(),
            clock: Arc::new(SystemClock::default()),
        }
    }
}
