use mcpo2_core::{Digest, TenantId};

use super::{
    UploadId, UploadStatus, Uploads,
    file::{Part, give_way},
    open::taken,
};
use crate::blob::{BlobError, BlobErrorKind, Keep, Session, TenantBlobs, hold::Reservation};

impl Uploads {
    /// Makes the upload a blob with this digest, committed under a label of its own, and kept so.
    /// To finish it again is the same.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](BlobErrorKind::Mismatch) where the bytes are not those, or not as announced: the
    /// upload stays as it is. [`NotFound`](BlobErrorKind::NotFound), [`Quota`](BlobErrorKind::Quota),
    /// and what the medium and the store say: then it can be tried again.
    pub async fn finish(
        &self,
        tenant: &TenantId,
        id: &UploadId,
        digest: &Digest,
        keep: Keep<'_>,
    ) -> Result<UploadStatus, BlobError> {
        self.finish_telling(tenant, id, digest, keep, &|_| {}).await
    }

    /// The same, and tells meanwhile how many of its bytes are in the store.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub async fn finish_telling(
        &self,
        tenant: &TenantId,
        id: &UploadId,
        digest: &Digest,
        keep: Keep<'_>,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<UploadStatus, BlobError> {
        let open = self.find(tenant, id)?;
        let mut turn = open.turn.lock().await;
        let turn = &mut *turn;
        let blobs = self.depot.tenant(tenant)?;
        if let Some(part) = &mut turn.part {
            let length = part.length();
            let announced = turn
                .state
                .digest
                .is_none_or(|announced| announced == *digest)
                && turn.state.size.is_none_or(|size| size == length);
            if !announced || part.digest().await? != *digest {
                return Err(BlobErrorKind::Mismatch.into());
            }
            let room = Lent::of(&mut turn.reserved, &blobs, length);
            let session = blobs.session().await?;
            store(&session, part, digest, told).await?;
            session.commit(&upload_label(id), keep).await?;
            room.spend();
            turn.state.finished = Some((*digest, length));
            self.files.finish(id, &turn.state)?;
            turn.part = None;
            open.say(turn.status(id));
        }
        match turn.state.finished {
            Some((finished, _)) if finished == *digest => Ok(turn.status(id)),
            Some(_) => Err(BlobErrorKind::Mismatch.into()),
            None => Err(BlobErrorKind::NotFound.into()),
        }
    }
}

/// The label under which a finished upload is committed.
#[must_use]
pub fn upload_label(id: &UploadId) -> String {
    format!("upload {id}")
}

async fn store(
    session: &Session,
    part: &Part,
    digest: &Digest,
    told: &(dyn Fn(u64) + Send + Sync),
) -> Result<(), BlobError> {
    let mut writer = session.writer(digest, part.length()).await?;
    let mut offset = 0;
    while let Some(bytes) = part.read(offset)? {
        offset = offset.saturating_add(bytes.len().try_into().unwrap_or(u64::MAX));
        writer.write(bytes).await?;
        told(offset);
        give_way().await;
    }
    writer.finish().await
}

/// The room of a part, while it becomes that of a blob. If that fails or is given up, it is the
/// part's again: its bytes are still there.
struct Lent<'a> {
    reserved: &'a mut Option<Reservation>,
    blobs: &'a TenantBlobs,
    length: u64,
    spent: bool,
}

impl<'a> Lent<'a> {
    fn of(reserved: &'a mut Option<Reservation>, blobs: &'a TenantBlobs, length: u64) -> Self {
        *reserved = None;
        Self {
            reserved,
            blobs,
            length,
            spent: false,
        }
    }

    fn spend(mut self) {
        self.spent = true;
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if !self.spent {
            let room = Reservation::forced(self.blobs.space(), taken(self.length));
            *self.reserved = Some(room);
        }
    }
}
