use std::{borrow::Cow, collections::BTreeMap};

use mcpo2_verify::Kind;
use serde::{Deserialize, Serialize};

use super::{CallRecord, Caller, IntentRecord, OutcomeRecord};
use crate::{
    Source,
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
    /// A call goes to a module.
    Intent(Box<IntentRecord>),
    /// It ended.
    Outcome(Box<OutcomeRecord>),
    /// A call ended that went to no module.
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
    /// A torn end was cut when the ledger was opened.
    Recovered(Recovered),
    /// Another key signs from here on.
    KeyRotation(KeyRotation),
    /// A person was erased.
    Erase(Erased),
    /// Old segments were removed.
    Retention(Retention),
    /// Nothing may be removed or erased, or may be again.
    Hold(Held),
    /// The ledger is alive, and nothing happened for a while.
    Heartbeat(Heartbeat),
}

impl Event {
    /// Cuts what is too long.
    pub(super) fn bound(&mut self) {
        match self {
            Self::Call(call) => call.bound(),
            Self::Reject(reject) => reject.bound(),
            Self::Session(note)
            | Self::ServerStart(note)
            | Self::ServerStop(note)
            | Self::Module(note)
            | Self::Admin(note) => note.bound(),
            Self::Erase(Erased { basis, by, .. }) => clip_all([basis, by]),
            Self::Hold(Held { reason, by, .. }) => clip_all([reason, by]),
            Self::Retention(it) => clip_all([&mut it.retention.policy]),
            _ => {}
        }
    }

    /// The kind that its leaf says.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Intent(_) => Kind::INTENT,
            Self::Outcome(_) => Kind::OUTCOME,
            Self::Call(_) => Kind::CALL,
            Self::Reject(_) => Kind::REJECT,
            Self::Session(_) => Kind::SESSION,
            Self::ServerStart(_) => Kind::SERVER_START,
            Self::ServerStop(_) => Kind::SERVER_STOP,
            Self::Module(_) => Kind::MODULE,
            Self::Admin(_) => Kind::ADMIN,
            Self::Recovered(_) => Kind::RECOVERED,
            Self::KeyRotation(_) => Kind::KEY_ROTATION,
            Self::Erase(_) => Kind::ERASE,
            Self::Retention(_) => Kind::RETENTION,
            Self::Hold(_) => Kind::HOLD,
            Self::Heartbeat(_) => Kind::HEARTBEAT,
        }
    }

    /// Who is spoken of.
    pub(super) fn principal_mut(&mut self) -> Option<&mut Caller> {
        match self {
            Self::Intent(it) => Some(&mut it.principal),
            Self::Call(it) => Some(&mut it.principal),
            Self::Reject(it) => it.principal.as_mut(),
            Self::Session(note)
            | Self::ServerStart(note)
            | Self::ServerStop(note)
            | Self::Module(note)
            | Self::Admin(note) => note.principal.as_mut(),
            _ => None,
        }
    }
}

fn clip_all<const N: usize>(texts: [&mut Box<str>; N]) {
    texts
        .into_iter()
        .for_each(|text| clip_in_place(text, MAX_DETAIL));
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

/// A torn end that was cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recovered {
    /// The segment that it was the end of, by the number of its first record.
    pub segment: u64,
    /// How many bytes were cut.
    pub bytes: u64,
    /// How many whole records were among them; nobody was told that they were safe.
    pub records: u64,
}

/// Another key signs from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyRotation {
    /// To which.
    pub rotation: Rotated,
}

/// The key that signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rotated {
    /// The number of the epoch that begins.
    pub epoch: u64,
    /// The verifier key of the new epoch.
    pub key: Box<str>,
}

/// A person was erased: the key of all that was personal of them is destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Erased {
    /// The pseudonym that they had.
    pub subject: Box<str>,
    /// Why, as who asked for it says: a law, a ticket.
    pub basis: Box<str>,
    /// Who approved it.
    pub by: Box<str>,
}

/// Old segments were removed; the leaves and all proofs are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Retention {
    /// Which.
    pub retention: Retained,
}

/// What retention removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Retained {
    /// Records below this number are there no more.
    pub before: u64,
    /// The rule by which they went.
    pub policy: Box<str>,
}

/// Nothing may be removed or erased, or may be again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Held {
    /// Whether it holds from here on, or ends here.
    pub held: bool,
    /// Why.
    pub reason: Box<str>,
    /// Who says so.
    pub by: Box<str>,
}

/// The ledger is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Heartbeat {}
