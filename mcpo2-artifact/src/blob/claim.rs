use mcpo2_core::Digest;

use super::{BlobError, BlobErrorKind, Kind, Session, Usage, hold::Hold};

impl Session {
    /// Takes what the tenant has already, and says how long it is; none where it must be put.
    ///
    /// # Errors
    ///
    /// [`Quota`](BlobErrorKind::Quota) of logical bytes, and what the store says.
    pub async fn claim(&self, digest: &Digest) -> Result<Option<u64>, BlobError> {
        let keys = self.blobs().keys();
        let space = self.blobs().space();
        // Before it is looked for, so that it stays when it was found.
        let [blob, tree] =
            [keys.blob(digest), keys.tree(digest)].map(|key| Hold::new(space, (Kind::Blob, key)));
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
        let tree = Some(tree).filter(|_| reader.has_tree());
        let holds: Vec<_> = [blob].into_iter().chain(tree).collect();
        for hold in &holds {
            if space.stored(hold.place()).await?.is_none() {
                return Ok(None);
            }
        }
        let logical = space.reserve(Usage::logical(reader.size())).await?;
        self.adopt(holds, logical);
        Ok(Some(reader.size()))
    }
}
