//! Blobs that only who has the tenant's key can read, by blocks.
//!
//! A sealed blob is a head (`mcpo2sl1` and 24 random bytes) and blocks of 64 KiB, the last one
//! shorter, each with a tag of 16 bytes; empty content is one empty block. The key of a blob is
//! derived from the tenant's, the random bytes and the name of the blob, so that no two writings of
//! it share one; the nonce of a block is its number, and whether it is the last (the STREAM
//! construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015). So a block that was changed, moved,
//! cut off or taken from another blob does not open.

use std::{fmt, ops::Range};

use bytes::{Bytes, BytesMut};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use mcpo2_core::Digest;
use zeroize::Zeroizing;

use super::{BlobError, BlobErrorKind};
use crate::Key;

const MAGIC: [u8; 8] = *b"mcpo2sl1";
const SALT: usize = 24;
pub(crate) const HEAD: u64 = 32;
const BLOCK: u64 = 64 * 1024;
const TAG: u64 = 16;

/// What the blobs of a tenant are sealed with. It is wiped when dropped.
#[derive(Clone)]
pub(crate) struct SealKey(Zeroizing<[u8; 32]>);

impl SealKey {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let key = blake3::derive_key("mcpo2-artifact 2026 sealing of blobs", secret);
        Self(Zeroizing::new(key))
    }

    fn cipher(&self, salt: &[u8; SALT], blob: &Key) -> Cipher {
        let mut hasher = blake3::Hasher::new_derive_key("mcpo2-artifact 2026 seal of a blob");
        hasher.update(self.0.as_slice());
        hasher.update(salt);
        hasher.update(blob.as_bytes());
        let key = Zeroizing::new(*hasher.finalize().as_bytes());
        Cipher(ChaCha20Poly1305::new((&*key).into()))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

/// How long content of this length is when it is sealed.
pub(crate) fn sealed_size(size: u64) -> u64 {
    let tags = size.div_ceil(BLOCK).max(1).saturating_mul(TAG);
    size.saturating_add(tags).saturating_add(HEAD)
}

/// How long the content of a sealed blob is; none where no content has that length.
pub(crate) fn opened_size(stored: u64) -> Option<u64> {
    let blocks = stored.checked_sub(HEAD)?;
    let count = blocks.div_ceil(BLOCK + TAG).max(1);
    let size = blocks.checked_sub(count.checked_mul(TAG)?)?;
    (sealed_size(size) == stored).then_some(size)
}

#[derive(Clone)]
struct Cipher(ChaCha20Poly1305);

impl Cipher {
    fn seal(&self, number: u64, last: bool, plain: &[u8]) -> Option<Vec<u8>> {
        self.0
            .encrypt(&nonce(number, last), Payload::from(plain))
            .ok()
    }

    fn open(&self, number: u64, last: bool, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0
            .decrypt(&nonce(number, last), Payload::from(sealed))
            .ok()
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(..)")
    }
}

fn nonce(number: u64, last: bool) -> Nonce {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    Nonce::from([u8::from(last), 0, 0, 0, a, b, c, d, e, f, g, h])
}

/// Seals content that comes in parts.
#[derive(Debug)]
pub(crate) struct Sealer {
    cipher: Cipher,
    hasher: Box<blake3::Hasher>,
    number: u64,
    /// At most one block: it is sealed when it is known whether another follows.
    pending: BytesMut,
}

impl Sealer {
    /// A sealer, and the head of the blob.
    pub(crate) fn new(key: &SealKey, blob: &Key) -> Result<(Self, Bytes), BlobError> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt)
            .map_err(|error| BlobError::new(BlobErrorKind::Keys).with_source(error))?;
        let sealer = Self {
            cipher: key.cipher(&salt, blob),
            hasher: Box::new(blake3::Hasher::new()),
            number: 0,
            pending: BytesMut::new(),
        };
        Ok((sealer, [&MAGIC[..], &salt].concat().into()))
    }

    pub(crate) fn push(&mut self, content: &[u8]) -> Result<Bytes, BlobError> {
        self.hasher.update(content);
        let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let mut sealed = BytesMut::with_capacity(content.len());
        let mut rest = content;
        while !rest.is_empty() {
            if self.pending.len() == block {
                self.block(false, &mut sealed)?;
            }
            let room = block.saturating_sub(self.pending.len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.pending.extend_from_slice(now);
            rest = later;
        }
        Ok(sealed.freeze())
    }

    pub(crate) fn finish(mut self) -> Result<(Digest, Bytes), BlobError> {
        let mut sealed = BytesMut::new();
        self.block(true, &mut sealed)?;
        Ok((self.hasher.finalize().into(), sealed.freeze()))
    }

    fn block(&mut self, last: bool, sealed: &mut BytesMut) -> Result<(), BlobError> {
        let block = self.cipher.seal(self.number, last, &self.pending);
        sealed.extend_from_slice(&block.ok_or(BlobErrorKind::Keys)?);
        self.pending.clear();
        self.number = self.number.saturating_add(1);
        Ok(())
    }
}

/// Opens blocks of one blob.
#[derive(Debug, Clone)]
pub(crate) struct Opener {
    cipher: Cipher,
}

/// The blocks in which a range is.
#[derive(Debug)]
pub(crate) struct Blocks {
    first: u64,
    /// The last one of the blob.
    last: u64,
    /// Where they are in the sealed blob.
    pub(crate) stored: Range<u64>,
    /// Where their content begins.
    pub(crate) offset: u64,
}

impl Opener {
    /// None where the head is not that of a sealed blob.
    pub(crate) fn new(key: &SealKey, blob: &Key, head: &[u8]) -> Option<Self> {
        let (magic, salt) = head.split_first_chunk::<8>()?;
        let salt = <[u8; SALT]>::try_from(salt).ok()?;
        let cipher = key.cipher(&salt, blob);
        (*magic == MAGIC).then_some(Self { cipher })
    }

    /// The blocks with this range, which is not empty and ends in content of this size.
    pub(crate) fn blocks(&self, range: &Range<u64>, size: u64) -> Blocks {
        let first = range.start / BLOCK;
        let behind = range.end.div_ceil(BLOCK);
        let at = |block: u64| block.saturating_mul(BLOCK + TAG).saturating_add(HEAD);
        Blocks {
            first,
            last: size.div_ceil(BLOCK).saturating_sub(1),
            stored: at(first)..at(behind).min(sealed_size(size)),
            offset: first.saturating_mul(BLOCK),
        }
    }

    /// The content of these blocks; none where one of them does not open.
    pub(crate) fn open(&self, blocks: &Blocks, sealed: &[u8]) -> Option<Bytes> {
        let mut plain = BytesMut::with_capacity(sealed.len());
        let each = usize::try_from(BLOCK + TAG).ok()?;
        for (number, block) in (blocks.first..).zip(sealed.chunks(each)) {
            let opened = self.cipher.open(number, number == blocks.last, block)?;
            plain.extend_from_slice(&opened);
        }
        Some(plain.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_of_content_follows_from_that_of_its_seal() {
        let mut before = 0;
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 5 * BLOCK + 17] {
            let sealed = sealed_size(size);
            assert_eq!(opened_size(sealed), Some(size));
            assert!(sealed > before);
            before = sealed;
        }
        for none in [
            0,
            HEAD,
            HEAD + TAG - 1,
            sealed_size(BLOCK) + 1,
            sealed_size(BLOCK) + TAG,
        ] {
            assert_eq!(opened_size(none), None, "{none}");
        }
        assert_eq!(
            opened_size(u64::MAX).map(sealed_size).unwrap_or(u64::MAX),
            u64::MAX
        );
    }

    #[test]
    fn same_content_sealed_twice_has_nothing_in_common() {
        let (key, blob) = (SealKey::new(&[1; 32]), Key::from_bytes([2; 32]));
        let seal = || {
            let (mut sealer, head) = Sealer::new(&key, &blob).unwrap();
            let body = sealer.push(&[0; 1000]).unwrap();
            [head, body, sealer.finish().unwrap().1].concat()
        };
        let (one, two) = (seal(), seal());
        assert_eq!(one.len(), two.len());
        assert_ne!(one[8..32], two[8..32]);
        assert_ne!(one[32..64], two[32..64]);
    }
}
