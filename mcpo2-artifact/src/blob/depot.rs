use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use mcpo2_core::TenantId;

use super::{
    BlobError, BlobStore, Chunking, KeySource, Quotas, Space, SweepOptions, SweepReport,
    TenantBlobs, space::SpaceState, sweep,
};
use crate::{Clock, SystemClock};

/// The blobs of all tenants, over one store that nobody else writes to.
///
/// Clones are the same depot. It holds what is being put and who holds it in memory; everything else
/// is in the store, so that nothing has to be repaired after a crash: what a tenant has is counted
/// when it is first needed.
#[derive(Clone)]
pub struct Depot {
    inner: Arc<Inner>,
    chunking: Option<Chunking>,
}

struct Inner {
    store: Arc<dyn BlobStore>,
    keys: Arc<dyn KeySource>,
    quotas: Quotas,
    clock: Arc<dyn Clock>,
    spaces: Mutex<HashMap<Space, Arc<SpaceState>>>,
}

impl Depot {
    /// A depot over this store, with the clock of the system.
    #[must_use]
    pub fn new(store: Arc<dyn BlobStore>, keys: Arc<dyn KeySource>, quotas: Quotas) -> Self {
        Self::with_clock(store, keys, quotas, Arc::new(SystemClock))
    }

    /// The same, with this clock.
    #[must_use]
    pub fn with_clock(
        store: Arc<dyn BlobStore>,
        keys: Arc<dyn KeySource>,
        quotas: Quotas,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let inner = Inner {
            store,
            keys,
            quotas,
            clock,
            spaces: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
            chunking: None,
        }
    }

    /// The same depot, but large content that is put through this clone of it is kept in chunks, so
    /// that contents which differ in little share the rest. What is there is read either way.
    ///
    /// Each chunk is an object: it is put durably, counts for the quota of objects, and is a member
    /// of each root of its content. A writer first takes room for all of the content and the most
    /// chunks it can have; what the tenant has already is given back as it is found.
    #[must_use]
    pub fn with_chunks(mut self, chunking: Chunking) -> Self {
        self.chunking = Some(chunking);
        self
    }

    /// The blobs of this tenant.
    ///
    /// # Errors
    ///
    /// [`Keys`](super::BlobErrorKind::Keys) where its keys cannot be had.
    pub fn tenant(&self, tenant: &TenantId) -> Result<TenantBlobs, BlobError> {
        let keys = self.inner.keys.keys(tenant)?;
        let space = self.space(keys.space());
        space.ledger().limit(self.inner.quotas.of(tenant));
        Ok(TenantBlobs::new(keys, space, self.chunking))
    }

    /// Takes away, in all spaces, what nothing keeps. What a [`Session`](super::Session) has put or
    /// found stays; so does, in a space with a damaged root or pin, everything.
    ///
    /// # Errors
    ///
    /// [`Locked`](super::BlobErrorKind::Locked) where another sweep goes on, and what the store
    /// says. What was taken away by then stays so; the next sweep goes on.
    ///
    /// # Cancellation
    ///
    /// As after an error.
    pub async fn sweep(&self, options: &SweepOptions) -> Result<SweepReport, BlobError> {
        let mut report = SweepReport::default();
        for space in self.inner.store.spaces().await? {
            let space = self.space(space);
            sweep::sweep(&space, options, self.inner.clock.now(), &mut report).await?;
        }
        Ok(report)
    }

    /// Destroys the keys of this tenant, and then all that it has. Sealed blobs are lost with the
    /// keys, wherever there are copies of them; only a [`TenantBlobs`] made before still has the keys, as long
    /// as it lives. What sessions hold stays, and goes when it is shredded again.
    ///
    /// # Errors
    ///
    /// Those of [`KeySource::destroy`]: then nothing was done; and what the store says.
    pub async fn shred(&self, tenant: &TenantId) -> Result<(), BlobError> {
        let space = self.space(self.inner.keys.keys(tenant)?.space());
        self.inner.keys.destroy(tenant)?;
        space.clear().await
    }

    pub(crate) fn now(&self) -> std::time::SystemTime {
        self.inner.clock.now()
    }

    fn space(&self, space: Space) -> Arc<SpaceState> {
        let spaces = self.inner.spaces.lock();
        let mut spaces = spaces.unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(SpaceState::new(space, Arc::clone(&self.inner.store)));
        Arc::clone(spaces.entry(space).or_insert_with(new))
    }
}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Depot")
            .field("store", &self.inner.store)
            .field("keys", &self.inner.keys)
            .finish_non_exhaustive()
    }
}
