use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mcpo2_core::{Call, Durability, Error, Id, Message, Response, Trail};

use crate::{Commit, Ended, Outcome, Place, RecordId, begun::Begun, heard::Heard};

/// A call under way. However it ends, exactly one record is written: dropped, it was cancelled.
#[derive(Debug)]
pub(crate) struct Pending {
    id: RecordId,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    place: Place,
    started: Duration,
    begun: Arc<Begun>,
    /// The id that the response will have.
    expected: Option<Id>,
    trail: Trail,
    said: Said,
    /// What waits for a record of a call that went to no module.
    durability: Durability,
}

/// What the reply said so far.
#[derive(Debug)]
struct Said {
    heard: Heard,
    messages: u64,
    bytes: u64,
    response: Option<Outcome>,
}

impl Pending {
    pub(crate) fn new(
        place: Place,
        call: &Call,
        begun: Arc<Begun>,
        durability: Durability,
    ) -> Self {
        let open = Open {
            started: place.ledger().clock().monotonic(),
            begun,
            expected: call.request().id().cloned(),
            trail: call.trail().clone(),
            said: Said {
                heard: Heard::Nothing,
                messages: 0,
                bytes: 0,
                response: None,
            },
            place,
            durability,
        };
        Self {
            id: open.place.id(),
            open: Some(open),
        }
    }

    pub(crate) fn id(&self) -> RecordId {
        self.id
    }

    /// Takes note of one message of a stream.
    pub(crate) fn message(&mut self, message: &Bytes) {
        let Some(open) = self.open.as_mut().filter(|_| !message.is_empty()) else {
            return;
        };
        open.said.heard.next(message, open.place.ledger());
        match Message::parse(message.clone()) {
            Ok(Message::Response(response)) => open.hear(message, Some(&response)),
            Ok(Message::Request(_)) | Err(_) => open.hear(message, None),
        }
    }

    /// Takes note of the only message of a reply, and of the response that it is.
    pub(crate) fn complete(&mut self, message: &Bytes, response: Option<&Response>) {
        if let Some(open) = self.open.as_mut().filter(|_| !message.is_empty()) {
            open.said.heard = Heard::Whole(open.place.ledger().digest(message));
            open.hear(message, response);
        }
    }

    /// Records the end of a call whose response is to wait until that is safe, once it has come.
    pub(crate) fn settle(&mut self) -> Option<Commit> {
        let open = self.open.as_ref()?;
        let intent = open.begun.intent()?;
        let is_due = intent.durability == Durability::Sync && open.said.response.is_some();
        is_due.then(|| self.finish(Outcome::Detached)).flatten()
    }

    /// Records the end: as the response says, and as `otherwise` where there was none.
    pub(crate) fn finish(&mut self, otherwise: Outcome) -> Option<Commit> {
        let mut open = self.open.take()?;
        let outcome = open.said.response.take().unwrap_or(otherwise);
        open.write(outcome, None)
    }

    /// Records that the call ended in an error; what the response said stands, if one came.
    pub(crate) fn fail(&mut self, error: &Error) -> Option<Commit> {
        let mut open = self.open.take()?;
        let (outcome, cause) = Outcome::of_error(error);
        let outcome = open.said.response.take().unwrap_or(outcome);
        open.write(outcome, cause)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Nobody is left who could wait for it.
        let _ = self.finish(Outcome::Cancelled);
    }
}

impl Open {
    fn hear(&mut self, message: &[u8], response: Option<&Response>) {
        self.said.messages += 1;
        self.said.bytes += u64::try_from(message.len()).unwrap_or_default();
        let expected = self.expected.as_ref();
        // An error may answer to no id, where the request's could not be read.
        let answers = |response: &&Response| response.id().is_none() || response.id() == expected;
        if let Some(response) = response.filter(answers) {
            self.said.response = Some(response.outcome().into());
        }
    }

    /// Writes the record, and gives what its answer is to wait for, if it is to wait.
    fn write(self, outcome: Outcome, cause: Option<Box<str>>) -> Option<Commit> {
        let now = self.place.ledger().clock().monotonic();
        let duration = now.saturating_sub(self.started).as_micros();
        let is_denied = outcome == Outcome::Denied;
        let end = Ended {
            outcome,
            cause,
            messages: self.said.messages,
            bytes: self.said.bytes,
            digest: self.said.heard.digest(),
            duration_us: u64::try_from(duration).unwrap_or(u64::MAX),
        };
        let is_awaited = match self.begun.intent() {
            Some(intent) => intent.durability == Durability::Sync,
            None => is_denied && self.durability > Durability::Async,
        };
        let stamp = self.place.stamp();
        let Self {
            place,
            begun,
            trail,
            ..
        } = self;
        let ledger = place.ledger().clone();
        trail.read(|facts| {
            let facts = begun.public(&ledger, facts);
            place.fill_call(
                &begun.after(stamp, &facts, &end),
                begun.person(),
                is_awaited,
            )
        })
    }
}
