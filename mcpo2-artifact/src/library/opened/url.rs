use std::{fmt, time::Duration};

use mcpo2_core::Digest;

use super::{Opened, Source};
use crate::{
    Error,
    artifacts::within,
    blob::{BlobError, BlobErrorKind, BlobReader, Depot},
    library::unread,
    range::Ranges,
};

/// A blob, and a URL by which anybody reads the whole of it for a while.
pub(crate) struct BlobUrl {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) url: String,
}

impl Opened {
    /// A URL of the whole blob, for so long, and no longer than the reference holds.
    pub(crate) async fn url(
        &self,
        depot: &Depot,
        limit: u64,
        valid: Duration,
    ) -> Result<BlobUrl, Error> {
        let blob = self.whole()?;
        let whole = within(Some(0..blob.size()), Some(limit))?;
        let mut reading = self
            .access
            .open(&Ranges::one(whole), self.now)
            .map_err(Error::from)?;
        let grant = self.access.grant();
        let blobs = depot.tenant(grant.tenant()).map_err(unread)?;
        let valid = valid.min(grant.expires_in(self.now));
        let url = blobs.presign(blob.digest(), valid).await;
        let url = url.map_err(unmade)?;
        reading.deliver(blob.size()).map_err(Error::from)?;
        Ok(BlobUrl {
            digest: *blob.digest(),
            size: blob.size(),
            url,
        })
    }

    /// The blob, where all of it may be read, and as often as one likes: nobody counts who reads by a
    /// URL.
    fn whole(&self) -> Result<&BlobReader, Error> {
        let Source::Blob(blob) = &self.source else {
            return Err(Error::unsupported("the list of a tree has no url"));
        };
        if !self.granted().covers(&Ranges::one(0..blob.size())) {
            return Err(Error::unsupported("a part has no url"));
        }
        match self.access.grant().is_counted() {
            true => Err(Error::unsupported("what is counted has no url")),
            false => Ok(blob),
        }
    }
}

impl fmt::Debug for BlobUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who sees the URL can read the blob.
        f.debug_struct("BlobUrl")
            .field("digest", &self.digest)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

fn unmade(error: BlobError) -> Error {
    match error.kind() {
        BlobErrorKind::Unsupported => {
            Error::unsupported("this gateway makes no urls").with_source(error)
        }
        _ => unread(error),
    }
}
