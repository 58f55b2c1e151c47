mod url;

use std::{
    num::NonZeroU64,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use mcpo2_core::{Digest, Principal};

use crate::{
    Clock, Error, ErrorKind, Library, Reader, Reference, Store, SystemClock,
    excerpt::Excerpt,
    index::{Entry, Index},
    kept::Kept,
    object::{Object, length},
    token::Uri,
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
    library: Option<Arc<Library>>,
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

impl Artifacts {
    pub(crate) fn new(limits: Limits, store: Arc<dyn Store>) -> Self {
        Self {
            limits,
            store,
            clock: Arc::new(SystemClock),
            index: Mutex::default(),
            library: None,
        }
    }

    /// The same, which also reads what this library has, by signed references.
    #[must_use]
    pub fn with_library(mut self, library: Arc<Library>) -> Self {
        self.library = Some(library);
        self
    }

    /// What signed references read, where there is such a thing.
    #[must_use]
    pub fn library(&self) -> Option<&Arc<Library>> {
        self.library.as_ref()
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
    /// Of a result, both ends of the part move back to where their character begins, so parts that
    /// touch give together the whole. What is read is verified against the digests of what was kept.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where it is not there, has expired, is another's, or the URI or its
    /// range is none; those of the store.
    pub async fn read(&self, reader: &Reader, uri: &str) -> Result<Excerpt, Error> {
        self.part(reader, uri, self.limits.read, None).await
    }

    /// Reads all of the part of an artifact that this URI asks for, for something else than a
    /// prompt.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] where the part is longer than `limit` bytes; otherwise those of
    /// [`read`](Self::read).
    pub async fn take(&self, reader: &Reader, uri: &str, limit: u64) -> Result<Excerpt, Error> {
        self.part(reader, uri, limit, Some(limit)).await
    }

    /// As much of the part as `read` allows; an error where it is longer than `most`.
    async fn part(
        &self,
        reader: &Reader,
        uri: &str,
        read: u64,
        most: Option<u64>,
    ) -> Result<Excerpt, Error> {
        let uri = uri.parse();
        match uri.map_err(|error| not_there().with_source(error))? {
            Uri::Kept(reference, selector) => {
                let kept = self.find(&reader.principal, reference)?;
                let range = kept.select(&*self.store, selector).await?;
                let range = within(range, most)?;
                kept.excerpt(&*self.store, range, read).await
            }
            Uri::Signed(reference, path, selector) => {
                let library = self.library.as_ref().ok_or_else(not_there)?;
                let now = self.clock.now();
                let opened = library.open(reader, &reference, path.as_ref(), now).await?;
                let range = within(opened.select(selector).await?, most)?;
                opened.excerpt(range, read).await
            }
        }
    }

    /// What this reference names, if it is this caller's.
    fn find(&self, principal: &Principal, reference: Reference) -> Result<Kept, Error> {
        let now = self.clock.now();
        let index = self.index();
        let entry = index.find(&reference, principal, now);
        let entry = entry.ok_or_else(not_there)?;
        let expires_in = entry.expires.duration_since(now).unwrap_or_default();
        Ok(Kept::new(reference, Arc::clone(&entry.object), expires_in))
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
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

fn not_there() -> Error {
    Error::not_found("no such artifact")
}

/// The range, if there is one and it is not too long.
pub(crate) fn within(range: Option<Range<u64>>, most: Option<u64>) -> Result<Range<u64>, Error> {
    let range = range.ok_or_else(|| Error::not_found("no such range"))?;
    let bytes = range.end.saturating_sub(range.start);
    if most.is_some_and(|most| bytes > most) {
        let message = format!("{bytes} bytes are more than may be taken at once");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    Ok(range)
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
