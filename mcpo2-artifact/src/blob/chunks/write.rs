use std::collections::{HashMap, hash_map::Entry};

use bytes::{Buf as _, Bytes, BytesMut};
use mcpo2_core::Digest;

use super::{Chunk, ChunkIndex, Cutter, find};
use crate::{
    Key,
    blob::{
        BlobError, BlobErrorKind, Kind, Session, TenantBlobs, Usage, encode,
        hold::{Hold, Reservation},
        room::Room,
        tree::TreeHasher,
    },
};

/// Takes content in parts, and puts its chunks as they are cut.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    cutter: Cutter,
    hasher: Box<TreeHasher>,
    /// The beginning of the chunk that is not cut yet.
    buffer: BytesMut,
    chunks: Vec<Chunk>,
    holds: HashMap<Key, Hold>,
}

impl ChunkWriter {
    pub(crate) fn new(cutter: Cutter) -> Self {
        Self {
            cutter,
            hasher: Box::new(TreeHasher::new()),
            buffer: BytesMut::new(),
            chunks: Vec::new(),
            holds: HashMap::new(),
        }
    }

    pub(crate) async fn write(
        &mut self,
        blobs: &TenantBlobs,
        room: &mut Room,
        mut content: Bytes,
    ) -> Result<(), BlobError> {
        self.hasher.update(&content);
        while !content.is_empty() {
            let space = self.cutter.longest().saturating_sub(self.buffer.len());
            let now = content.split_to(space.min(content.len()));
            self.buffer.extend_from_slice(&now);
            while let Some(length) = self.cutter.cut(&self.buffer) {
                self.put(blobs, &mut room.blob, length).await?;
            }
        }
        Ok(())
    }

    /// INVARIANT: the index is put last. Who finds it finds the chunks and the tree.
    pub(crate) async fn finish(
        mut self,
        session: &Session,
        digest: &Digest,
        mut room: Room,
    ) -> Result<(), BlobError> {
        let blobs = session.blobs();
        let hasher = std::mem::replace(&mut *self.hasher, TreeHasher::new());
        let (found, tree) = hasher.finish();
        if found != *digest {
            return Err(BlobErrorKind::Mismatch.into());
        }
        if !self.buffer.is_empty() {
            let length = self.buffer.len();
            self.put(blobs, &mut room.blob, length).await?;
        }
        let index = ChunkIndex::of(digest, self.chunks, blobs.keys());
        let index = index.map_err(|_| BlobErrorKind::Mismatch)?;
        // Less of it was put where a write was given up.
        if index.size() != room.size {
            return Err(BlobErrorKind::Mismatch.into());
        }
        if let (Some(tree), Some((place, reserved))) = (tree, room.tree) {
            blobs.space().put(place, tree, reserved).await?;
        }
        if put_index(blobs, digest, &index, room.key, room.blob).await? {
            room.holds.extend(self.holds.into_values());
            session.adopt(room.holds, room.logical);
            return Ok(());
        }
        drop(room.logical);
        // Others name the chunks of the index that is there.
        match session.claim(digest).await? {
            Some(_) => Ok(()),
            None => Err(BlobErrorKind::Locked.into()),
        }
    }

    /// Puts what is first in the buffer as a chunk, unless the tenant has it.
    async fn put(
        &mut self,
        blobs: &TenantBlobs,
        room: &mut Reservation,
        length: usize,
    ) -> Result<(), BlobError> {
        let (first, _) = self.buffer.split_at_checked(length).unwrap_or_default();
        // Its own memory: a store may keep it.
        let content = Bytes::copy_from_slice(first);
        self.buffer.advance(content.len());
        let chunk = Chunk {
            length: content.len().try_into().unwrap_or(u32::MAX),
            digest: Digest::of(&content),
        };
        let key = blobs.keys().chunk(&chunk.digest);
        if let Entry::Vacant(free) = self.holds.entry(key) {
            let place = (Kind::Blob, key);
            let hold = Hold::new(blobs.space(), place);
            let stored = encode::encode(blobs.keys(), &key, content)?;
            let size = stored.len().try_into().unwrap_or(u64::MAX);
            let reserved = room.part(Usage::object(size));
            blobs.space().put(place, stored, reserved).await?;
            free.insert(hold);
        }
        self.chunks.push(chunk);
        Ok(())
    }
}

/// False where there is another index of the same content, cut otherwise.
async fn put_index(
    blobs: &TenantBlobs,
    digest: &Digest,
    index: &ChunkIndex,
    key: Key,
    mut room: Reservation,
) -> Result<bool, BlobError> {
    let space = blobs.space();
    let turn = space.turn(&key).await;
    let place = (Kind::Blob, key);
    match find(blobs, digest).await {
        Ok(Some(there)) => return Ok(there == *index),
        Ok(None) => {}
        Err(error) if error.kind() == BlobErrorKind::Corrupt => {
            space.discard(place, &turn).await?;
        }
        Err(error) => return Err(error),
    }
    let stored = encode::encode(blobs.keys(), &key, index.to_bytes())?;
    let size = stored.len().try_into().unwrap_or(u64::MAX);
    let reserved = room.part(Usage::object(size));
    space.put_in(place, stored, reserved, &turn).await?;
    Ok(true)
}
