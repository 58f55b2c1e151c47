use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use bytes::Bytes;
use mcpo2_core::{ARTIFACT_SCHEME, Error, ErrorKind, Fact, Frame, Redacted, Reply, Routed, Trail};

use super::{
    config::BlobsConfig,
    layer::{Of, Parts},
    message::{self, Unredactable},
    text::Chosen,
};
use crate::frames::{Rewrite, rewritten};

/// What is blotted out of the reply to one call.
pub(super) struct Redaction {
    chosen: Chosen,
    blobs: BlobsConfig,
    parts: Arc<Parts>,
    trail: Trail,
    counts: BTreeMap<Box<str>, u64>,
}

impl Redaction {
    /// The redaction that this call owes, if it owes one.
    pub(super) fn of(routed: &Routed, parts: &Arc<Parts>) -> Result<Option<Self>, Error> {
        let names = &routed.obligations().redact;
        if names.is_empty() || parts.of == Of::References && !reads_reference(routed) {
            return Ok(None);
        }
        // The same to the caller as any other denial.
        let unknown = || {
            let error = Error::not_found(ErrorKind::Denied, routed.call().request());
            error.with_source(Unredactable::UnknownFinder)
        };
        let redaction = Self::by(names, parts, routed.call().trail().clone());
        redaction.map(Some).ok_or_else(unknown)
    }

    /// That of these finders; none where one is not known.
    pub(super) fn by(names: &BTreeSet<Box<str>>, parts: &Arc<Parts>, trail: Trail) -> Option<Self> {
        Some(Self {
            chosen: parts.finders.choose(names)?,
            blobs: parts.finders.blobs(),
            parts: Arc::clone(parts),
            trail,
            counts: BTreeMap::new(),
        })
    }

    /// The reply without what is found in it.
    pub(super) fn reply(self, reply: Reply) -> Result<Reply, Error> {
        rewritten(reply, self)
    }

    fn message(&mut self, bytes: Bytes) -> Result<Bytes, Error> {
        let text = std::str::from_utf8(&bytes).map_err(|_| refused(Unredactable::Unreadable))?;
        let redacted = message::redact(text, &mut self.chosen, self.blobs).map_err(refused)?;
        for (name, count) in self.chosen.take_counts() {
            self.parts.tally.redacted(&name, count);
            *self.counts.entry(name).or_default() += count;
        }
        Ok(redacted.map_or(bytes, Bytes::from))
    }

    fn record(&mut self) {
        let finders = std::mem::take(&mut self.counts);
        if !finders.is_empty() {
            self.trail.record(Fact::Redacted(Redacted { finders }));
        }
    }
}

impl Rewrite for Redaction {
    fn only(&mut self, message: Bytes) -> Result<Bytes, Error> {
        self.message(message)
    }

    fn frame(&mut self, frame: Frame) -> Result<Frame, Error> {
        let data = self.message(frame.data().clone())?;
        Ok(frame.with_data(data))
    }

    fn ended(&mut self) {
        self.record();
    }
}

/// A reply is read once: what was found in it is known when that is over.
impl Drop for Redaction {
    fn drop(&mut self) {
        self.record();
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redaction").field(&self.chosen).finish()
    }
}

/// Whether it asks for what the gateway has kept.
fn reads_reference(routed: &Routed) -> bool {
    let scheme = |uri: &str| uri.split(':').next().map(str::to_ascii_lowercase);
    let item = routed.call().item();
    item.is_some_and(|item| scheme(item.name()).as_deref() == Some(ARTIFACT_SCHEME))
}

fn refused(why: Unredactable) -> Error {
    let error = match why {
        Unredactable::Blob => {
            let message = "the result holds bytes that cannot be looked through";
            Error::new(ErrorKind::Denied, message)
        }
        _ => Error::new(ErrorKind::Upstream, "the module broke the protocol"),
    };
    error.with_source(why)
}
