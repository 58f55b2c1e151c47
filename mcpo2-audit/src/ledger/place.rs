use jiff::Timestamp;
use mcpo2_verify::Kind;

use super::Ledger;
use crate::{
    Commit, Error, ErrorKind, Event, Record, RecordId, commit, prepared::Prepared,
    record::WrittenCall, vault::Person,
};

/// A place that is kept for one record. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a place that is dropped records nothing"]
pub struct Place {
    pub(super) ledger: Ledger,
    pub(super) id: RecordId,
    pub(super) time: Timestamp,
    pub(super) filled: bool,
}

impl Place {
    /// The id that the record will have.
    #[must_use]
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// Records the event here.
    pub fn fill(self, event: impl Into<Event>) {
        let prepared = self.prepared(event.into());
        self.put(prepared);
    }

    /// The same, and tells when the record is safe.
    pub fn fill_durably(self, event: impl Into<Event>) -> Commit {
        let (notice, commit) = commit::pair();
        let prepared = self.prepared(event.into()).map(|prepared| Prepared {
            notice: Some(notice),
            ..prepared
        });
        self.put(prepared);
        commit
    }

    pub(crate) fn stamp(&self) -> (RecordId, Timestamp) {
        (self.id, self.time)
    }

    fn prepared(&self, event: Event) -> Result<Prepared, Error> {
        let record = Record::new(self.stamp(), event);
        self.ledger.0.sealing.event(record)
    }

    /// Records what was written of a call, and tells when it is safe if somebody waits.
    pub(crate) fn fill_call(
        self,
        call: &WrittenCall<'_>,
        of: &Person,
        is_awaited: bool,
    ) -> Option<Commit> {
        let (notice, commit) = match is_awaited {
            true => {
                let (notice, commit) = commit::pair();
                (Some(notice), Some(commit))
            }
            false => (None, None),
        };
        let prepared = self
            .prepared_call(call, of)
            .map(|prepared| Prepared { notice, ..prepared });
        self.put(prepared);
        commit
    }

    fn prepared_call(&self, call: &WrittenCall<'_>, of: &Person) -> Result<Prepared, Error> {
        let unfit =
            |error| Error::new(ErrorKind::Io, "the call cannot be recorded").with_source(error);
        let public = call.json().map_err(unfit)?;
        let personal = call.personal().map_err(unfit)?;
        let what: (Kind, RecordId) = (call.kind(), self.id);
        let sealing = &self.ledger.0.sealing;
        sealing.seal(what, of.tenant, public, &personal, Some(&of.subject))
    }

    fn put(mut self, prepared: Result<Prepared, Error>) {
        match prepared {
            Ok(prepared) => {
                self.filled = true;
                self.ledger.0.queue.fill(prepared);
            }
            // What cannot be recorded must not pass a second time.
            Err(error) => self.ledger.0.queue.fail(&crate::text::chain(&error, 1024)),
        }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.filled {
            self.ledger.0.queue.give_back();
        }
    }
}
