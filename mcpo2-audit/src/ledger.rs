use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use mcpo2_core::Digest;

use crate::{
    Clock, Durability, Error, ErrorKind, Event, Options, Record, RecordId, Reject, SegmentHeader,
    Stats, files,
    id::Stamps,
    queue::{LAG, LINGER, Queue},
    record::shortened,
    recover,
    secret::{self, ContentKey, Messages},
    writer::Writer,
};

/// A ledger that is open for writing. Clones are cheap and write to the same one.
///
/// One thread of its own writes; nothing else here waits for the disk, but for
/// [`flush`](Self::flush), [`close`](Self::close), and the drop of the last clone.
///
/// A ledger that could not write once takes nothing more: every further call is refused, and
/// [`health`](Self::health) says why, until it is opened anew.
#[derive(Clone)]
pub struct Ledger(Arc<Handle>);

struct Handle {
    id: RecordId,
    queue: Arc<Queue>,
    stamps: Arc<Stamps>,
    content: ContentKey,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Ledger {
    /// Opens the ledger in this directory, and begins one where there is none.
    ///
    /// It checks the last segment; [`verify`](crate::verify) checks all. A last line that is torn
    /// is cut, and a record says so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Locked`] where it is open elsewhere, [`ErrorKind::Damaged`] where the last
    /// segment was changed, and [`ErrorKind::Io`].
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        let dir = dir.as_ref();
        files::create_dir(dir)?;
        let lock = files::lock(dir)?;
        let stamps = Arc::new(Stamps::new(options.clock, secret::random()?));
        let end = recover::end(dir)?;
        let content = ContentKey::load(dir, end.is_none())?;
        let begin = ((dir, lock), Arc::clone(&stamps), options.segment_bytes);
        let (id, writer) = open_writer(begin, end, content.fingerprint())?;
        let linger = match options.durability {
            Durability::Async => LINGER,
            Durability::Group => Duration::ZERO,
        };
        let queue = Arc::new(Queue::new(options.queue, linger, writer.head()));
        let thread = thread::Builder::new()
            .name("mcpo2-audit".into())
            .spawn({
                let queue = Arc::clone(&queue);
                move || run(&queue, writer, options.durability)
            })
            .map_err(|error| {
                Error::new(ErrorKind::Io, "cannot start the writer").with_source(error)
            })?;
        Ok(Self(Arc::new(Handle {
            id,
            queue,
            stamps,
            content,
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// The id of the ledger.
    #[must_use]
    pub fn id(&self) -> RecordId {
        self.0.id
    }

    /// Keeps a place for one record, so that writing it later can neither wait nor fail for want
    /// of room.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Full`], [`ErrorKind::Poisoned`] or [`ErrorKind::Closed`].
    pub fn reserve(&self) -> Result<Place, Error> {
        self.0.queue.reserve()?;
        let (id, time) = self.0.stamps.next();
        Ok(Place {
            ledger: self.clone(),
            id,
            time,
            filled: false,
        })
    }

    /// Records an event, and gives the id of its record. It does not wait for the disk.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn append(&self, event: impl Into<Event>) -> Result<RecordId, Error> {
        let place = self.reserve()?;
        let id = place.id();
        place.fill(event);
        Ok(id)
    }

    /// Records input that was refused before it was a call.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reject(&self, reject: Reject) -> Result<RecordId, Error> {
        self.append(reject)
    }

    /// The digest by which records of this ledger know a message: of its length and its bytes,
    /// under the key of the ledger.
    #[must_use]
    pub fn digest(&self, message: &[u8]) -> Digest {
        self.messages().update(message).digest()
    }

    /// Waits until all that was recorded before is safe from a power failure. It blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Poisoned`] where writing failed.
    pub fn flush(&self) -> Result<(), Error> {
        self.0.queue.flush()
    }

    /// Takes no further call, and makes all that was recorded safe. It blocks.
    ///
    /// Calls under way keep their places, and their records are still written; when the last of
    /// them has ended, the writer ends and the directory is free.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Poisoned`] where writing failed.
    pub fn close(&self) -> Result<(), Error> {
        self.0.close()
    }

    /// Whether calls can be recorded.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Poisoned`] with the reason as its source, or [`ErrorKind::Closed`].
    pub fn health(&self) -> Result<(), Error> {
        self.0.queue.check()
    }

    /// How far it is.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.queue.stats()
    }

    pub(crate) fn messages(&self) -> Messages {
        self.0.content.hasher()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.0.stamps.clock()
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("id", &self.0.id)
            .finish_non_exhaustive()
    }
}

impl Handle {
    fn close(&self) -> Result<(), Error> {
        let last = self.queue.close();
        let flushed = self.queue.flush();
        if last {
            let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(thread) = thread.take() {
                // A writer that panicked has left word in the queue.
                let _ = thread.join();
            }
        }
        flushed
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            let cause = crate::text::chain(&error, 1024);
            tracing::error!(ledger = %self.id, %cause, "ledger not closed cleanly");
        }
    }
}

/// A place that is kept for one record. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a place that is dropped records nothing"]
pub struct Place {
    ledger: Ledger,
    id: RecordId,
    time: Timestamp,
    filled: bool,
}

impl Place {
    /// The id that the record will have.
    #[must_use]
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// Records the event here.
    pub fn fill(self, event: impl Into<Event>) {
        let record = Record::new(self.stamp(), event);
        self.fill_json(record.into_bounded_json());
    }

    pub(crate) fn stamp(&self) -> (RecordId, Timestamp) {
        (self.id, self.time)
    }

    /// Records what was written of a call, shortened where it is too long.
    pub(crate) fn fill_json(mut self, json: Result<Vec<u8>, serde_json::Error>) {
        match json.and_then(shortened) {
            Ok(json) => {
                self.filled = true;
                self.ledger.0.queue.fill(json);
            }
            // What cannot be recorded must not pass a second time.
            Err(error) => self.ledger.0.queue.fail(&error.to_string()),
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

type Begin<'a> = ((&'a Path, std::fs::File), Arc<Stamps>, u64);

fn open_writer(
    (dir, stamps, segment_bytes): Begin<'_>,
    end: Option<recover::End>,
    digest_key: Digest,
) -> Result<(RecordId, Writer), Error> {
    let Some(end) = end else {
        let (ledger, _) = stamps.next();
        let header = SegmentHeader {
            ledger,
            segment: 0,
            digest_key,
        };
        return Ok((ledger, Writer::create(dir, header, stamps, segment_bytes)?));
    };
    if end.header.digest_key != digest_key {
        let message = "the secret is not the one of this ledger";
        return Err(Error::new(ErrorKind::Damaged, message));
    }
    let id = end.header.ledger;
    Ok((id, Writer::resume(dir, end, stamps, segment_bytes)?))
}

/// What the thread does: as much at once as waits, as soon as it is free.
fn run(queue: &Queue, mut writer: Writer, durability: Durability) {
    let _ending = Ending(queue);
    let mut unsynced = false;
    let mut synced_at = Instant::now();
    while let Some(batch) = queue.take(unsynced) {
        unsynced |= !batch.records.is_empty();
        let due = durability == Durability::Group || synced_at.elapsed() >= LAG;
        let sync = unsynced && (batch.sync || due);
        let written = writer.append(&batch.records).and_then(|()| match sync {
            true => writer.sync(),
            false => Ok(()),
        });
        if let Err(error) = written {
            tracing::error!(%error, "ledger cannot be written; no further call is taken");
            return queue.fail(&error.to_string());
        }
        if sync {
            (unsynced, synced_at) = (false, Instant::now());
        }
        queue.done(writer.head(), !unsynced);
    }
}

/// Sees to it that nobody waits for a writer that is gone.
struct Ending<'a>(&'a Queue);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail("the writer panicked");
        }
    }
}
