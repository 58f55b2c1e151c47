use mcpo2_core::Digest;

use super::{
    BlobError, Kind, TenantBlobs, Usage, encode,
    hold::{Hold, Reservation},
};
use crate::Key;

/// Everything that content needs before it is put.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) key: Key,
    pub(crate) size: u64,
    pub(crate) holds: Vec<Hold>,
    pub(crate) blob: Reservation,
    pub(crate) tree: Option<((Kind, Key), Reservation)>,
    pub(crate) logical: Reservation,
}

impl Room {
    pub(crate) async fn take(
        blobs: &TenantBlobs,
        digest: &Digest,
        size: u64,
    ) -> Result<Self, BlobError> {
        let (keys, space) = (blobs.keys(), blobs.space());
        let (stored, tree) = encode::sizes(keys, size)?;
        let key = keys.blob(digest);
        let mut room = Self {
            key,
            size,
            holds: vec![Hold::new(space, (Kind::Blob, key))],
            blob: space.reserve(Usage::object(stored)).await?,
            tree: None,
            logical: space.reserve(Usage::logical(size)).await?,
        };
        if let Some(tree) = tree {
            let place = (Kind::Blob, keys.tree(digest));
            room.holds.push(Hold::new(space, place));
            room.tree = Some((place, space.reserve(Usage::object(tree)).await?));
        }
        Ok(room)
    }
}
