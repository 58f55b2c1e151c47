//! One connection, from its first bytes to its end.

use std::{convert::Infallible, io, pin::Pin, time::Duration};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use mcpo2_core::BoxError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::version::{Version, version};
use crate::{config::Http, respond::HttpBody};

/// How HTTP is spoken.
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

/// A connection that is served, of any version of HTTP, with TLS or without.
///
/// INVARIANT: most connections are silent most of the time, so this is as large as what serves this
/// one, and whoever holds it keeps little beside it. What it took to begin is gone.
pub(super) struct Serving(Pin<Box<Connection>>);

type Connection =
    dyn GracefulConnection<Error = hyper::Error, Output = Result<(), hyper::Error>> + Send;

impl Protocols {
    /// Without limits.
    pub(super) fn new() -> Self {
        Self {
            http1: http1::Builder::new(),
            http2: http2::Builder::new(TokioExecutor::new()),
        }
    }

    /// Within what is configured; on HTTP/1 for one request alone where nothing is kept alive.
    pub(super) fn within(http: &Http, keep_alive: bool) -> Self {
        let mut protocols = Self::new();
        protocols
            .http1
            .timer(TokioTimer::new())
            .header_read_timeout(http.timeouts.headers)
            .max_buf_size(http.max_header_bytes.max(8192))
            .keep_alive(keep_alive);
        protocols
            .http2
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(http.max_header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(256)
            .keep_alive_interval(Duration::from_secs(30));
        protocols
    }

    /// Serves the version that the client speaks.
    ///
    /// # Errors
    ///
    /// Where the client's first bytes could not be read.
    pub(super) async fn serve<T, S>(self, stream: T, service: S) -> io::Result<Serving>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: Service<Request<Incoming>, Response = Response<HttpBody>, Error = Infallible>,
        S: Send + 'static,
        S::Future: Send + 'static,
    {
        let (version, stream) = version(stream).await?;
        let stream = TokioIo::new(stream);
        Ok(Serving(match version {
            Version::Http1 => Box::pin(self.http1.serve_connection(stream, service)),
            Version::Http2 => Box::pin(self.http2.serve_connection(stream, service)),
        }))
    }
}

impl Serving {
    /// Serves until the client goes, and from `closing` on no longer than what has begun takes.
    ///
    /// # Errors
    ///
    /// What breaks the connection.
    pub(super) async fn until(mut self, closing: &CancellationToken) -> Result<(), BoxError> {
        tokio::select! {
            served = self.0.as_mut() => return Ok(served?),
            () = closing.cancelled() => self.0.as_mut().graceful_shutdown(),
        }
        Ok(self.0.await?)
    }
}
