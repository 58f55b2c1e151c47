use mcpo2_core::Digest;

use super::{
    BlobError, BlobErrorKind, Chunking, Kind, TenantBlobs, Usage,
    chunks::{self, ChunkIndex, Cutter},
    encode,
    hold::{Hold, Reservation},
};
use crate::Key;

/// Everything that content needs before it is put.
#[derive(Debug)]
pub(crate) struct Room {
    /// Of the blob, or of the index of its chunks.
    pub(crate) key: Key,
    pub(crate) size: u64,
    pub(crate) holds: Vec<Hold>,
    /// For the blob, or for its chunks and their index.
    pub(crate) blob: Reservation,
    pub(crate) tree: Option<((Kind, Key), Reservation)>,
    pub(crate) logical: Reservation,
    /// Cuts it in chunks; none where it is kept whole.
    pub(crate) cutter: Option<Cutter>,
}

impl Room {
    pub(crate) async fn take(
        blobs: &TenantBlobs,
        digest: &Digest,
        size: u64,
    ) -> Result<Self, BlobError> {
        let space = blobs.space();
        let (stored, tree) = encode::sizes(blobs.keys(), size)?;
        let place = (Kind::Blob, blobs.keys().blob(digest));
        let hold = Hold::new(space, place);
        if let Some(chunking) = blobs.chunking().filter(|chunking| chunking.cuts(size)) {
            let head = space.store().head(&space.name(place)).await?;
            // What is there whole is not kept twice.
            if head.is_none_or(|head| head.size != stored) {
                return Self::in_chunks(blobs, digest, size, chunking).await;
            }
        }
        let mut room = Self {
            key: place.1,
            size,
            holds: vec![hold],
            blob: space.reserve(Usage::object(stored)).await?,
            tree: None,
            logical: space.reserve(Usage::logical(size)).await?,
            cutter: None,
        };
        room.take_tree(blobs, digest, tree).await?;
        Ok(room)
    }

    async fn in_chunks(
        blobs: &TenantBlobs,
        digest: &Digest,
        size: u64,
        chunking: &Chunking,
    ) -> Result<Self, BlobError> {
        let (keys, space) = (blobs.keys(), blobs.space());
        let key = keys.index(digest);
        let hold = Hold::new(space, (Kind::Blob, key));
        let there = match chunks::find(blobs, digest).await {
            // One that is damaged is replaced.
            Err(error) if error.kind() == BlobErrorKind::Corrupt => None,
            there => there?.filter(|there| there.size() == size),
        };
        let cutter = match there {
            Some(index) => Cutter::again(&index),
            None => Cutter::new(chunking, keys.gear(), size),
        };
        let (most, tree) = most(blobs, size, cutter.most_chunks())?;
        let mut room = Self {
            key,
            size,
            holds: vec![hold],
            blob: space.reserve(most).await?,
            tree: None,
            logical: space.reserve(Usage::logical(size)).await?,
            cutter: Some(cutter),
        };
        room.take_tree(blobs, digest, tree).await?;
        Ok(room)
    }

    async fn take_tree(
        &mut self,
        blobs: &TenantBlobs,
        digest: &Digest,
        tree: Option<u64>,
    ) -> Result<(), BlobError> {
        if let Some(tree) = tree {
            let place = (Kind::Blob, blobs.keys().tree(digest));
            self.holds.push(Hold::new(blobs.space(), place));
            self.tree = Some((place, blobs.space().reserve(Usage::object(tree)).await?));
        }
        Ok(())
    }
}

/// The most that content of this size needs in up to this many chunks, with their index; and its tree.
fn most(blobs: &TenantBlobs, size: u64, chunks: u64) -> Result<(Usage, Option<u64>), BlobError> {
    let keys = blobs.keys();
    let (stored, tree) = encode::sizes(keys, size)?;
    // Each has at most as much beside its content as an empty one, and one of the whole.
    let (empty, _) = encode::sizes(keys, 0)?;
    let (index, _) = encode::sizes(keys, ChunkIndex::length(chunks))?;
    let most = Usage {
        stored_bytes: empty
            .saturating_mul(chunks)
            .saturating_add(stored)
            .saturating_add(index),
        objects: chunks.saturating_add(1),
        ..Usage::default()
    };
    Ok((most, tree))
}
