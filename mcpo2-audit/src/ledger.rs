mod place;

pub use place::Place;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use mcpo2_core::{Digest, Principal, PrincipalId, TenantId};
use mcpo2_verify::{checkpoint::SignedCheckpoint, key::VerifierKey};

use crate::{
    Clock, DirDisk, Disk, Error, ErrorKind, Event, Options, RecordId, Reject, Stats,
    id::Stamps,
    opening::{self, Opened},
    orders::Orders,
    queue::Queue,
    record::Sealing,
    run::run,
    secret::{ContentKey, Messages},
    vault::Person,
    writer::Writer,
};

/// A ledger that is open for writing. Clones are cheap and write to the same one.
///
/// One thread of its own writes; nothing else here waits for the disk, but for
/// [`flush`](Self::flush), [`close`](Self::close), and the drop of the last clone.
///
/// A ledger that could not write once takes nothing more: every further call is refused, and
/// [`health`](Self::health) says why, until it is opened anew. Where the disk is full it takes no
/// further call, and goes on by itself when there is room.
#[derive(Clone)]
pub struct Ledger(Arc<Handle>);

struct Handle {
    origin: Arc<str>,
    key: VerifierKey,
    queue: Arc<Queue>,
    orders: Arc<Orders>,
    stamps: Arc<Stamps>,
    sealing: Arc<Sealing>,
    content: ContentKey,
    keeps_arguments: bool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Ledger {
    /// Opens the ledger in this directory, and begins one where there is none.
    ///
    /// It checks the last segment; [`verify`](crate::verify) checks all. What tore at the end was
    /// never said to be safe: it is cut, and a record says so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Locked`] where it is open elsewhere, [`ErrorKind::Damaged`] where it was
    /// changed, and [`ErrorKind::Io`].
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        let dir = dir.as_ref();
        let disk = DirDisk::new(dir).map_err(Error::io("create", dir))?;
        Self::open_on(disk, options)
    }

    /// The same on another kind of disk.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_on(disk: impl Disk, options: Options) -> Result<Self, Error> {
        let Opened { writer, content } = opening::open(Arc::new(disk), &options)?;
        let queue = Arc::new(Queue::new(options.queue, writer.head()));
        let orders = Arc::new(Orders::default());
        let handle = Handle {
            origin: writer.epoch.origin().as_str().into(),
            key: writer
                .epoch
                .epochs()
                .keys()
                .next()
                .cloned()
                .ok_or_else(|| Error::new(ErrorKind::Damaged, "the ledger has no key"))?,
            queue: Arc::clone(&queue),
            orders: Arc::clone(&orders),
            stamps: Arc::clone(&writer.stamps),
            sealing: Arc::clone(&writer.sealing),
            content,
            keeps_arguments: options.keeps_arguments,
            thread: Mutex::default(),
        };
        let thread = thread::Builder::new()
            .name("mcpo2-audit".into())
            .spawn(move || run(&queue, &orders, writer, &options))
            .map_err(|error| {
                Error::new(ErrorKind::Io, "cannot start the writer").with_source(error)
            })?;
        *handle.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(Self(Arc::new(handle)))
    }

    /// The name of the ledger, which stands in every checkpoint.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    pub(crate) fn shared_origin(&self) -> Arc<str> {
        Arc::clone(&self.0.origin)
    }

    /// The key that whoever verifies must know: that of the first epoch, from which the later
    /// ones follow.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.0.key
    }

    /// Keeps a place for one record, so that writing it later can neither wait nor fail for want
    /// of room.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Full`], [`ErrorKind::Poisoned`] or [`ErrorKind::Closed`].
    pub fn reserve(&self) -> Result<Place, Error> {
        self.0.queue.reserve()?;
        Ok(self.place())
    }

    fn place(&self) -> Place {
        let (id, time) = self.0.stamps.next();
        Place {
            ledger: self.clone(),
            id,
            time,
            filled: false,
        }
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

    /// Makes the newest checkpoint and the tiles below it known as files, for who proves or
    /// verifies. It blocks, and happens by itself every so often, and when the ledger is closed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Poisoned`] where writing failed.
    pub fn publish(&self) -> Result<(), Error> {
        self.flush()?;
        self.order(Writer::publish)
    }

    /// Publishes a checkpoint of this ledger that witnesses have signed, for one that is opened as
    /// [`witnessed`](Options::witnessed). It blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Poisoned`] where writing failed.
    pub fn publish_witnessed(&self, checkpoint: &SignedCheckpoint) -> Result<(), Error> {
        let note = checkpoint.note().to_string();
        self.order(move |writer| writer.publish_witnessed(&note))
    }

    /// Begins a new epoch: another key signs from here on, and the old one is destroyed. It blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Poisoned`] where writing failed.
    pub fn rotate_key(&self) -> Result<(), Error> {
        self.order(Writer::rotate)
    }

    /// Erases a person: the key of all that was recorded of them is destroyed, and a record says
    /// so. It blocks. What comes is the pseudonym that they had; none where there is nothing of
    /// them. All proofs still hold; the same person has another pseudonym from now on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Held`] while a hold is on the ledger, and [`ErrorKind::Poisoned`] where
    /// writing failed.
    pub fn erase(
        &self,
        (tenant, id): (&TenantId, &PrincipalId),
        basis: &str,
        by: &str,
    ) -> Result<Option<String>, Error> {
        self.flush()?;
        let lookup = self.0.sealing.vault.lookup(tenant.as_str(), id.as_str());
        let (basis, by) = (basis.to_owned(), by.to_owned());
        self.order(move |writer| writer.erase(&lookup, &basis, &by))
    }

    /// Removes old segments, whole ones whose records all stand below this number. It blocks, and
    /// says how many went.
    ///
    /// # Errors
    ///
    /// As [`erase`](Self::erase).
    pub fn retain(&self, before: u64, policy: &str) -> Result<u64, Error> {
        let policy = policy.to_owned();
        self.order(move |writer| writer.retain(before, &policy))
    }

    /// Says that nothing may be removed or erased until it is said to end. It blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Poisoned`] where writing failed.
    pub fn hold(&self, held: bool, reason: &str, by: &str) -> Result<(), Error> {
        let (reason, by) = (reason.to_owned(), by.to_owned());
        self.order(move |writer| writer.hold(held, &reason, &by))
    }

    fn order<T: Send + 'static>(
        &self,
        order: impl FnOnce(&mut Writer) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.0.orders.give(&self.0.queue, order)
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

    /// Whom records of this principal are of.
    pub(crate) fn person(&self, principal: &Principal) -> Result<Arc<Person>, Error> {
        self.0.sealing.person(principal)
    }

    pub(crate) fn keeps_arguments(&self) -> bool {
        self.0.keeps_arguments
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.0.stamps.clock()
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("origin", &self.0.origin)
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
                // The last of its words may be that it could not end.
                return flushed.and(self.queue.check_ended());
            }
        }
        flushed
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            let cause = crate::text::chain(&error, 1024);
            tracing::error!(ledger = %self.origin, %cause, "ledger not closed cleanly");
        }
    }
}
