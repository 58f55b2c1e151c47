mod call;
mod event;

pub use call::{Asked, CallRecord, Caller, Ended, Found, ItemRef, Outcome};
pub use event::{Event, Note, Recovered, Reject, SegmentHeader};

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

    /// Its JSON, which fits a line: strings are cut, and where it is longer than [`MAX_RECORD`]
    /// even so, a mark stands in place of long facts.
    pub(crate) fn into_bounded_json(mut self) -> Result<Vec<u8>, serde_json::Error> {
        self.event.bound();
        let json = serde_json::to_vec(&self)?;
        if json.len() <= MAX_RECORD {
            return Ok(json);
        }
        self.event.omit_facts();
        serde_json::to_vec(&self)
    }
}
