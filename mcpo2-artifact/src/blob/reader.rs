use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use mcpo2_core::Digest;

use super::{
    BlobError, BlobErrorKind, BlobName, Kind, TenantBlobs,
    chunks::{self, Chunks},
    encode::cut,
    space::{SpaceState, corrupt},
    tree::{self, GROUP, Tree},
};

/// A blob, of which parts are read. What it gives is what was put, or it gives an error.
#[derive(Debug, Clone)]
pub struct BlobReader {
    space: Arc<SpaceState>,
    place: Place,
    digest: Digest,
    size: u64,
    how: How,
}

/// Where it is.
#[derive(Debug, Clone)]
enum Place {
    Object(BlobName),
    Chunks(Arc<Chunks>),
}

/// How a range is verified.
#[derive(Debug, Clone)]
enum How {
    /// With the rest, by the digest.
    Whole,
    /// By groups.
    Tree(Tree),
    /// By blocks, each with a tag of its own.
    #[cfg(feature = "encrypt")]
    Sealed(super::seal::Opener),
    /// So, each chunk for itself, when it is read.
    #[cfg(feature = "encrypt")]
    SealedChunks,
}

impl BlobReader {
    pub(crate) async fn open(blobs: &TenantBlobs, digest: &Digest) -> Result<Self, BlobError> {
        let (keys, space) = (blobs.keys(), blobs.space());
        let key = keys.blob(digest);
        let name = space.name((Kind::Blob, key));
        let (place, size, how) = match space.store().head(&name).await? {
            Some(head) => {
                let (size, how) = how(blobs, digest, &name, head.size).await?;
                (Place::Object(name), size, how)
            }
            None => {
                let index = chunks::find(blobs, digest).await?;
                let index = index.ok_or(BlobErrorKind::NotFound)?;
                let chunks = Arc::new(Chunks::new(keys, digest, &index));
                let how = how_chunks(blobs, digest, index.size()).await?;
                (Place::Chunks(chunks), index.size(), how)
            }
        };
        Ok(Self {
            space: Arc::clone(space),
            place,
            digest: *digest,
            size,
            how,
        })
    }

    /// The digest of all of it.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn has_tree(&self) -> bool {
        matches!(self.how, How::Tree(_))
    }

    /// What it is put together of; none where it is one object.
    pub(crate) fn chunks(&self) -> Option<&Chunks> {
        match &self.place {
            Place::Object(_) => None,
            Place::Chunks(chunks) => Some(chunks),
        }
    }

    /// The bytes of this range, or as many as there are of it. All of them are held in memory, and up
    /// to 256 KiB before and behind are read with them.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](BlobErrorKind::Corrupt) where they are not what was put,
    /// [`NotFound`](BlobErrorKind::NotFound) where they were swept, and what the store says.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, BlobError> {
        let end = range.end.min(self.size);
        let range = range.start.min(end)..end;
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        match &self.how {
            How::Whole => {
                let bytes = self.stored(0..self.size).await?;
                let holds = Digest::of(&bytes) == self.digest;
                cut(bytes, 0, &range).filter(|_| holds)
            }
            How::Tree(tree) => {
                let first = range.start / GROUP * GROUP;
                let behind = range.end.div_ceil(GROUP).saturating_mul(GROUP);
                let bytes = self.stored(first..behind.min(self.size)).await?;
                let holds = tree.holds(first, &bytes);
                cut(bytes, first, &range).filter(|_| holds)
            }
            #[cfg(feature = "encrypt")]
            How::Sealed(opener) => {
                let blocks = opener.blocks(&range, self.size);
                let sealed = self.stored(blocks.stored.clone()).await?;
                let plain = opener.open(&blocks, &sealed);
                plain.and_then(|bytes| cut(bytes, blocks.offset, &range))
            }
            #[cfg(feature = "encrypt")]
            How::SealedChunks => Some(self.stored(range).await?),
        }
        .ok_or_else(|| BlobErrorKind::Corrupt.into())
    }

    async fn stored(&self, range: Range<u64>) -> Result<Bytes, BlobError> {
        match &self.place {
            Place::Object(name) => self.space.store().read(name, range).await,
            Place::Chunks(chunks) => chunks.read(&self.space, &range).await,
        }
    }
}

async fn how(
    blobs: &TenantBlobs,
    digest: &Digest,
    name: &BlobName,
    stored: u64,
) -> Result<(u64, How), BlobError> {
    #[cfg(feature = "encrypt")]
    if let Some(seal) = blobs.keys().seal() {
        let size = super::seal::opened_size(stored).ok_or(BlobErrorKind::Corrupt)?;
        let head = blobs.space().store().read(name, 0..super::seal::HEAD);
        let head = head.await?;
        let opener = super::seal::Opener::new(seal, &name.key, &head);
        return Ok((size, How::Sealed(opener.ok_or(BlobErrorKind::Corrupt)?)));
    }
    let _ = name;
    Ok((stored, plain(blobs, digest, stored).await?))
}

async fn how_chunks(blobs: &TenantBlobs, digest: &Digest, size: u64) -> Result<How, BlobError> {
    #[cfg(feature = "encrypt")]
    if blobs.keys().is_sealed() {
        return Ok(How::SealedChunks);
    }
    plain(blobs, digest, size).await
}

async fn plain(blobs: &TenantBlobs, digest: &Digest, size: u64) -> Result<How, BlobError> {
    let (keys, space) = (blobs.keys(), blobs.space());
    let Some(length) = tree::tree_size(size) else {
        return Ok(How::Whole);
    };
    let tree = space.name((Kind::Blob, keys.tree(digest)));
    let tree = space.store().read(&tree, 0..length.saturating_add(1)).await;
    let bytes = tree.map_err(|error| match error.kind() {
        BlobErrorKind::NotFound => corrupt(error),
        _ => error,
    })?;
    let tree = Tree::parse(&bytes, size, digest).ok_or(BlobErrorKind::Corrupt)?;
    Ok(How::Tree(tree))
}
