use std::{ops::Range, sync::Arc, time::Duration};

use crate::{
    Error, ErrorKind, Reference, Selector, Store,
    excerpt::{Excerpt, Kind},
    object::{Object, length, position},
};

/// A result that its caller reads.
#[derive(Debug)]
pub(crate) struct Kept {
    reference: Reference,
    object: Arc<Object>,
    expires_in: Duration,
}

impl Kept {
    pub(crate) fn new(reference: Reference, object: Arc<Object>, expires_in: Duration) -> Self {
        Self {
            reference,
            object,
            expires_in,
        }
    }

    /// The bytes that are asked for; none where there are no such.
    pub(crate) async fn select(
        &self,
        store: &dyn Store,
        selector: Selector,
    ) -> Result<Option<Range<u64>>, Error> {
        let object = &self.object;
        Ok(match selector {
            Selector::Whole => Some(0..object.size),
            Selector::Bytes { from, to } => {
                let to = to.unwrap_or(object.size).min(object.size);
                (from <= to).then_some(from..to)
            }
            Selector::Lines { first, last } => {
                let key = self.reference.key();
                object.lines(store, &key, first, last).await?
            }
        })
    }

    /// As much of this range as `limit` allows.
    pub(crate) async fn excerpt(
        &self,
        store: &dyn Store,
        range: Range<u64>,
        limit: u64,
    ) -> Result<Excerpt, Error> {
        let (text, range) = self.text(store, range, limit).await?;
        let size = self.object.size;
        let next = (range.end < size).then(|| self.reference.bytes_uri(range.end, None));
        Ok(Excerpt {
            uri: self.reference.uri(),
            next,
            digest: self.object.digest,
            size,
            bytes: text.into(),
            range,
            expires_in: self.expires_in,
            kind: Kind::Result,
        })
    }

    async fn text(
        &self,
        store: &dyn Store,
        range: Range<u64>,
        limit: u64,
    ) -> Result<(String, Range<u64>), Error> {
        let end = range.end.min(range.start.saturating_add(limit));
        // Three bytes before, in case the first is not the first of its character, and one behind,
        // to see whether a character begins there.
        let base = range.start.saturating_sub(3);
        let around = base..(end + 1).min(self.object.size);
        let bytes = self
            .object
            .read(store, &self.reference.key(), around)
            .await?;
        let from = char_start(&bytes, position(range.start - base));
        let to = char_start(&bytes, position(end - base));
        let text = bytes.get(from..to).map(<[u8]>::to_vec).unwrap_or_default();
        let text = String::from_utf8(text)
            .map_err(|error| Error::new(ErrorKind::Corrupt, "no text").with_source(error))?;
        let [from, to] = [from, to].map(|at| base + length(bytes.get(..at).unwrap_or_default()));
        Ok((text, from..to))
    }
}

/// Where the character begins that byte `at` belongs to.
pub(crate) fn char_start(bytes: &[u8], at: usize) -> usize {
    let is_start = |at: &usize| bytes.get(*at).is_none_or(|b| b & 0xc0 != 0x80);
    (at.saturating_sub(3)..=at)
        .rev()
        .find(is_start)
        .unwrap_or(at)
}
