//! From content to what a store gets.

use bytes::Bytes;
use mcpo2_core::Digest;

use super::{BlobError, BlobErrorKind, TenantKeys, tree};
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
