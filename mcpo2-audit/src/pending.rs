use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mcpo2_core::{Call, Error, Id, Message, Meta, Principal, Response, Trail};

use crate::{
    Asked, Ended, Outcome, Place, RecordId, Source,
    record::{Way, WrittenCall},
    secret::Messages,
    text::trace_id,
};

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
    principal: Arc<Principal>,
    generation: Option<u64>,
    source: Option<Source>,
    trace: Option<Arc<str>>,
    asked: Asked,
    /// The id that the response will have.
    expected: Option<Id>,
    trail: Trail,
    said: Said,
}

/// What the reply said so far.
#[derive(Debug)]
struct Said {
    hasher: Messages,
    messages: u64,
    bytes: u64,
    response: Option<Outcome>,
}

impl Pending {
    pub(crate) fn new(place: Place, call: &Call, generation: Option<u64>) -> Self {
        let request = call.request();
        let source = call.extensions().get::<Source>().cloned();
        let trace = source.as_ref().and_then(Source::shared_trace).cloned();
        let trace = trace.or_else(|| {
            let traceparent = Meta::text(request.meta().traceparent)?;
            trace_id(&traceparent).map(Arc::from)
        });
        let open = Open {
            started: place.ledger().clock().monotonic(),
            principal: Arc::clone(call.principal()),
            generation,
            source,
            trace,
            asked: Asked::new(call, place.ledger().digest(request.bytes())),
            expected: request.id().cloned(),
            trail: call.trail().clone(),
            said: Said {
                hasher: place.ledger().messages(),
                messages: 0,
                bytes: 0,
                response: None,
            },
            place,
        };
        Self {
            id: open.place.id(),
            open: Some(open),
        }
    }

    pub(crate) fn id(&self) -> RecordId {
        self.id
    }

    /// Takes note of one message of the reply.
    pub(crate) fn message(&mut self, message: &Bytes) {
        match Message::parse(message.clone()) {
            Ok(Message::Response(response)) => self.complete(message, Some(&response)),
            Ok(Message::Request(_)) | Err(_) => self.complete(message, None),
        }
    }

    /// Takes note of one message, and of the response that it is.
    pub(crate) fn complete(&mut self, message: &Bytes, response: Option<&Response>) {
        if let Some(open) = self.open.as_mut().filter(|_| !message.is_empty()) {
            open.said.hear(message, response, open.expected.as_ref());
        }
    }

    /// Records the end: as the response says, and as `otherwise` where there was none.
    pub(crate) fn finish(&mut self, otherwise: Outcome) {
        if let Some(mut open) = self.open.take() {
            let outcome = open.said.response.take().unwrap_or(otherwise);
            open.write(outcome, None);
        }
    }

    /// Records that the call ended in an error; what the response said stands, if one came.
    pub(crate) fn fail(&mut self, error: &Error) {
        if let Some(mut open) = self.open.take() {
            let (outcome, cause) = Outcome::of_error(error);
            let outcome = open.said.response.take().unwrap_or(outcome);
            open.write(outcome, cause);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.finish(Outcome::Cancelled);
    }
}

impl Said {
    fn hear(&mut self, message: &Bytes, response: Option<&Response>, expected: Option<&Id>) {
        self.hasher.update(message);
        self.messages += 1;
        self.bytes += u64::try_from(message.len()).unwrap_or_default();
        // An error may answer to no id, where the request's could not be read.
        let answers = |response: &&Response| response.id().is_none() || response.id() == expected;
        if let Some(response) = response.filter(answers) {
            self.response = Some(response.outcome().into());
        }
    }
}

impl Open {
    fn write(self, outcome: Outcome, cause: Option<Box<str>>) {
        let now = self.place.ledger().clock().monotonic();
        let duration = now.saturating_sub(self.started).as_micros();
        let end = Ended {
            outcome,
            cause,
            messages: self.said.messages,
            bytes: self.said.bytes,
            digest: (self.said.messages > 0).then(|| self.said.hasher.digest()),
            duration_us: u64::try_from(duration).unwrap_or(u64::MAX),
        };
        let way = Way {
            principal: &self.principal,
            source: self.source.as_ref(),
            trace: self.trace.as_deref(),
            generation: self.generation,
        };
        let json = self.trail.read(|facts| {
            let written = WrittenCall {
                stamp: self.place.stamp(),
                way,
                request: &self.asked,
                facts,
                end: &end,
            };
            written.json()
        });
        self.place.fill_json(json);
    }
}
