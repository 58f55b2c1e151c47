use std::{collections::BTreeSet, ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};
use mcpo2_core::Digest;

use super::{Chunk, ChunkIndex};
use crate::{
    Key,
    blob::{
        BlobError, BlobErrorKind, Kind, TenantBlobs, TenantKeys, encode,
        space::{SpaceState, corrupt},
    },
};

/// The index of content with this digest; none where it is not there.
pub(crate) async fn find(
    blobs: &TenantBlobs,
    digest: &Digest,
) -> Result<Option<ChunkIndex>, BlobError> {
    let (keys, space) = (blobs.keys(), blobs.space());
    let key = keys.index(digest);
    let (longest, _) = encode::sizes(keys, ChunkIndex::length(ChunkIndex::MOST))?;
    let name = space.name((Kind::Blob, key));
    let stored = match space
        .store()
        .read(&name, 0..longest.saturating_add(1))
        .await
    {
        Ok(stored) => stored,
        Err(error) if error.kind() == BlobErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = encode::decode(keys, &key, stored).ok_or(BlobErrorKind::Corrupt)?;
    let index = ChunkIndex::from_bytes(&bytes).map_err(corrupt)?;
    match index.is_of(digest, keys) {
        true => Ok(Some(index)),
        false => Err(BlobErrorKind::Corrupt.into()),
    }
}

/// The chunks of some content, of which parts are read.
#[derive(Debug)]
pub(crate) struct Chunks {
    keys: TenantKeys,
    index: Key,
    /// Each with where it begins.
    chunks: Vec<(u64, Chunk)>,
}

impl Chunks {
    pub(crate) fn new(keys: &TenantKeys, digest: &Digest, index: &ChunkIndex) -> Self {
        let mut start = 0_u64;
        let chunks = index.chunks().iter().map(|chunk| {
            let at = start;
            start = start.saturating_add(chunk.length.into());
            (at, *chunk)
        });
        Self {
            chunks: chunks.collect(),
            index: keys.index(digest),
            keys: keys.clone(),
        }
    }

    /// What each chunk is called in the store, and how long it is there; each once.
    pub(crate) fn objects(&self) -> Result<Vec<(Key, u64)>, BlobError> {
        let object = |(_, chunk): &(u64, Chunk)| {
            let (stored, _) = encode::sizes(&self.keys, chunk.length.into())?;
            Ok((self.keys.chunk(&chunk.digest), stored))
        };
        let objects: Result<BTreeSet<_>, _> = self.chunks.iter().map(object).collect();
        objects.map(|objects| objects.into_iter().collect())
    }

    /// The bytes of this range, which ends where the content does or before. Of plain content, they
    /// are not verified.
    pub(crate) async fn read(
        &self,
        space: &Arc<SpaceState>,
        range: &Range<u64>,
    ) -> Result<Bytes, BlobError> {
        let parts = self.parts(range);
        if let [(chunk, part)] = parts.as_slice() {
            return self.part(space, chunk, part.clone()).await;
        }
        let mut whole = BytesMut::new();
        for (chunk, part) in parts {
            whole.extend_from_slice(&self.part(space, &chunk, part).await?);
        }
        Ok(whole.freeze())
    }

    /// The chunks that this range is in, and what of each.
    fn parts(&self, range: &Range<u64>) -> Vec<(Chunk, Range<u64>)> {
        let behind = self.chunks.partition_point(|(at, _)| *at <= range.start);
        let from_first = self.chunks.iter().skip(behind.saturating_sub(1));
        let parts = from_first.take_while(|(at, _)| *at < range.end);
        let part = |(at, chunk): &(u64, Chunk)| {
            let from = range.start.saturating_sub(*at);
            let to = range.end.saturating_sub(*at).min(chunk.length.into());
            (*chunk, from..to)
        };
        parts.map(part).collect()
    }

    async fn part(
        &self,
        space: &Arc<SpaceState>,
        chunk: &Chunk,
        range: Range<u64>,
    ) -> Result<Bytes, BlobError> {
        let key = self.keys.chunk(&chunk.digest);
        let name = space.name((Kind::Blob, key));
        let length = range.end.saturating_sub(range.start);
        let part = encode::read(&self.keys, space.store(), &name, range, chunk.length.into()).await;
        match part {
            Ok(part) if u64::try_from(part.len()) == Ok(length) => Ok(part),
            Ok(_) => Err(BlobErrorKind::Corrupt.into()),
            Err(error) if error.kind() == BlobErrorKind::NotFound => {
                // A sweep takes the index as well.
                let index = space.name((Kind::Blob, self.index));
                let left = space.store().head(&index).await?.is_some();
                Err(if left { corrupt(error) } else { error })
            }
            Err(error) => Err(error),
        }
    }
}
