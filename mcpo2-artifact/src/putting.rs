use std::{
    collections::HashSet,
    io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use mcpo2_core::Digest;

use crate::{
    blob::{BlobError, BlobErrorKind, ContentWriter, Session},
    ingest::{Sink, SinkFile},
    manifest::{Entry, Manifest, RelPath},
    wait::wait,
};

/// What [`put_tree`] put: the tenant had the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreePut {
    /// How many blobs.
    pub blobs: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

/// Why the files of a tree were not put.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutTreeError<E> {
    /// The source could not be read again.
    #[error("the source cannot be read")]
    Read(#[source] E),
    /// The store did not take it.
    #[error("the tree cannot be kept")]
    Store(#[source] BlobError),
    /// The source is not what it was when its manifest was made.
    #[error("the source has changed while it was read")]
    Changed,
}

impl<E> From<BlobError> for PutTreeError<E> {
    fn from(error: BlobError) -> Self {
        Self::Store(error)
    }
}

/// Puts the files of a tree into a session, as far as their tenant does not have them, and claims the
/// others. `read` reads the source once more, which is not done where nothing is missing.
///
/// It waits on this thread, and on those that `read` starts. A store that needs a runtime needs them to
/// have entered it.
///
/// ```
/// use std::sync::Arc;
/// use mcpo2_artifact::{
///     blob::{Depot, Keep, Limits, MasterKey, MemoryBlobs, Quotas},
///     commit_manifest,
///     ingest::{Ingest, Spec},
///     put_tree,
/// };
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path();
/// std::fs::write(path.join("lib.rs"), "fn main() {}\n")?;
///
/// let rules = Spec::default().compile()?;
/// let ingest = Ingest::new(&rules);
/// let manifest = ingest.directory(path)?;
///
/// let blobs = Arc::new(MemoryBlobs::new(1 << 20));
/// let depot = Depot::new(blobs, Arc::new(MasterKey::new([7; 32])), Quotas::new(Limits::NONE));
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// let session = runtime.block_on(depot.tenant(&"acme".parse()?)?.session())?;
/// let put = put_tree(&session, &manifest, |sink| ingest.with_sink(sink).directory(path))?;
/// assert_eq!((put.blobs, put.bytes), (1, 13));
/// runtime.block_on(commit_manifest(&session, &manifest, Keep::Pinned("owner")))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`PutTreeError`]. What was put until then goes with the session.
pub fn put_tree<E>(
    session: &Session,
    manifest: &Manifest,
    read: impl FnOnce(&dyn Sink) -> Result<Manifest, E>,
) -> Result<TreePut, PutTreeError<E>> {
    let putting = Putting::begin(session, manifest)?;
    if putting.missing() == 0 {
        return Ok(TreePut::default());
    }
    let read = read(&putting);
    match putting.failed() {
        Some(error) if error.kind() == BlobErrorKind::Mismatch => {
            return Err(PutTreeError::Changed);
        }
        Some(error) => return Err(error.into()),
        None => {}
    }
    let read = read.map_err(PutTreeError::Read)?;
    if read.root() != manifest.root() || putting.missing() > 0 {
        return Err(PutTreeError::Changed);
    }
    Ok(putting.put())
}

/// Puts those files of a tree that its tenant does not have. What each file is must be known: a
/// store takes nothing else, so a file that has changed since ends it.
struct Putting<'s> {
    session: &'s Session,
    manifest: &'s Manifest,
    missing: Mutex<HashSet<Digest>>,
    blobs: AtomicU64,
    bytes: AtomicU64,
    /// What the store said, which an ingest would only pass on as text.
    failed: Mutex<Option<BlobError>>,
}

impl<'s> Putting<'s> {
    /// Claims what the tenant has.
    fn begin(session: &'s Session, manifest: &'s Manifest) -> Result<Self, BlobError> {
        let digests = manifest.entries().iter().filter_map(Entry::digest);
        let digests: HashSet<Digest> = digests.collect();
        let mut missing = HashSet::new();
        for digest in digests {
            if wait(session.claim(&digest))?.is_none() {
                missing.insert(digest);
            }
        }
        Ok(Self {
            session,
            manifest,
            missing: Mutex::new(missing),
            blobs: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            failed: Mutex::default(),
        })
    }

    /// How many blobs are not there yet.
    fn missing(&self) -> usize {
        self.lock().len()
    }

    fn put(&self) -> TreePut {
        TreePut {
            blobs: self.blobs.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// What the store said when it failed.
    fn failed(&self) -> Option<BlobError> {
        let failed = self.failed.lock();
        failed.unwrap_or_else(PoisonError::into_inner).take()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told<T>(&self, done: Result<T, BlobError>) -> io::Result<T> {
        done.map_err(|error| {
            let said = io::Error::other(error.to_string());
            let failed = self.failed.lock();
            failed
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(error);
            said
        })
    }
}

impl Sink for Putting<'_> {
    fn file(&self, path: &RelPath, _: Option<u64>) -> io::Result<Box<dyn SinkFile + '_>> {
        let entry = self.manifest.get(path.as_str());
        let digest = entry.and_then(Entry::digest);
        let wanted = digest.filter(|digest| self.lock().remove(digest));
        let (Some(digest), Some(entry)) = (wanted, entry) else {
            return Ok(Box::new(()));
        };
        let size = entry.size();
        let writer = self.told(wait(self.session.writer(&digest, size)))?;
        Ok(Box::new(Put {
            putting: self,
            digest,
            size,
            writer: Some(writer),
        }))
    }
}

/// A file on its way. Dropped before it is finished, it is missing again.
struct Put<'p> {
    putting: &'p Putting<'p>,
    digest: Digest,
    size: u64,
    writer: Option<ContentWriter<'p>>,
}

impl SinkFile for Put<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let written = wait(writer.write(Bytes::copy_from_slice(bytes)));
        self.putting.told(written)
    }

    fn finish(mut self: Box<Self>, _: &Entry) -> io::Result<()> {
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        self.putting.told(wait(writer.finish()))?;
        self.putting.blobs.fetch_add(1, Ordering::Relaxed);
        self.putting.bytes.fetch_add(self.size, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Put<'_> {
    fn drop(&mut self) {
        if self.writer.is_some() {
            self.putting.lock().insert(self.digest);
        }
    }
}
