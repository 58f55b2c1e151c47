use std::{fmt, mem};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use object_store::{MultipartUpload, ObjectStoreExt as _, path::Path};

use super::{ObjectBlobs, unwritten};
use crate::blob::{BlobError, BlobErrorKind, BlobWriter, Put};

/// Stores want parts of at least 5 MiB, some of them all of one length but the last.
const PART: u64 = 8 << 20;
/// They take 10,000 of them.
const PARTS: u64 = 10_000;

/// Puts a short object at once, and a longer one in parts.
pub(super) struct Writer {
    blobs: ObjectBlobs,
    path: Path,
    missing: u64,
    part: usize,
    pending: BytesMut,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Writer {
    pub(super) async fn begin(
        blobs: ObjectBlobs,
        path: Path,
        size: u64,
    ) -> Result<Self, BlobError> {
        let part = size.div_ceil(PARTS).max(PART);
        let upload = match size > part {
            true => Some(blobs.store.put_multipart(&path).await.map_err(unwritten)?),
            false => None,
        };
        Ok(Self {
            blobs,
            path,
            missing: size,
            part: usize::try_from(part).map_err(|_| BlobErrorKind::TooLarge)?,
            pending: BytesMut::new(),
            upload,
        })
    }

    async fn send(&mut self, part: Bytes) -> Result<(), BlobError> {
        let upload = self.upload.as_mut().ok_or(BlobErrorKind::Io)?;
        upload.put_part(part.into()).await.map_err(unwritten)
    }

    /// Ends the upload, which has all its parts. INVARIANT: nobody else who shares this store makes
    /// an object of this name between the question and the end.
    async fn complete(&mut self) -> Result<Put, BlobError> {
        let _turn = self.blobs.shared.turns.take(&self.path).await;
        if self.blobs.meta(&self.path).await?.is_some() {
            return Ok(Put::Present);
        }
        let upload = self.upload.as_mut().ok_or(BlobErrorKind::Io)?;
        upload.complete().await.map_err(unwritten)?;
        self.upload = None;
        Ok(Put::Created)
    }
}

#[async_trait]
impl BlobWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        let length = bytes.len().try_into().unwrap_or(u64::MAX);
        let missing = self.missing.checked_sub(length);
        self.missing = missing.ok_or(BlobErrorKind::Mismatch)?;
        self.pending.extend_from_slice(&bytes);
        while self.upload.is_some() && self.pending.len() >= self.part {
            let part = self.pending.split_to(self.part).freeze();
            self.send(part).await?;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Put, BlobError> {
        if self.missing > 0 {
            return Err(BlobErrorKind::Mismatch.into());
        }
        let rest = mem::take(&mut self.pending).freeze();
        if self.upload.is_none() {
            return self.blobs.put_at(&self.path, rest).await;
        }
        if !rest.is_empty() {
            self.send(rest).await?;
        }
        let put = self.complete().await?;
        if let Some(mut upload) = self.upload.take() {
            // What it leaves is not seen: it is no reason to say that nothing is there.
            let _ = upload.abort().await;
        }
        Ok(put)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("path", &self.path)
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            self.blobs.give_up(upload);
        }
    }
}
