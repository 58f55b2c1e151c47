mod call;
mod event;
mod personal;
mod prepare;
mod written;

pub use call::{Asked, CallRecord, Caller, Ended, IntentRecord, ItemRef, Outcome, OutcomeRecord};
pub use event::{
    Erased, Event, Heartbeat, Held, KeyRotation, Note, Recovered, Reject, Retained, Retention,
    Rotated,
};
pub use personal::{Class, class_of};

pub(crate) use personal::put_back;
pub(crate) use prepare::Sealing;
pub(crate) use written::{Shape, Way, WrittenCall};

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::RecordId;

/// The format of a record.
pub const FORMAT: &str = "mcpo2.audit.record/v1";

/// How long a record may be, in bytes of JSON, before facts are left out.
const MAX_RECORD: usize = 64 * 1024;

/// One record of the ledger.
///
/// It never holds results, tokens or endpoints, nor arguments where they are not to be kept: of
/// contents it has keyed digests and lengths. What is personal ([`class_of`]) stands apart from the
/// rest on the disk, and is in here for who may read the vault, until it is erased.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`].
    pub format: Cow<'static, str>,
    /// Its id.
    pub id: RecordId,
    /// When it began: for a call, when the call came. So times need not rise from line to line.
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Record {
    pub(crate) fn new((id, time): (RecordId, Timestamp), event: impl Into<Event>) -> Self {
        Self {
            format: Cow::Borrowed(FORMAT),
            id,
            time,
            event: event.into(),
        }
    }
}
