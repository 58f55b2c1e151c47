//! From content to what a store gets, and back.

use std::ops::Range;

use bytes::Bytes;
use mcpo2_core::Digest;

use super::{BlobError, BlobErrorKind, BlobName, BlobStore, TenantKeys, tree};
use crate::Key;

/// Takes content in parts, and gives what is stored of it.
#[derive(Debug)]
pub(crate) enum Encoder {
    Plain(Box<tree::TreeHasher>),
    #[cfg(feature = "encrypt")]
    Sealed(Box<super::seal::Sealer>),
}

/// What is left to store at the end of content.
pub(crate) struct Encoded {
    pub(crate) digest: Digest,
    /// The last bytes of the blob.
    pub(crate) rest: Bytes,
    /// With what it is verified, where that is an object of its own.
    pub(crate) tree: Option<Bytes>,
}

impl Encoder {
    /// An encoder, and the first bytes of the blob under this key.
    pub(crate) fn new(keys: &TenantKeys, key: &Key) -> Result<(Self, Bytes), BlobError> {
        #[cfg(feature = "encrypt")]
        if let Some(seal) = keys.seal() {
            let (sealer, head) = super::seal::Sealer::new(seal, key)?;
            return Ok((Self::Sealed(Box::new(sealer)), head));
        }
        let _ = (keys, key);
        Ok((Self::Plain(Box::new(tree::TreeHasher::new())), Bytes::new()))
    }

    pub(crate) fn push(&mut self, content: Bytes) -> Result<Bytes, BlobError> {
        match self {
            Self::Plain(hasher) => {
                hasher.update(&content);
                Ok(content)
            }
            #[cfg(feature = "encrypt")]
            Self::Sealed(sealer) => sealer.push(&content),
        }
    }

    pub(crate) fn finish(self) -> Result<Encoded, BlobError> {
        match self {
            Self::Plain(hasher) => {
                let (digest, tree) = hasher.finish();
                let rest = Bytes::new();
                Ok(Encoded { digest, rest, tree })
            }
            #[cfg(feature = "encrypt")]
            Self::Sealed(sealer) => {
                let (digest, rest) = sealer.finish()?;
                let tree = None;
                Ok(Encoded { digest, rest, tree })
            }
        }
    }
}

/// What is stored of content that is verified elsewhere, under this key.
pub(crate) fn encode(keys: &TenantKeys, key: &Key, content: Bytes) -> Result<Bytes, BlobError> {
    #[cfg(feature = "encrypt")]
    if let Some(seal) = keys.seal() {
        let (mut sealer, head) = super::seal::Sealer::new(seal, key)?;
        let body = sealer.push(&content)?;
        let (_, rest) = sealer.finish()?;
        return Ok([head, body, rest].concat().into());
    }
    let _ = (keys, key);
    Ok(content)
}

/// The content of what is stored under this key; none where it was sealed and does not open.
pub(crate) fn decode(keys: &TenantKeys, key: &Key, stored: Bytes) -> Option<Bytes> {
    #[cfg(feature = "encrypt")]
    if let Some(seal) = keys.seal() {
        let size = super::seal::opened_size(stored.len().try_into().ok()?)?;
        let (head, blocks) = stored.split_at_checked(usize::try_from(super::seal::HEAD).ok()?)?;
        let opener = super::seal::Opener::new(seal, key, head)?;
        return opener.open(&opener.blocks(&(0..size), size), blocks);
    }
    let _ = (keys, key);
    Some(stored)
}

/// A range of content of this size that is stored under this name. Fewer bytes are damage, and what
/// is not sealed is to be verified.
pub(crate) async fn read(
    keys: &TenantKeys,
    store: &dyn BlobStore,
    name: &BlobName,
    range: Range<u64>,
    size: u64,
) -> Result<Bytes, BlobError> {
    #[cfg(feature = "encrypt")]
    if let Some(seal) = keys.seal() {
        let head = store.read(name, 0..super::seal::HEAD).await?;
        let opener = super::seal::Opener::new(seal, &name.key, &head);
        let opener = opener.ok_or(BlobErrorKind::Corrupt)?;
        let blocks = opener.blocks(&range, size);
        let sealed = store.read(name, blocks.stored.clone()).await?;
        let plain = opener.open(&blocks, &sealed);
        let part = plain.and_then(|bytes| cut(bytes, blocks.offset, &range));
        return part.ok_or_else(|| BlobErrorKind::Corrupt.into());
    }
    let _ = (keys, size);
    store.read(name, range).await
}

/// The range, out of bytes that begin at this offset; none where they do not have all of it.
pub(crate) fn cut(bytes: Bytes, offset: u64, range: &Range<u64>) -> Option<Bytes> {
    let start = usize::try_from(range.start.checked_sub(offset)?).ok()?;
    let end = usize::try_from(range.end.checked_sub(offset)?).ok()?;
    (end <= bytes.len()).then(|| bytes.slice(start..end))
}

/// How long what is stored of this much content is: the blob, and its tree if it has one.
pub(crate) fn sizes(keys: &TenantKeys, size: u64) -> Result<(u64, Option<u64>), BlobError> {
    // Offsets in files are signed, and what is added must fit as well.
    if size > u64::MAX / 4 {
        return Err(BlobErrorKind::TooLarge.into());
    }
    #[cfg(feature = "encrypt")]
    if keys.is_sealed() {
        return Ok((super::seal::sealed_size(size), None));
    }
    let _ = keys;
    Ok((size, tree::tree_size(size)))
}
