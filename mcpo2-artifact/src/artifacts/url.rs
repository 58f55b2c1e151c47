use std::time::Duration;

use super::{Artifacts, not_there};
use crate::{Error, Reader, Selector, library::BlobUrl, token::Uri};

impl Artifacts {
    /// A URL of the whole blob that this names, for so long, and no longer than the reference holds.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) as of [`read`](Self::read), before anything else is
    /// told; [`Unsupported`](crate::ErrorKind::Unsupported) where it is a part or no blob, can be read
    /// only so often, or no URLs are made; [`TooLarge`](crate::ErrorKind::TooLarge) over `limit` bytes;
    /// and those of the store.
    pub(crate) async fn url(
        &self,
        reader: &Reader,
        uri: &str,
        limit: u64,
        valid: Duration,
    ) -> Result<BlobUrl, Error> {
        let uri = uri.parse();
        match uri.map_err(|error| not_there().with_source(error))? {
            Uri::Kept(reference, _) => {
                self.find(&reader.principal, reference)?;
                Err(Error::unsupported("the result of a call has no url"))
            }
            Uri::Signed(reference, path, selector) => {
                let library = self.library.as_ref().ok_or_else(not_there)?;
                let now = self.clock.now();
                let opened = library.open(reader, &reference, path.as_ref(), now).await?;
                match selector {
                    Selector::Whole => opened.url(library.depot(), limit, valid).await,
                    _ => Err(Error::unsupported("a part has no url")),
                }
            }
        }
    }
}
