use mcpo2_core::Digest;

use crate::{Ledger, secret::Messages};

/// The messages of a reply, digested.
#[derive(Debug)]
pub(crate) enum Heard {
    /// None came.
    Nothing,
    /// One came, and no other will.
    Whole(Digest),
    /// Others may come. Boxed, as it is large, and most calls have no use for it.
    Stream(Box<Messages>),
}

impl Heard {
    /// Takes note of the next message of a stream.
    pub(crate) fn next(&mut self, message: &[u8], ledger: &Ledger) {
        if let Self::Stream(messages) = self {
            messages.update(message);
            return;
        }
        let mut messages = Box::new(ledger.messages());
        messages.update(message);
        *self = Self::Stream(messages);
    }

    /// The digest of all of them; none where there was none.
    pub(crate) fn digest(&self) -> Option<Digest> {
        match self {
            Self::Nothing => None,
            Self::Whole(digest) => Some(*digest),
            Self::Stream(messages) => Some(messages.digest()),
        }
    }
}
