use std::{borrow::Cow, collections::BTreeMap};

use mcpo2_core::Digest;
use serde::{Deserialize, Serialize};

use super::{CallRecord, Caller};
use crate::{
    RecordId, Source,
    text::{clip_cow, clip_in_place},
};

const MAX_LABEL: usize = 128;
const MAX_DETAIL: usize = 1024;
const MAX_DETAILS: usize = 32;

/// What happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A call ended.
    Call(Box<CallRecord>),
    /// Input was refused before it was a call.
    Reject(Reject),
    /// A session began or ended.
    Session(Note),
    /// The server started.
    ServerStart(Note),
    /// The server stopped.
    ServerStop(Note),
    /// A module ceased to answer, or answers again.
    Module(Note),
    /// An operator did something.
    Admin(Note),
    /// A segment of the ledger begins; the first record of each.
    Segment(SegmentHeader),
    /// A torn end was cut when the ledger was opened.
    Recovered(Recovered),
}

impl Event {
    pub(super) fn bound(&mut self) {
        match self {
            Self::Call(call) => call.bound(),
            Self::Reject(reject) => reject.bound(),
            Self::Session(note)
            | Self::ServerStart(note)
            | Self::ServerStop(note)
            | Self::Module(note)
            | Self::Admin(note) => note.bound(),
            Self::Segment(_) | Self::Recovered(_) => {}
        }
    }

    pub(super) fn omit_facts(&mut self) {
        if let Self::Call(call) = self {
            call.omit_facts();
        }
    }
}

impl From<CallRecord> for Event {
    fn from(call: CallRecord) -> Self {
        Self::Call(Box::new(call))
    }
}

impl From<Reject> for Event {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

/// Input that was refused before it was a call: no message, nobody known, a header that disagrees.
///
/// ```
/// use mcpo2_audit::{Reject, Source};
/// let reject = Reject::new(Source::new("http"), "duplicate_key").with_status(400).with_bytes(512);
/// assert_eq!(&*reject.reason, "duplicate_key");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The label of the transport.
    pub transport: Cow<'static, str>,
    /// The address of the peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Box<str>>,
    /// The id of the trace, from `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Box<str>>,
    /// Who sent it, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Caller>,
    /// Why, as a code of the edge's own; never a piece of the input.
    pub reason: Cow<'static, str>,
    /// The HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The length of the input in bytes, as far as it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How many refusals this record stands for, where that is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

impl Reject {
    /// Input from `source` that was refused for this reason.
    pub fn new(source: Source, reason: impl Into<Cow<'static, str>>) -> Self {
        let owned = |text: &str| text.into();
        Self {
            remote: source.remote().map(owned),
            trace: source.trace().map(owned),
            transport: source.into_transport(),
            principal: None,
            reason: reason.into(),
            status: None,
            bytes: None,
            count: None,
        }
    }

    /// The same with the HTTP status of the answer.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same with the length of the input.
    #[must_use]
    pub fn with_bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// The same for so many refusals.
    #[must_use]
    pub fn with_count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// The same with who sent it.
    #[must_use]
    pub fn with_principal(mut self, principal: impl Into<Caller>) -> Self {
        self.principal = Some(principal.into());
        self
    }

    fn bound(&mut self) {
        clip_cow(&mut self.transport, MAX_LABEL);
        clip_cow(&mut self.reason, MAX_LABEL);
        if let Some(remote) = &mut self.remote {
            clip_in_place(remote, MAX_LABEL);
        }
        if let Some(principal) = &mut self.principal {
            principal.bound();
        }
    }
}

/// What a host has to say of a session, of itself, or of an operator.
///
/// ```
/// use mcpo2_audit::{Event, Note};
/// let event = Event::ServerStart(Note::new("start").with("version", "0.1.0"));
/// # let Event::ServerStart(note) = event else { unreachable!() };
/// # assert_eq!(&*note.action, "start");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What was done.
    pub action: Cow<'static, str>,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Caller>,
    /// More of it: at most 32 pairs, values cut to 1 KiB.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<Box<str>, Box<str>>,
}

impl Note {
    /// A note of this action.
    pub fn new(action: impl Into<Cow<'static, str>>) -> Self {
        Self {
            action: action.into(),
            principal: None,
            detail: BTreeMap::new(),
        }
    }

    /// The same with who did it.
    #[must_use]
    pub fn with_principal(mut self, principal: impl Into<Caller>) -> Self {
        self.principal = Some(principal.into());
        self
    }

    /// The same with one more detail.
    #[must_use]
    pub fn with(mut self, key: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.detail.insert(key.into(), value.into());
        self
    }

    fn bound(&mut self) {
        clip_cow(&mut self.action, MAX_LABEL);
        if let Some(principal) = &mut self.principal {
            principal.bound();
        }
        while self.detail.len() > MAX_DETAILS {
            self.detail.pop_last();
        }
        if self.detail.keys().any(|key| key.len() > MAX_LABEL) {
            self.detail.retain(|key, _| key.len() <= MAX_LABEL);
        }
        self.detail
            .values_mut()
            .for_each(|value| clip_in_place(value, MAX_DETAIL));
    }
}

/// What a segment begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentHeader {
    /// The id of the ledger, the same in all its segments.
    pub ledger: RecordId,
    /// The number of the segment, from 0.
    pub segment: u32,
    /// A fingerprint of the key of its digests: who lost the key knows that it is another.
    pub digest_key: Digest,
}

/// A torn end that was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// The segment that it was the end of.
    pub segment: u32,
    /// How many bytes were cut.
    pub bytes: u64,
}
