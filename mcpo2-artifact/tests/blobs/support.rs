use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use mcpo2_artifact::{
    Clock, Key,
    blob::{
        BlobError, BlobErrorKind, BlobName, BlobStore, BlobWriter, Chunking, Depot, Head, Keep,
        Kind, Limits, Listed, MasterKey, MemoryBlobs, Put, Quotas, Space, SweepOptions,
        TenantBlobs, Usage,
    },
};
use mcpo2_core::Digest;

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// A time that only moves when it is told to.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000 + self.0.load(Ordering::Relaxed))
    }
}

pub(crate) fn depot_over(store: Arc<dyn BlobStore>, limits: Limits, clock: &TestClock) -> Depot {
    let keys = Arc::new(MasterKey::new([7; 32]));
    Depot::with_clock(store, keys, Quotas::new(limits), Arc::new(clock.clone()))
}

pub(crate) fn memory(clock: &TestClock) -> MemoryBlobs {
    MemoryBlobs::new(1 << 30).with_clock(clock.clone())
}

pub(crate) fn tenant(depot: &Depot, name: &str) -> TenantBlobs {
    depot.tenant(&name.parse().unwrap()).unwrap()
}

/// Content that is another for each number.
pub(crate) fn content(number: u64, size: usize) -> Bytes {
    let mut reader = blake3::Hasher::new();
    let mut bytes = vec![0; size];
    reader
        .update(&number.to_be_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes.into()
}

/// Commits these contents together, pinned by "test".
pub(crate) async fn commit(blobs: &TenantBlobs, label: &str, contents: &[Bytes]) -> Vec<Digest> {
    let session = blobs.session().await.unwrap();
    let mut digests = Vec::new();
    for content in contents {
        digests.push(session.put(content.clone()).await.unwrap());
    }
    session.commit(label, Keep::Pinned("test")).await.unwrap();
    digests
}

/// Chunks so small that tests need little content: whatever has more than 256 KiB is cut.
pub(crate) fn small_chunks() -> Chunking {
    let chunking = Chunking::default().with_threshold(0);
    chunking.with_sizes(4096, 16_384, 65_536).unwrap()
}

pub(crate) fn at_once() -> SweepOptions {
    SweepOptions::default().with_grace(Duration::ZERO)
}

/// What the store really has, counted by hand: objects and their bytes.
pub(crate) async fn counted(store: &dyn BlobStore) -> (u64, u64) {
    let (mut objects, mut bytes) = (0, 0);
    for space in store.spaces().await.unwrap() {
        for kind in Kind::ALL {
            for listed in store.list(&space, kind, None, 100_000).await.unwrap() {
                objects += 1;
                bytes += listed.head.size;
            }
        }
    }
    (objects, bytes)
}

pub(crate) fn stored(usage: Usage) -> (u64, u64) {
    (usage.objects, usage.stored_bytes)
}

pub(crate) fn kind<T>(result: Result<T, BlobError>) -> BlobErrorKind {
    result.map(drop).unwrap_err().kind()
}

/// What becomes of the next operations that change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// It fails, and nothing is done: no room, say.
    Before,
    /// It is done, and then fails: the answer was lost.
    After,
    /// It never ends.
    Hang,
    /// Done, and then it never ends.
    HangAfter,
}

/// A store over another, of which writes fail as they are told to.
#[derive(Debug)]
pub(crate) struct Faulty<S> {
    pub(crate) inner: S,
    faults: Mutex<Vec<Fault>>,
}

impl<S> Faulty<S> {
    pub(crate) fn new(inner: S) -> Arc<Self> {
        let faults = Mutex::default();
        Arc::new(Self { inner, faults })
    }

    /// The next writes fail so, in this order.
    pub(crate) fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut planned: Vec<_> = faults.into_iter().collect();
        planned.reverse();
        *self.faults.lock().unwrap() = planned;
    }

    async fn go<T>(
        &self,
        work: impl Future<Output = Result<T, BlobError>>,
    ) -> Result<T, BlobError> {
        let fault = self.faults.lock().unwrap().pop().unwrap_or(Fault::None);
        match fault {
            Fault::None => work.await,
            Fault::Before => Err(BlobErrorKind::Full.into()),
            Fault::After => work.await.and(Err(BlobErrorKind::Io.into())),
            Fault::Hang => std::future::pending().await,
            Fault::HangAfter => {
                work.await?;
                std::future::pending().await
            }
        }
    }
}

#[async_trait]
impl<S: BlobStore> BlobStore for Faulty<S> {
    async fn put(&self, name: &BlobName, bytes: Bytes) -> Result<Put, BlobError> {
        self.go(self.inner.put(name, bytes)).await
    }

    async fn writer(&self, name: &BlobName, size: u64) -> Result<Box<dyn BlobWriter>, BlobError> {
        self.go(self.inner.writer(name, size)).await
    }

    async fn read(&self, name: &BlobName, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.inner.read(name, range).await
    }

    async fn head(&self, name: &BlobName) -> Result<Option<Head>, BlobError> {
        self.inner.head(name).await
    }

    async fn delete(&self, name: &BlobName) -> Result<(), BlobError> {
        self.go(self.inner.delete(name)).await
    }

    async fn list(
        &self,
        space: &Space,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, BlobError> {
        self.inner.list(space, kind, after, limit).await
    }

    async fn spaces(&self) -> Result<Vec<Space>, BlobError> {
        self.inner.spaces().await
    }
}
