//! Modules that are reached over Streamable HTTP, of either era.
//!
//! Requests go out as the bytes that they are, with the headers that the revision asks for, those
//! of the [`Endpoint`], and the [`ForwardHeaders`](super::ForwardHeaders): of what a client sent
//! otherwise, its credentials above all, nothing. No redirect is followed, and no address dialled
//! that is not of the module's [`Network`]. Bodies are asked for as they are; gzip is understood
//! all the same, within the limit on bytes, and other encodings are refused.

mod address;
mod answer;
mod decode;
mod dial;
mod endpoint;
mod events;
mod handshake;
mod head;
mod link;
mod resume;
mod session;
mod sse;
mod tls;
mod wire;

pub use address::{AddressKind, Network, UnknownNetwork};
pub use dial::{Resolve, SystemResolver};
pub use endpoint::{Endpoint, EndpointError};
pub use sse::{SseDecoder, SseEvent, SseTooLong};
pub use tls::{Tls, TlsError};

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mcpo2_core::Error;
use tokio::{sync::Semaphore, time::timeout};

use self::{
    handshake::{Era, Greeter},
    wire::Wire,
};
use super::{ClientInfo, Hello, Limits, Link, Resumption, Upstream, fault};

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
    client: ClientInfo,
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
        Ok(Self {
            wire: Arc::new(Wire::new(endpoint, resolver, limits)?),
            client,
            era: Mutex::default(),
            sessions: Arc::new(Semaphore::new(sessions)),
        })
    }

    fn era(&self) -> Era {
        *self.era.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Upstream for HttpUpstream {
    async fn open(&self, hello: Option<&Hello>) -> Result<Arc<dyn Link>, Error> {
        let mut greeter = Greeter {
            wire: &self.wire,
            client: &self.client,
            era: self.era(),
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
        *self.era.lock().unwrap_or_else(PoisonError::into_inner) = greeter.era;
        let link = opened.map_err(handshake::late)??;
        Ok(Arc::new(link))
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
}
