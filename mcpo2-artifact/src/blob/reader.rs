use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use mcpo2_core::Digest;

use super::{
    BlobError, BlobErrorKind, BlobName, Kind, TenantBlobs,
    space::{SpaceState, corrupt},
    tree::{self, GROUP, Tree},
};

/// A blob, of which parts are read. What it gives is what was put, or it gives an error.
#[derive(Debug, Clone)]
pub struct BlobReader {
    space: Arc<SpaceState>,
    name: BlobName,
    digest: Digest,
    size: u64,
    how: How,
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
}

impl BlobReader {
    pub(crate) async fn open(blobs: &TenantBlobs, digest: &Digest) -> Result<Self, BlobError> {
        let (keys, space) = (blobs.keys(), blobs.space());
        let key = keys.blob(digest);
        let name = space.name((Kind::Blob, key));
        let head = space.store().head(&name).await?;
        let stored = head.ok_or(BlobErrorKind::NotFound)?.size;
        let (size, how) = how(blobs, digest, &name, stored).await?;
        Ok(Self {
            space: Arc::clone(space),
            name,
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
        }
        .ok_or_else(|| BlobErrorKind::Corrupt.into())
    }

    async fn stored(&self, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.space.store().read(&self.name, range).await
    }
}

async fn how(
    blobs: &TenantBlobs,
    digest: &Digest,
    name: &BlobName,
    stored: u64,
) -> Result<(u64, How), BlobError> {
    let (keys, space) = (blobs.keys(), blobs.space());
    #[cfg(feature = "encrypt")]
    if let Some(seal) = keys.seal() {
        let size = super::seal::opened_size(stored).ok_or(BlobErrorKind::Corrupt)?;
        let head = space.store().read(name, 0..super::seal::HEAD).await?;
        let opener = super::seal::Opener::new(seal, &name.key, &head);
        return Ok((size, How::Sealed(opener.ok_or(BlobErrorKind::Corrupt)?)));
    }
    let Some(length) = tree::tree_size(stored) else {
        return Ok((stored, How::Whole));
    };
    let _ = name;
    let tree = space.name((Kind::Blob, keys.tree(digest)));
    let tree = space.store().read(&tree, 0..length.saturating_add(1)).await;
    let bytes = tree.map_err(|error| match error.kind() {
        BlobErrorKind::NotFound => corrupt(error),
        _ => error,
    })?;
    let tree = Tree::parse(&bytes, stored, digest).ok_or(BlobErrorKind::Corrupt)?;
    Ok((stored, How::Tree(tree)))
}

/// The range, out of bytes that begin at this offset; none where they do not have all of it.
fn cut(bytes: Bytes, offset: u64, range: &Range<u64>) -> Option<Bytes> {
    let start = usize::try_from(range.start.checked_sub(offset)?).ok()?;
    let end = usize::try_from(range.end.checked_sub(offset)?).ok()?;
    (end <= bytes.len()).then(|| bytes.slice(start..end))
}
