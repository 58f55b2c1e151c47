use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mcpo2_core::{Endpoint, Error, ErrorKind, Module};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::upstream::{Hello, Limits, Link, Upstream};

/// How the gateway reaches one module: the endpoint of a [`Module`] that [`Dispatch`] serves.
///
/// It keeps the link for calls without a session, and bounds how much goes to the module at once,
/// so that a slow one cannot stop the others.
///
/// [`Dispatch`]: crate::Dispatch
#[derive(Debug)]
pub struct Connection {
    upstream: Box<dyn Upstream>,
    shared: Mutex<Shared>,
    calls: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Shared {
    link: Option<Arc<dyn Link>>,
    failed: Option<Instant>,
}

/// After a failure to connect, others are told at once for this long.
const PAUSE: Duration = Duration::from_secs(1);

impl Connection {
    /// Reaches a module by `upstream`, within `limits`.
    pub fn new(upstream: impl Upstream, limits: &Limits) -> Self {
        Self {
            upstream: Box::new(upstream),
            shared: Mutex::default(),
            calls: Arc::new(Semaphore::new(
                limits.concurrency.min(Semaphore::MAX_PERMITS),
            )),
        }
    }

    /// The connection as the endpoint of a module.
    #[must_use]
    pub fn into_endpoint(self) -> Endpoint {
        Endpoint::new(self)
    }

    pub(crate) fn of(module: &Module) -> Result<&Self, Error> {
        module
            .endpoint()
            .get()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the module has no connection"))
    }

    /// A place for one more call, or a refusal.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.calls).try_acquire_owned().map_err(|_| {
            Error::new(
                ErrorKind::Overloaded,
                "the module has too many calls at once",
            )
        })
    }

    /// The link for calls without a session.
    pub(crate) async fn shared(&self) -> Result<Arc<dyn Link>, Error> {
        // Held while connecting, so that a crowd opens one link.
        let mut shared = self.shared.lock().await;
        if let Some(link) = shared.link.as_ref().filter(|link| link.is_open()) {
            return Ok(Arc::clone(link));
        }
        if shared.failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the module is not available",
            ));
        }
        let opened = self.upstream.open(None).await;
        shared.failed = opened.is_err().then(Instant::now);
        shared.link = opened.as_ref().ok().map(Arc::clone);
        opened
    }

    /// A link for one session.
    pub(crate) async fn open(&self, hello: &Hello) -> Result<Arc<dyn Link>, Error> {
        self.upstream.open(Some(hello)).await
    }

    /// Ends the link for calls without a session.
    pub async fn close(&self) {
        let link = self.shared.lock().await.link.take();
        if let Some(link) = link {
            link.close().await;
        }
    }
}
