use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use http::Method;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig, path::Path, signer::Signer,
};

use super::{ObjectBlobs, Sign, list::Order, refused};
use crate::blob::{BlobError, BlobErrorKind};

/// The longest time for which the stores sign a URL.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

impl ObjectBlobs {
    /// Blobs below this prefix of a bucket, which lists in the order of names and signs URLs.
    #[must_use]
    pub fn bucket(store: impl ObjectStore + Signer, prefix: &str) -> Self {
        let store = Arc::new(store);
        Self {
            signer: Some(Arc::new(Signing(Arc::clone(&store)))),
            order: Order::Names,
            ..Self::new(store, prefix)
        }
    }

    /// For the builder of a bucket's client: a connection is given up after 3 seconds, and a request
    /// after 20 with its body. A part of 8 MiB passes at half a megabyte a second, then.
    #[must_use]
    pub fn client_options() -> ClientOptions {
        ClientOptions::new()
            .with_connect_timeout(Duration::from_secs(3))
            .with_timeout(Duration::from_secs(20))
    }

    /// For the builder of a bucket's client: three more tries, none that begins after 12 seconds.
    ///
    /// With [`client_options`](Self::client_options), a request to a bucket that is silent ends within
    /// 35 seconds, and to one that refuses connections within a few. A call makes some in a row: a
    /// read two, the end of an upload four, a list one for each thousand names. The client's own
    /// default is three minutes and more for each request.
    #[must_use]
    pub fn retry_config() -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(2),
                base: 2.0,
            },
            max_retries: 3,
            retry_timeout: Duration::from_secs(10),
        }
    }
}

struct Signing<S>(Arc<S>);

#[async_trait]
impl<S: Signer> Sign for Signing<S> {
    async fn url(&self, path: &Path, valid: Duration) -> Result<String, BlobError> {
        if !(Duration::from_secs(1)..=WEEK).contains(&valid) {
            return Err(BlobErrorKind::Unsupported.into());
        }
        let url = self.0.signed_url(Method::GET, path, valid).await;
        Ok(url.map_err(refused)?.into())
    }
}
