mod call;
mod event;
mod written;

pub use call::{Asked, CallRecord, Caller, Ended, ItemRef, Outcome};
pub use event::{Event, Note, Recovered, Reject, SegmentHeader};

pub(crate) use written::{Way, WrittenCall};

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
/// It never holds arguments, results, tokens or endpoints: of contents it has keyed digests and
/// lengths. The name of an item stands as the caller sent it, so a secret that a caller puts into
/// a URI is in here.
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

    /// Its JSON with its strings cut; what is long even so, [`shortened`] makes fit a line.
    pub(crate) fn into_bounded_json(mut self) -> Result<Vec<u8>, serde_json::Error> {
        self.event.bound();
        serde_json::to_vec(&self)
    }
}

/// A record's JSON, with a mark in place of long facts where it is longer than [`MAX_RECORD`].
pub(crate) fn shortened(json: Vec<u8>) -> Result<Vec<u8>, serde_json::Error> {
    if json.len() <= MAX_RECORD {
        return Ok(json);
    }
    let mut record: Record = serde_json::from_slice(&json)?;
    record.event.omit_facts();
    serde_json::to_vec(&record)
}
