use bytes::{BufMut as _, Bytes, BytesMut};
use mcpo2_core::Digest;

use super::LONGEST;
use crate::blob::{RecordError, TenantKeys};

const MAGIC: [u8; 8] = *b"mcpo2ix1";
const ENTRY: usize = 36;
const TAG: usize = 32;

/// A part of large content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// How many bytes it has.
    pub length: u32,
    /// The digest of them.
    pub digest: Digest,
}

/// What a list of chunks is in a store: the parts of some content, in their order.
///
/// The bytes: `mcpo2ix1`; for each chunk its length, one byte to 16 MiB, as big-endian 32 bits, and
/// its digest; a tag of 32 bytes, which binds them to the digest of the whole with a key of the
/// tenant. It has one chunk to a million (2^20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkIndex {
    chunks: Vec<Chunk>,
    tag: [u8; TAG],
}

impl ChunkIndex {
    /// How many chunks there are at most.
    pub(crate) const MOST: u64 = 1 << 20;

    /// An index of these chunks with this tag.
    ///
    /// # Errors
    ///
    /// [`RecordError`] where there are none or too many, or one is empty or too long.
    pub fn new(chunks: Vec<Chunk>, tag: [u8; TAG]) -> Result<Self, RecordError> {
        let count: u64 = chunks.len().try_into().unwrap_or(u64::MAX);
        let fits = |chunk: &Chunk| (1..=LONGEST).contains(&chunk.length);
        if !(1..=Self::MOST).contains(&count) || !chunks.iter().all(fits) {
            return Err(RecordError(()));
        }
        Ok(Self { chunks, tag })
    }

    /// An index of these chunks of the content with this digest.
    pub(crate) fn of(
        digest: &Digest,
        chunks: Vec<Chunk>,
        keys: &TenantKeys,
    ) -> Result<Self, RecordError> {
        let mut index = Self::new(chunks, [0; TAG])?;
        index.tag = keys.tag(digest, &index.body());
        Ok(index)
    }

    /// Whether the tenant with these keys made it for the content with this digest.
    pub(crate) fn is_of(&self, digest: &Digest, keys: &TenantKeys) -> bool {
        // In a time that does not tell how much of it is right.
        blake3::Hash::from_bytes(keys.tag(digest, &self.body())) == self.tag
    }

    /// The chunks, in their order.
    #[must_use]
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// How many bytes all of them have.
    #[must_use]
    pub fn size(&self) -> u64 {
        // At most 2^20 of at most 2^24.
        self.chunks
            .iter()
            .map(|chunk| u64::from(chunk.length))
            .sum()
    }

    /// Its bytes: always the same of the same index.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = self.body();
        bytes.put_slice(&self.tag);
        bytes.freeze()
    }

    /// The index in these bytes. Whose it is, and of which content, is not looked at.
    ///
    /// # Errors
    ///
    /// [`RecordError`] for anything that is not exactly what [`to_bytes`](Self::to_bytes) gives.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let (body, tag) = bytes.split_last_chunk().ok_or(RecordError(()))?;
        let (magic, entries) = body.split_first_chunk::<8>().ok_or(RecordError(()))?;
        let (entries, rest) = entries.as_chunks::<ENTRY>();
        if *magic != MAGIC || !rest.is_empty() {
            return Err(RecordError(()));
        }
        let chunks: Option<_> = entries.iter().map(chunk).collect();
        Self::new(chunks.ok_or(RecordError(()))?, *tag)
    }

    /// How many bytes an index of this many chunks has.
    pub(crate) fn length(count: u64) -> u64 {
        let [entry, rest] = [ENTRY, MAGIC.len() + TAG].map(|it| it.try_into().unwrap_or(u64::MAX));
        count.saturating_mul(entry).saturating_add(rest)
    }

    fn body(&self) -> BytesMut {
        let entries = self.chunks.len().saturating_mul(ENTRY);
        let mut bytes = BytesMut::with_capacity(entries.saturating_add(MAGIC.len() + TAG));
        bytes.put_slice(&MAGIC);
        for chunk in &self.chunks {
            bytes.put_u32(chunk.length);
            bytes.put_slice(chunk.digest.as_bytes());
        }
        bytes
    }
}

fn chunk(entry: &[u8; ENTRY]) -> Option<Chunk> {
    let (length, digest) = entry.split_first_chunk()?;
    Some(Chunk {
        length: u32::from_be_bytes(*length),
        digest: Digest::from_bytes(digest.try_into().ok()?),
    })
}
