use std::time::Duration;

use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::ObjectBlobs;

impl ObjectBlobs {
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
