use std::{
    num::NonZeroU64,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use mcpo2_core::{Digest, Principal};

use crate::{
    Clock, Error, ErrorKind, Key, Reference, Selector, Store, SystemClock,
    index::{Entry, Index},
    object::{Object, length, position},
};

/// Keeps results, and gives them back in ranges to those whose they are.
///
/// The references live as long as this value. It is made by [`Config::compile`](crate::Config).
#[derive(Debug)]
pub struct Artifacts {
    limits: Limits,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    index: Mutex<Index>,
}

/// The limits of a configuration, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) threshold: Option<NonZeroU64>,
    pub(crate) preview: u64,
    pub(crate) object: u64,
    pub(crate) total: u64,
    pub(crate) read: u64,
    pub(crate) ttl: Duration,
}

/// An object that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// Its name.
    pub reference: Reference,
    /// The digest of the whole.
    pub digest: Digest,
    /// Its length, in bytes.
    pub size: u64,
}

/// A part of an object that was read and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excerpt {
    /// The object.
    pub reference: Reference,
    /// The digest of the whole.
    pub digest: Digest,
    /// The length of the whole, in bytes.
    pub size: u64,
    /// The part.
    pub text: String,
    /// Where it stands in the whole, in bytes.
    pub range: Range<u64>,
    /// How much longer it can be read.
    pub expires_in: Duration,
}

/// An object that a caller may read, and the part of it that is asked for.
#[derive(Debug)]
struct Found {
    reference: Reference,
    selector: Selector,
    object: Arc<Object>,
    expires_in: Duration,
}

impl Artifacts {
    pub(crate) fn new(limits: Limits, store: Arc<dyn Store>) -> Self {
        Self {
            limits,
            store,
            clock: Arc::new(SystemClock),
            index: Mutex::default(),
        }
    }

    /// The same under another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How long a message may be before its result becomes a reference: the configured threshold
    /// or this obligation, whichever is smaller; none where there is neither.
    #[must_use]
    pub fn threshold(&self, obligation: Option<NonZeroU64>) -> Option<NonZeroU64> {
        match (self.limits.threshold, obligation) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        }
    }

    /// How many bytes are kept, with those that are taken for what is being written.
    #[must_use]
    pub fn bytes_kept(&self) -> u64 {
        self.index().bytes()
    }

    /// Keeps a text for this caller, after those that have expired are removed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] and [`ErrorKind::Full`] where it goes over a limit; those of the
    /// store.
    ///
    /// # Cancellation
    ///
    /// When the future is dropped the text is not kept; what was written of it is removed, and its
    /// room given back, when the next one is kept.
    pub async fn keep(&self, principal: &Principal, text: &str) -> Result<Stored, Error> {
        let size = length(text.as_bytes());
        if size > self.limits.object {
            let message = format!("{size} bytes are more than one object may have");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let now = self.clock.now();
        self.collect(now).await;

        let object = Arc::new(Object::of(text));
        let reference = Reference::random()?;
        let expires = now.checked_add(self.limits.ttl).unwrap_or(now);
        let entry = Entry::new(principal, Arc::clone(&object), expires);
        let reserved = self.index().reserve(reference, entry, self.limits.total);
        if !reserved {
            return Err(Error::new(ErrorKind::Full, "no room for another object"));
        }
        let reservation = Reservation {
            artifacts: self,
            reference: Some(reference),
        };
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.store.put(&reference.key(), bytes).await?;
        reservation.keep();
        Ok(Stored {
            reference,
            digest: object.digest,
            size,
        })
    }

    /// Reads the part of an artifact that this URI asks for, as far as one read goes.
    ///
    /// Both ends of the part move back to where their character begins, so parts that touch give
    /// together the whole. What is read is verified against the digests of what was kept.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where it is not there, has expired, is another's, or the URI or its
    /// range is none; those of the store.
    pub async fn read(&self, principal: &Principal, uri: &str) -> Result<Excerpt, Error> {
        let found = self.find(principal, uri)?;
        let range = self.select(&found).await?;
        self.excerpt(&found, range, self.limits.read).await
    }

    /// Reads all of the part of an artifact that this URI asks for, for something else than a
    /// prompt.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] where the part is longer than `limit` bytes; otherwise those of
    /// [`read`](Self::read).
    pub async fn take(
        &self,
        principal: &Principal,
        uri: &str,
        limit: u64,
    ) -> Result<Excerpt, Error> {
        let found = self.find(principal, uri)?;
        let range = self.select(&found).await?;
        let bytes = range.end.saturating_sub(range.start);
        if bytes > limit {
            let message = format!("{bytes} bytes are more than may be taken at once");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        self.excerpt(&found, range, limit).await
    }

    /// What this URI names, if it is this caller's.
    fn find(&self, principal: &Principal, uri: &str) -> Result<Found, Error> {
        let (reference, selector) = Reference::parse(uri)
            .map_err(|error| Error::not_found("no such artifact").with_source(error))?;
        let now = self.clock.now();
        let index = self.index();
        let entry = index.find(&reference, principal, now);
        let entry = entry.ok_or_else(|| Error::not_found("no such artifact"))?;
        Ok(Found {
            reference,
            selector,
            object: Arc::clone(&entry.object),
            expires_in: entry.expires.duration_since(now).unwrap_or_default(),
        })
    }

    async fn excerpt(
        &self,
        found: &Found,
        range: Range<u64>,
        limit: u64,
    ) -> Result<Excerpt, Error> {
        let key = found.reference.key();
        let (text, range) = self.text(&found.object, &key, range, limit).await?;
        Ok(Excerpt {
            reference: found.reference,
            digest: found.object.digest,
            size: found.object.size,
            text,
            range,
            expires_in: found.expires_in,
        })
    }

    pub(crate) fn preview_bytes(&self) -> u64 {
        self.limits.preview
    }

    pub(crate) fn object_bytes(&self) -> u64 {
        self.limits.object
    }

    pub(crate) fn read_bytes(&self) -> u64 {
        self.limits.read
    }

    async fn select(&self, found: &Found) -> Result<Range<u64>, Error> {
        let object = &found.object;
        let range = match found.selector {
            Selector::Whole => Some(0..object.size),
            Selector::Bytes { from, to } => {
                let to = to.unwrap_or(object.size).min(object.size);
                (from <= to).then_some(from..to)
            }
            Selector::Lines { first, last } => {
                let key = found.reference.key();
                object.lines(&*self.store, &key, first, last).await?
            }
        };
        range.ok_or_else(|| Error::not_found("no such range"))
    }

    async fn text(
        &self,
        object: &Object,
        key: &Key,
        range: Range<u64>,
        limit: u64,
    ) -> Result<(String, Range<u64>), Error> {
        let end = range.end.min(range.start.saturating_add(limit));
        // Three bytes before, in case the first is not the first of its character, and one behind,
        // to see whether a character begins there.
        let base = range.start.saturating_sub(3);
        let around = base..(end + 1).min(object.size);
        let bytes = object.read(&*self.store, key, around).await?;
        let from = char_start(&bytes, position(range.start - base));
        let to = char_start(&bytes, position(end - base));
        let text = bytes.get(from..to).map(<[u8]>::to_vec).unwrap_or_default();
        let text = String::from_utf8(text)
            .map_err(|error| Error::new(ErrorKind::Corrupt, "no text").with_source(error))?;
        let [from, to] = [from, to].map(|at| base + length(bytes.get(..at).unwrap_or_default()));
        Ok((text, from..to))
    }

    /// Removes what has expired. What cannot be removed now keeps its room and is tried again.
    async fn collect(&self, now: SystemTime) {
        let expired = self.index().expired(now);
        for reference in expired {
            match self.store.remove(&reference.key()).await {
                Ok(()) => self.index().forget(&reference),
                Err(error) => tracing::warn!(?reference, %error, "an expired artifact stays"),
            }
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Room that is taken; given back unless the object is kept.
struct Reservation<'a> {
    artifacts: &'a Artifacts,
    reference: Option<Reference>,
}

impl Reservation<'_> {
    fn keep(mut self) {
        self.reference = None;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(reference) = self.reference {
            self.artifacts.index().abandon(&reference);
        }
    }
}
