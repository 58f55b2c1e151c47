//! Modules that are reached over Streamable HTTP, of either era.
//!
//! Requests go out as the bytes that they are, with the headers that the revision asks for, those
//! of the [`Endpoint`], and the [`ForwardHeaders`](super::ForwardHeaders): of what a client sent
//! otherwise, its credentials above all, nothing. No redirect is followed, and no address dialled
//! that is not of the module's [`Network`]. Bodies are asked for as they are; gzip is understood
//! all the same, within the limit on bytes, and other encodings are refused.
//!
//! A module that takes no such requests is asked for the stream of the revision 2024-11-05 (HTTP
//! and SSE, deprecated since 2025-03-26), as the specification says of old servers.

mod address;
mod answer;
mod decode;
mod dial;
mod endpoint;
mod events;
mod handshake;
mod head;
mod link;
mod pair;
mod replicas;
mod resume;
mod session;
mod socket;
mod sse;
mod tls;
mod wire;

pub use address::{AddressKind, Network, UnknownNetwork};
pub use dial::{Resolve, SystemResolver};
pub use endpoint::{Endpoint, EndpointError};
pub use replicas::Replicas;
pub use sse::{SseDecoder, SseEvent, SseTooLong};
pub use tls::{Tls, TlsError};

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicBool};

use async_trait::async_trait;
use mcpo2_core::Error;
use tokio::{sync::Semaphore, time::timeout};

use self::{
    handshake::{Era, Greeter, Said},
    pair::Pair,
    wire::Wire,
};
use super::{ClientInfo, Hello, Limits, Link, Noise, Resumption, Upstream, fault};

/// A module at an [`Endpoint`].
///
/// All links share one pool of connections. Which era the module speaks is found out once, and
/// again when it does not hold any more.
///
/// - A link for all calls speaks the stateless revision; where the module does not know it, the
///   gateway has one session for all, replaces ids and progress tokens in it, and refuses what
///   the module asks its client there. A stream of it that breaks off is resumed.
/// - A link for a session is a session of the module: closing the link, or dropping its last
///   handle within the runtime, ends it there too.
///
/// `subscriptions/listen` and the stream outside any request have no time-out and no limit on
/// their bytes in all, only on those of one event.
#[derive(Debug)]
pub struct HttpUpstream {
    wire: Arc<Wire>,
    pair: Pair,
    client: ClientInfo,
    said: Said,
    era: Mutex<Era>,
    sessions: Arc<Semaphore>,
}

impl HttpUpstream {
    /// A module at this endpoint, whose host the operating system looks up.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Tls`] where the certificates of the endpoint cannot be used, or it is
    /// `https`, has none, and the platform's cannot.
    pub fn new(
        endpoint: Endpoint,
        client: ClientInfo,
        limits: Limits,
    ) -> Result<Self, EndpointError> {
        Self::with_resolver(endpoint, client, limits, Arc::new(SystemResolver))
    }

    /// A module at this endpoint, whose host `resolver` looks up for each connection.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_resolver(
        endpoint: Endpoint,
        client: ClientInfo,
        limits: Limits,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, EndpointError> {
        let sessions = limits.sessions.min(Semaphore::MAX_PERMITS);
        let pair = Pair::new(endpoint.clone(), Arc::clone(&resolver));
        Ok(Self {
            wire: Arc::new(Wire::new(endpoint, resolver, limits)?),
            pair,
            client,
            said: Said::default(),
            era: Mutex::default(),
            sessions: Arc::new(Semaphore::new(sessions)),
        })
    }

    fn era(&self) -> Era {
        *self.era.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, era: Era) {
        *self.era.lock().unwrap_or_else(PoisonError::into_inner) = era;
    }

    /// A link over the pair of HTTP and SSE that the revision 2024-11-05 has.
    async fn paired(&self, hello: Option<&Hello>) -> Result<Arc<dyn Link>, Error> {
        let permit = match hello {
            Some(_) => {
                let permit = Arc::clone(&self.sessions).try_acquire_owned();
                Some(permit.map_err(|_| fault::too_many_sessions())?)
            }
            None => None,
        };
        let opening = self.pair.open(&self.wire, hello, &self.client, permit);
        Ok(opening.await?)
    }
}

#[async_trait]
impl Upstream for HttpUpstream {
    async fn open(&self, hello: Option<&Hello>) -> Result<Arc<dyn Link>, Error> {
        let known = self.era();
        if known == Era::Pair {
            let paired = self.paired(hello).await;
            if paired.is_err() {
                self.learn(Era::Unknown);
            }
            return paired;
        }
        let mut greeter = Greeter {
            wire: &self.wire,
            client: &self.client,
            said: &self.said,
            era: known,
            was_refused: AtomicBool::new(false),
        };
        let steps = async {
            match hello {
                Some(hello) => {
                    let permit = Arc::clone(&self.sessions).try_acquire_owned();
                    let permit = permit.map_err(|_| fault::too_many_sessions())?;
                    greeter.private(hello, permit).await
                }
                None => greeter.shared().await,
            }
        };
        let opened = timeout(self.wire.limits.connect, steps).await;
        self.learn(greeter.era);
        match opened.map_err(handshake::late)? {
            Ok(link) => Ok(Arc::new(link)),
            // It takes no such requests: it may be one of the first revision.
            Err(refused) if greeter.was_refused.into_inner() => {
                let paired = self.paired(hello).await.map_err(|error| {
                    tracing::debug!(error = %error.chain(), "no module of 2024-11-05 either");
                    refused
                })?;
                self.learn(Era::Pair);
                Ok(paired)
            }
            Err(error) => Err(error),
        }
    }

    async fn resume(&self, hello: &Hello, from: &Resumption) -> Result<Arc<dyn Link>, Error> {
        let permit = Arc::clone(&self.sessions).try_acquire_owned();
        let permit = permit.map_err(|_| fault::too_many_sessions())?;
        let resumed = resume::resume(&self.wire, from, permit);
        match timeout(self.wire.limits.connect, resumed).await {
            Ok(Ok(Some(link))) => Ok(Arc::new(link)),
            Ok(Ok(None)) => self.open(Some(hello)).await,
            Ok(Err(error)) => Err(error),
            Err(elapsed) => Err(handshake::late(elapsed)),
        }
    }

    async fn forget(&self, session: &Resumption) {
        resume::forget(&self.wire, session).await;
    }

    fn noise(&self) -> Vec<(Noise, u64)> {
        self.wire.noise.counts()
    }
}
