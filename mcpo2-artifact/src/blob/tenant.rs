use std::{
    fmt,
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use mcpo2_core::Digest;

use super::{
    BlobError, BlobErrorKind, BlobReader, Chunking, Keep, Kind, PinRecord, RootRecord, Session,
    TenantKeys, Usage, hold::Hold, space::SpaceState,
};
use crate::Key;

/// The blobs of one tenant. Clones are the same.
///
/// Who knows a digest can read: whether he may is the concern of whoever calls.
#[derive(Clone)]
pub struct TenantBlobs {
    keys: TenantKeys,
    space: Arc<SpaceState>,
    chunking: Option<Chunking>,
}

/// Times of pins are whole multiples of this many seconds, so that many references to one root that
/// end about the same time are one pin.
const PIN_STEP: u64 = 600;

impl TenantBlobs {
    pub(crate) fn new(
        keys: TenantKeys,
        space: Arc<SpaceState>,
        chunking: Option<Chunking>,
    ) -> Self {
        Self {
            keys,
            space,
            chunking,
        }
    }

    /// A session, which puts blobs that then live together.
    ///
    /// # Errors
    ///
    /// What the store says: the first time, what the tenant has is counted.
    pub async fn session(&self) -> Result<Session, BlobError> {
        Session::begin(self.clone()).await
    }

    /// The blob with this digest, to read parts of it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](BlobErrorKind::NotFound), [`Corrupt`](BlobErrorKind::Corrupt), and what the
    /// store says.
    pub async fn open(&self, digest: &Digest) -> Result<BlobReader, BlobError> {
        BlobReader::open(self, digest).await
    }

    /// The bytes of this range of the blob with this digest, or as many as there are of it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`BlobReader::read`].
    pub async fn read(&self, digest: &Digest, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.open(digest).await?.read(range).await
    }

    /// A URL by which anybody reads the whole blob for this long, around this gateway: nothing is
    /// verified or recorded, and it cannot be revoked.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](BlobErrorKind::Unsupported) where the store makes none, the blobs are sealed or
    /// this one is kept in chunks, [`NotFound`](BlobErrorKind::NotFound), and what the store says.
    pub async fn presign(&self, digest: &Digest, valid: Duration) -> Result<String, BlobError> {
        if self.keys.is_sealed() {
            return Err(BlobErrorKind::Unsupported.into());
        }
        let [name, index] = [self.keys.blob(digest), self.keys.index(digest)]
            .map(|key| self.space.name((Kind::Blob, key)));
        if self.space.store().head(&name).await?.is_none() {
            let index = self.space.store().head(&index).await?;
            return Err(match index {
                Some(_) => BlobErrorKind::Unsupported.into(),
                None => BlobErrorKind::NotFound.into(),
            });
        }
        let url = self.space.store().presign(&name, valid).await?;
        Ok(url.ok_or(BlobErrorKind::Unsupported)?)
    }

    /// Whether something is committed under this label.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn has(&self, label: &str) -> Result<bool, BlobError> {
        let name = self.space.name((Kind::Root, self.keys.root(label)));
        Ok(self.space.store().head(&name).await?.is_some())
    }

    /// The digest of what is committed under this label is about, if that was said
    /// ([`Session::commit_about`]).
    ///
    /// # Errors
    ///
    /// [`NotFound`](BlobErrorKind::NotFound) where nothing is committed,
    /// [`Corrupt`](BlobErrorKind::Corrupt), and what the store says.
    pub async fn subject(&self, label: &str) -> Result<Option<Digest>, BlobError> {
        let name = self.space.name((Kind::Root, self.keys.root(label)));
        let bytes = self.space.store().read(&name, 0..u64::MAX).await?;
        let record = RootRecord::from_bytes(&bytes);
        let record =
            record.map_err(|error| BlobError::from(BlobErrorKind::Corrupt).with_source(error))?;
        let masked = record.subject();
        Ok(masked.map(|masked| Digest::from_bytes(self.keys.mask(label, &masked))))
    }

    /// Keeps what is committed under this label for one more reason.
    ///
    /// # Errors
    ///
    /// [`NotFound`](BlobErrorKind::NotFound) where nothing is, or a sweep is taking it away;
    /// [`Quota`](BlobErrorKind::Quota), and what the store says.
    pub async fn keep(&self, label: &str, keep: Keep<'_>) -> Result<(), BlobError> {
        let root = self.keys.root(label);
        let held = Hold::of_living_root(&self.space, root);
        let _held = held.ok_or(BlobErrorKind::NotFound)?;
        if !self.has(label).await? {
            return Err(BlobErrorKind::NotFound.into());
        }
        self.pin(&root, keep).await
    }

    /// Takes back a reason given by this name. What nothing keeps any more goes with the next sweep.
    ///
    /// # Errors
    ///
    /// [`Locked`](BlobErrorKind::Locked) where it is being given just now, and what the store says.
    pub async fn unpin(&self, label: &str, name: &str) -> Result<(), BlobError> {
        let (pin, _) = self.pin_of(&self.keys.root(label), Keep::Pinned(name));
        self.remove((Kind::Pin, pin)).await
    }

    /// Forgets what is committed under this label, whatever keeps it. Its blobs go with the next
    /// sweep, unless they are another's as well.
    ///
    /// # Errors
    ///
    /// [`Locked`](BlobErrorKind::Locked) where it is being committed just now, and what the store
    /// says.
    pub async fn forget(&self, label: &str) -> Result<(), BlobError> {
        self.remove((Kind::Root, self.keys.root(label))).await
    }

    /// What the tenant has, with what is being put.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn usage(&self) -> Result<Usage, BlobError> {
        self.space.usage().await
    }

    pub(crate) fn keys(&self) -> &TenantKeys {
        &self.keys
    }

    /// How what is put is cut; none where it is kept whole.
    pub(crate) fn chunking(&self) -> Option<&Chunking> {
        self.chunking.as_ref()
    }

    pub(crate) fn space(&self) -> &Arc<SpaceState> {
        &self.space
    }

    /// Puts the pin of this reason.
    pub(crate) async fn pin(&self, root: &Key, keep: Keep<'_>) -> Result<(), BlobError> {
        let (key, record) = self.pin_of(root, keep);
        let place = (Kind::Pin, key);
        let _held = Hold::new(&self.space, place);
        let bytes = record.to_bytes();
        let size = bytes.len().try_into().unwrap_or(u64::MAX);
        let reserved = self.space.reserve(Usage::object(size)).await?;
        self.space.put(place, bytes, reserved).await?;
        Ok(())
    }

    fn pin_of(&self, root: &Key, keep: Keep<'_>) -> (Key, PinRecord) {
        let (reason, until) = match keep {
            Keep::Pinned(name) => (format!("name {name}"), None),
            Keep::Until(time) => {
                let until = seconds(time).div_ceil(PIN_STEP).saturating_mul(PIN_STEP);
                (format!("until {until}"), Some(until))
            }
        };
        (
            self.keys.pin(root, &reason),
            PinRecord { root: *root, until },
        )
    }

    async fn remove(&self, place: (Kind, Key)) -> Result<(), BlobError> {
        self.space.count().await?;
        match self.space.delete(place).await? {
            true => Ok(()),
            false => Err(BlobErrorKind::Locked.into()),
        }
    }
}

impl fmt::Debug for TenantBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TenantBlobs").field(&self.keys).finish()
    }
}

/// Seconds of the Unix epoch.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO).as_secs()
}
