mod file;
mod finish;
mod id;
mod open;

use std::{
    collections::HashMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use mcpo2_core::TenantId;

use self::{
    file::{Part, State},
    open::{Open, taken},
};
use super::{BlobError, BlobErrorKind, Depot, Usage, hold::Reservation, tenant::seconds};

pub use finish::upload_label;
pub use id::UploadId;
pub use open::{NewUpload, UploadStatus};

/// Uploads that survive a restart: their bytes so far are files of a directory, and become a blob when
/// they are finished.
///
/// An upload can be resumed where its directory is: at this gateway, whatever store the depot has.
/// What an upload has so far counts as stored bytes of its tenant.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// use std::{sync::Arc, time::{Duration, SystemTime}};
/// use mcpo2_artifact::blob::{
///     BlobErrorKind, Depot, Keep, Limits, MasterKey, MemoryBlobs, NewUpload, Quotas, Uploads,
/// };
/// use mcpo2_core::Digest;
///
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path();
/// let keys = Arc::new(MasterKey::new([7; 32]));
/// let depot = Depot::new(Arc::new(MemoryBlobs::new(1 << 30)), keys, Quotas::new(Limits::NONE));
/// let uploads = Uploads::open(dir, depot.clone()).await?;
/// let acme = "acme".parse()?;
///
/// let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
/// let id = uploads.create(&acme, NewUpload::new(tomorrow)).await?.id;
/// uploads.append(&acme, &id, 0, "fn main".into()).await?;
/// let wrong = uploads.append(&acme, &id, 99, "() {}".into()).await.unwrap_err();
/// assert_eq!(wrong.kind(), BlobErrorKind::Offset(7));
/// uploads.append(&acme, &id, 7, "() {}".into()).await?;
///
/// let digest = Digest::of(b"fn main() {}");
/// uploads.finish(&acme, &id, &digest, Keep::Pinned("owner")).await?;
/// assert_eq!(depot.tenant(&acme)?.read(&digest, 3..7).await?, "main");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct Uploads {
    files: file::Files,
    depot: Depot,
    open: Mutex<HashMap<UploadId, Arc<Open>>>,
}

impl Uploads {
    /// The uploads in this directory, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// [`Locked`](BlobErrorKind::Locked) where another process has it, and what the medium and the
    /// depot say.
    pub async fn open(dir: impl AsRef<Path>, depot: Depot) -> Result<Self, BlobError> {
        let files = file::Files::open(dir.as_ref())?;
        let mut open = HashMap::new();
        for (id, state, part) in files.found()? {
            let blobs = depot.tenant(&state.tenant)?;
            blobs.usage().await?;
            let length = part.as_ref().map(Part::length);
            let reserved = length.map(|length| Reservation::forced(blobs.space(), taken(length)));
            open.insert(id, Arc::new(Open::new(&id, state, part, reserved)));
        }
        Ok(Self {
            files,
            depot,
            open: Mutex::new(open),
        })
    }

    /// Begins an upload.
    ///
    /// # Errors
    ///
    /// [`Quota`](BlobErrorKind::Quota) where the tenant has as many as it may, and what the medium
    /// says.
    pub async fn create(
        &self,
        tenant: &TenantId,
        new: NewUpload,
    ) -> Result<UploadStatus, BlobError> {
        let blobs = self.depot.tenant(tenant)?;
        let reserved = blobs.space().reserve(taken(0)).await?;
        let id = UploadId::random()?;
        let state = State {
            tenant: tenant.clone(),
            owner: new.owner,
            expires: seconds(new.expires),
            size: new.size,
            digest: new.digest,
            finished: None,
        };
        let part = self.files.create(&id, &state)?;
        let open = Arc::new(Open::new(&id, state, Some(part), Some(reserved)));
        self.all().insert(id, Arc::clone(&open));
        Ok(open.status())
    }

    /// How far an upload is. It waits for nobody who writes to it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](BlobErrorKind::NotFound) where it is not this tenant's or has expired.
    pub fn status(&self, tenant: &TenantId, id: &UploadId) -> Result<UploadStatus, BlobError> {
        Ok(self.find(tenant, id)?.status())
    }

    /// Takes the bytes that belong at this offset, and says where it goes on. When it has said so,
    /// they are safe.
    ///
    /// # Errors
    ///
    /// [`Offset`](BlobErrorKind::Offset) where it goes on elsewhere,
    /// [`TooLarge`](BlobErrorKind::TooLarge) behind the announced size,
    /// [`Quota`](BlobErrorKind::Quota), [`NotFound`](BlobErrorKind::NotFound), and what the medium
    /// says: then nothing was taken.
    pub async fn append(
        &self,
        tenant: &TenantId,
        id: &UploadId,
        offset: u64,
        bytes: Bytes,
    ) -> Result<u64, BlobError> {
        let open = self.find(tenant, id)?;
        let mut turn = open.turn.lock().await;
        let at = turn.status(id).offset;
        if at != offset || turn.state.finished.is_some() {
            return Err(BlobErrorKind::Offset(at).into());
        }
        let length: u64 = bytes.len().try_into().unwrap_or(u64::MAX);
        let end = at.checked_add(length).ok_or(BlobErrorKind::TooLarge)?;
        if end > turn.state.size.unwrap_or(u64::MAX) {
            return Err(BlobErrorKind::TooLarge.into());
        }
        let blobs = self.depot.tenant(tenant)?;
        let more = blobs.space().reserve(Usage::bytes(length)).await?;
        let turn = &mut *turn;
        let (Some(part), Some(reserved)) = (&mut turn.part, &mut turn.reserved) else {
            return Err(BlobErrorKind::NotFound.into());
        };
        part.append(&bytes)?;
        reserved.join(more);
        open.say(turn.status(id));
        Ok(end)
    }

    /// Ends an upload, and takes its bytes away; what was finished stays a blob.
    ///
    /// # Errors
    ///
    /// [`NotFound`](BlobErrorKind::NotFound) where it is not this tenant's, and what the medium says.
    pub async fn abort(&self, tenant: &TenantId, id: &UploadId) -> Result<(), BlobError> {
        let open = self.find(tenant, id)?;
        self.remove(id, &open).await
    }

    /// Takes away the uploads that have expired, finished or not, and says how many.
    ///
    /// # Errors
    ///
    /// What the medium says: the rest stays for the next time.
    pub async fn collect(&self) -> Result<u64, BlobError> {
        let now = seconds(self.depot.now());
        let expired: Vec<_> = (self.all().iter())
            .filter(|(_, open)| open.expires <= now)
            .map(|(id, open)| (*id, Arc::clone(open)))
            .collect();
        let mut collected: u64 = 0;
        for (id, open) in expired {
            self.remove(&id, &open).await?;
            collected = collected.saturating_add(1);
        }
        Ok(collected)
    }

    async fn remove(&self, id: &UploadId, open: &Open) -> Result<(), BlobError> {
        let mut turn = open.turn.lock().await;
        self.files.remove(id)?;
        turn.part = None;
        turn.reserved = None;
        self.all().remove(id);
        Ok(())
    }

    fn find(&self, tenant: &TenantId, id: &UploadId) -> Result<Arc<Open>, BlobError> {
        let now = seconds(self.depot.now());
        let all = self.all();
        let open = all.get(id);
        let open = open.filter(|open| open.tenant == *tenant && now < open.expires);
        Ok(Arc::clone(open.ok_or(BlobErrorKind::NotFound)?))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<UploadId, Arc<Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads")
            .field("open", &self.all().len())
            .finish_non_exhaustive()
    }
}
