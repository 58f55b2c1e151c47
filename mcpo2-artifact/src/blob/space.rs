mod remove;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures_util::lock::Mutex as AsyncMutex;

use super::{
    BlobError, BlobErrorKind, BlobName, BlobStore, BlobWriter, Kind, Listed, Put, RootRecord,
    Space, Usage,
    hold::Reservation,
    ledger::{Ledger, Place},
    turns::{Turn, Turns},
};
use crate::Key;

const PAGE: usize = 1000;

/// One tenant's part of the store, and the books of it.
///
/// Whatever changes an object has its turn: one at a time changes objects whose keys begin alike. The
/// books are charged before the store is asked, and what came of it is told them after; where nobody
/// told them (the store failed, the future was dropped), the store is asked what is there, before the
/// object is touched again or the books are read.
pub(crate) struct SpaceState {
    space: Space,
    store: Arc<dyn BlobStore>,
    counted: AsyncMutex<bool>,
    turns: Turns,
    ledger: Mutex<Ledger>,
}

impl SpaceState {
    pub(crate) fn new(space: Space, store: Arc<dyn BlobStore>) -> Self {
        Self {
            space,
            store,
            counted: AsyncMutex::new(false),
            turns: Turns::new(),
            ledger: Mutex::new(Ledger::new()),
        }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn store(&self) -> &dyn BlobStore {
        &*self.store
    }

    pub(crate) fn space(&self) -> Space {
        self.space
    }

    pub(crate) fn name(&self, (kind, key): Place) -> BlobName {
        BlobName::new(self.space, kind, key)
    }

    /// Counts what the store has, the first time.
    pub(crate) async fn count(&self) -> Result<(), BlobError> {
        let mut counted = self.counted.lock().await;
        if *counted {
            return Ok(());
        }
        let mut used = Usage::default();
        for kind in Kind::ALL {
            let mut after = None;
            while let Some(page) = self.page(kind, &mut after).await? {
                for listed in page {
                    used = used.plus(Usage::object(listed.head.size));
                    if kind == Kind::Root {
                        used = used.plus(self.logical(&listed.key).await?);
                    }
                }
            }
        }
        self.ledger().count(used);
        *counted = true;
        Ok(())
    }

    /// What this root counts for beside its object.
    pub(crate) async fn logical(&self, root: &Key) -> Result<Usage, BlobError> {
        let length = RootRecord::HEAD.try_into().unwrap_or(u64::MAX);
        let name = self.name((Kind::Root, *root));
        let head = self.store.read(&name, 0..length).await?;
        let bytes = RootRecord::logical_bytes_of(&head);
        Ok(Usage::logical(bytes.map_err(corrupt)?))
    }

    /// What the tenant has, to the object.
    pub(crate) async fn usage(&self) -> Result<Usage, BlobError> {
        self.count().await?;
        self.settle_all().await?;
        Ok(self.ledger().usage())
    }

    pub(crate) async fn reserve(self: &Arc<Self>, amount: Usage) -> Result<Reservation, BlobError> {
        self.count().await?;
        let reserved = self.ledger().reserve(amount);
        if reserved.is_err() {
            // What is in doubt may turn out to be room.
            self.settle_all().await?;
            self.ledger().reserve(amount)?;
        }
        Ok(Reservation::taken(self, amount))
    }

    /// Puts an object for which this was reserved, as a blob of its size.
    pub(crate) async fn put(
        &self,
        place: Place,
        bytes: Bytes,
        reserved: Reservation,
    ) -> Result<Put, BlobError> {
        let turn = self.turn(&place.1).await;
        self.put_in(place, bytes, reserved, &turn).await
    }

    /// The turn of an object, for more than one change of it. Until it is dropped, whoever has it must
    /// not wait for another.
    pub(crate) async fn turn(&self, key: &Key) -> Turn<'_> {
        self.turns.take(key).await
    }

    /// The same as [`put`](Self::put), in the turn of this object.
    pub(crate) async fn put_in(
        &self,
        place: Place,
        bytes: Bytes,
        reserved: Reservation,
        _turn: &Turn<'_>,
    ) -> Result<Put, BlobError> {
        let size = bytes.len().try_into().unwrap_or(u64::MAX);
        if self.is_there(place, size).await? {
            return Ok(Put::Present);
        }
        let reserved = reserved.take();
        self.ledger().begin_put(place, reserved);
        let put = self.store.put(&self.name(place), bytes).await?;
        self.ledger().resolve(&place, Some(size));
        Ok(put)
    }

    /// Puts what a writer was given, for which this was reserved.
    pub(crate) async fn finish(
        &self,
        place: Place,
        writer: Box<dyn BlobWriter>,
        reserved: Reservation,
    ) -> Result<Put, BlobError> {
        let size = reserved.amount().stored_bytes;
        let _turn = self.turns.take(&place.1).await;
        if self.is_there(place, size).await? {
            return Ok(Put::Present);
        }
        let reserved = reserved.take();
        self.ledger().begin_put(place, reserved);
        let put = writer.finish().await?;
        self.ledger().resolve(&place, Some(size));
        Ok(put)
    }

    /// How long the object is, if it is there. Of one that is held, that stays true: whoever was about
    /// to delete it had its turn before.
    pub(crate) async fn stored(&self, place: Place) -> Result<Option<u64>, BlobError> {
        let _turn = self.turns.take(&place.1).await;
        self.settle(place).await?;
        let head = self.store.head(&self.name(place)).await?;
        Ok(head.map(|head| head.size))
    }

    /// The next objects of this kind behind `after`, which goes on; none at the end.
    pub(crate) async fn page(
        &self,
        kind: Kind,
        after: &mut Option<Key>,
    ) -> Result<Option<Vec<Listed>>, BlobError> {
        let page = self.store.list(&self.space, kind, after.as_ref(), PAGE);
        let page = page.await?;
        *after = page.last().map(|last| last.key);
        Ok(after.is_some().then_some(page))
    }

    /// Whether the object is there. A blob of another length was damaged, and is taken away.
    async fn is_there(&self, place: Place, size: u64) -> Result<bool, BlobError> {
        self.settle(place).await?;
        match self.store.head(&self.name(place)).await? {
            None => Ok(false),
            Some(head) if head.size == size => Ok(true),
            Some(head) if place.0 == Kind::Blob => {
                self.take_away(place, head).await?;
                Ok(false)
            }
            Some(_) => Err(BlobErrorKind::Mismatch.into()),
        }
    }

    /// Asks the store about an object that is in doubt. Whoever asks has its turn.
    pub(crate) async fn settle(&self, place: Place) -> Result<(), BlobError> {
        if self.ledger().is_doubtful(&place) {
            let head = self.store.head(&self.name(place)).await?;
            self.ledger().resolve(&place, head.map(|head| head.size));
        }
        Ok(())
    }

    async fn settle_all(&self) -> Result<(), BlobError> {
        let doubts = self.ledger().doubts();
        for place in doubts {
            let _turn = self.turns.take(&place.1).await;
            self.settle(place).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for SpaceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpaceState({})", self.space)
    }
}

pub(crate) fn corrupt(error: impl Into<mcpo2_core::BoxError>) -> BlobError {
    BlobError::new(BlobErrorKind::Corrupt).with_source(error)
}
