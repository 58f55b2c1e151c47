use futures_util::future::try_join_all;
use mcpo2_core::Digest;

use super::{BlobError, BlobErrorKind, Kind, Session, Usage, chunks::Chunks, hold::Hold};
use crate::Key;

/// How many objects are looked for at a time.
const AT_ONCE: usize = 16;

impl Session {
    /// Takes what the tenant has already, and says how long it is; none where it must be put.
    ///
    /// # Errors
    ///
    /// [`Quota`](BlobErrorKind::Quota) of logical bytes, and what the store says.
    pub async fn claim(&self, digest: &Digest) -> Result<Option<u64>, BlobError> {
        let keys = self.blobs().keys();
        let space = self.blobs().space();
        let hold = |key| Hold::new(space, (Kind::Blob, key));
        let [blob, tree, index] =
            [keys.blob(digest), keys.tree(digest), keys.index(digest)].map(hold);
        // Held before it is looked for, and not about to be deleted: it stays when it is found.
        for hold in [&blob, &tree, &index] {
            drop(space.turn(&hold.place().1).await);
        }
        let reader = match self.blobs().open(digest).await {
            Ok(reader) => reader,
            // Without its tree, say, since a sweep was killed: then a put makes it whole.
            Err(error)
                if matches!(
                    error.kind(),
                    BlobErrorKind::NotFound | BlobErrorKind::Corrupt
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut holds = match reader.chunks() {
            None => vec![blob],
            Some(chunks) => match self.hold_all(chunks).await? {
                Some(mut chunks) => {
                    chunks.push(index);
                    chunks
                }
                None => return Ok(None),
            },
        };
        holds.extend(reader.has_tree().then_some(tree));
        let logical = space.reserve(Usage::logical(reader.size())).await?;
        self.adopt(holds, logical);
        Ok(Some(reader.size()))
    }

    /// None where one of them is not there, or was damaged.
    async fn hold_all(&self, chunks: &Chunks) -> Result<Option<Vec<Hold>>, BlobError> {
        let mut holds = Vec::new();
        for some in chunks.objects()?.chunks(AT_ONCE) {
            let found = some.iter().map(|(key, size)| self.hold(*key, *size));
            for hold in try_join_all(found).await? {
                match hold {
                    Some(hold) => holds.push(hold),
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(holds))
    }

    async fn hold(&self, key: Key, size: u64) -> Result<Option<Hold>, BlobError> {
        let space = self.blobs().space();
        let hold = Hold::new(space, (Kind::Blob, key));
        let stored = space.stored(hold.place()).await?;
        Ok((stored == Some(size)).then_some(hold))
    }
}
