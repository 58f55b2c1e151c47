//! Files that go into a store while they are read.

use std::{
    collections::HashSet,
    io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use mcpo2_artifact::{
    blob::{BlobError, BlobErrorKind, ContentWriter, Session},
    ingest::{Sink, SinkFile},
    manifest::{Entry, Manifest, RelPath},
};
use mcpo2_core::Digest;
use tokio::runtime::Handle;

use super::{Problem, source::Reader, store::Store};

/// Puts the files of a tree that its tenant does not have, and says how many blobs these were and
/// how many bytes they have.
pub(super) fn put_files(
    store: &Store,
    session: &Session,
    (reader, manifest): (&Reader<'_>, &Manifest),
) -> Result<(u64, u64), Problem> {
    let changed = || {
        let why = "the source has changed while it was read: ingest it again";
        Problem::Failed(why.into())
    };
    let putting = Putting::begin(session, store.runtime.handle().clone(), manifest)?;
    if putting.missing() == 0 {
        return Ok((0, 0));
    }
    let read = reader.read("storing", &putting);
    match putting.failed() {
        Some(error) if error.kind() == BlobErrorKind::Mismatch => return Err(changed()),
        Some(error) => return Err(error.into()),
        None => {}
    }
    if read?.root() != manifest.root() || putting.missing() > 0 {
        return Err(changed());
    }
    Ok(putting.stored())
}

/// Puts those files of a tree that its tenant does not have. What each file is must be known: a
/// store takes nothing else, so a file that has changed since ends it.
struct Putting<'s> {
    session: &'s Session,
    runtime: Handle,
    manifest: &'s Manifest,
    missing: Mutex<HashSet<Digest>>,
    stored: AtomicU64,
    bytes: AtomicU64,
    /// What the store said, which an ingest would only pass on as text.
    failed: Mutex<Option<BlobError>>,
}

impl<'s> Putting<'s> {
    /// Claims what the tenant has.
    fn begin(
        session: &'s Session,
        runtime: Handle,
        manifest: &'s Manifest,
    ) -> Result<Self, BlobError> {
        let digests: HashSet<Digest> = manifest
            .entries()
            .iter()
            .filter_map(Entry::digest)
            .collect();
        let mut missing = HashSet::new();
        for digest in digests {
            if runtime.block_on(session.claim(&digest))?.is_none() {
                missing.insert(digest);
            }
        }
        Ok(Self {
            session,
            runtime,
            manifest,
            missing: Mutex::new(missing),
            stored: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            failed: Mutex::default(),
        })
    }

    /// How many blobs are not there yet.
    fn missing(&self) -> usize {
        self.lock().len()
    }

    /// How many blobs were put, and how many bytes they have.
    fn stored(&self) -> (u64, u64) {
        let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
        (read(&self.stored), read(&self.bytes))
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
        let writer = self.session.writer(&digest, size);
        let writer = self.told(self.runtime.block_on(writer))?;
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
        let written = writer.write(Bytes::copy_from_slice(bytes));
        self.putting.told(self.putting.runtime.block_on(written))
    }

    fn finish(mut self: Box<Self>, _: &Entry) -> io::Result<()> {
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        let finished = self.putting.runtime.block_on(writer.finish());
        self.putting.told(finished)?;
        self.putting.stored.fetch_add(1, Ordering::Relaxed);
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
