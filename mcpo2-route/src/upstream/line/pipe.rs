use std::{fmt, io, sync::Arc};

use async_trait::async_trait;
use mcpo2_core::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
};

use super::LineLink;
use crate::upstream::{ClientInfo, Hello, Limits, Link, Noise, NoiseCounter, Upstream, fault};

/// A module behind pipes that a function makes: each call of it starts a module of its own.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use mcpo2_route::upstream::{ClientInfo, Limits, Upstream, line::PipeUpstream};
/// use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
///
/// let upstream = PipeUpstream::new(ClientInfo::default(), Limits::default(), || {
///     let (ours, theirs) = tokio::io::duplex(4096);
///     let module = tokio::spawn(async move {
///         let mut pipe = BufReader::new(theirs);
///         let mut line = String::new();
///         pipe.read_line(&mut line).await.unwrap();
///         let answer = r#"{"jsonrpc":"2.0","id":"mcpo2-1","result":{"supportedVersions":["2026-07-28"]}}"#;
///         pipe.get_mut().write_all(answer.as_bytes()).await.unwrap();
///         pipe.get_mut().write_all(b"\n").await.unwrap();
///         std::future::pending::<()>().await;
///     });
///     let (reader, writer) = tokio::io::split(ours);
///     Ok((reader, writer, module))
/// });
/// let link = upstream.open(None).await.unwrap();
/// assert!(link.version().is_stateless());
/// # });
/// ```
pub struct PipeUpstream<F> {
    start: F,
    client: ClientInfo,
    limits: Limits,
    sessions: Arc<Semaphore>,
    noise: Arc<NoiseCounter>,
}

impl<F> PipeUpstream<F> {
    /// Modules that `start` starts: it gives what to read from, what to write to, and a guard
    /// that is dropped when the link ends.
    pub fn new(client: ClientInfo, limits: Limits, start: F) -> Self {
        Self {
            start,
            client,
            sessions: Arc::new(Semaphore::new(limits.sessions.min(Semaphore::MAX_PERMITS))),
            limits,
            noise: Arc::default(),
        }
    }
}

#[async_trait]
impl<F, R, W, G> Upstream for PipeUpstream<F>
where
    F: Fn() -> io::Result<(R, W, G)> + Send + Sync + 'static,
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
    G: Send + 'static,
{
    async fn open(&self, hello: Option<&Hello>) -> Result<Arc<dyn Link>, Error> {
        let permit = match hello {
            Some(_) => {
                let permit = Arc::clone(&self.sessions).try_acquire_owned();
                Some(permit.map_err(|_| fault::too_many_sessions())?)
            }
            None => None,
        };
        let (reader, writer, guard) = (self.start)().map_err(fault::unavailable)?;
        let pipes = (reader, writer, (guard, permit));
        let (limits, noise) = (self.limits.clone(), Arc::clone(&self.noise));
        let link = LineLink::join(pipes, hello, (&self.client, limits, noise)).await?;
        Ok(link)
    }

    fn noise(&self) -> Vec<(Noise, u64)> {
        self.noise.counts()
    }
}

impl<F> fmt::Debug for PipeUpstream<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeUpstream")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
