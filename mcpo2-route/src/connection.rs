pub(crate) mod health;
mod place;

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use mcpo2_core::{Call, Endpoint, Error, ErrorKind, Module, ModuleId, TenantId};
use tokio::sync::Mutex;

use crate::{
    Catalog,
    bridge::{self, Asking, Caller, Desks, Lot, Pool, Room, StatelessFace, Support, Tasking},
    shares::Weights,
    upstream::{Hello, Limits, Link, Resumption, Upstream},
};

use self::place::Load;
pub(crate) use self::place::Place;
pub use self::place::Stats;

/// How the gateway reaches one module: the endpoint of a [`Module`] that [`Dispatch`] serves.
///
/// It keeps the link for calls without a session, and bounds how much goes to the module at once,
/// so that a slow one cannot stop the others. Tenants share these [places](crate::shares). A module
/// that fails [`Limits::eject_after`] times in a row is asked no more for a while.
///
/// [`Dispatch`]: crate::Dispatch
#[derive(Debug)]
pub struct Connection {
    upstream: Arc<dyn Upstream>,
    shared: Mutex<Shared>,
    asking: AskingParts,
    room: Room,
    load: Arc<Load>,
    id: ConnectionId,
}

/// Tells one connection from another, also of one module over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionId(u64);

#[derive(Debug, Default)]
struct Shared {
    link: Option<Arc<dyn Link>>,
    /// Whether the module has sessions, and the link looks as if it had none.
    is_face: bool,
    failed: Option<Instant>,
}

/// What serves calls that are asked back.
#[derive(Debug, Clone)]
struct AskingParts {
    pool: Arc<Pool>,
    lot: Arc<Lot>,
    desks: Arc<Desks>,
    time: Duration,
}

/// After a failure to connect, others are told at once for this long.
const PAUSE: Duration = Duration::from_secs(1);

impl Connection {
    /// Reaches a module by `upstream`, within `limits`.
    pub fn new(upstream: impl Upstream, limits: &Limits) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let upstream: Arc<dyn Upstream> = Arc::new(upstream);
        let pool = Pool::new(Arc::clone(&upstream), limits);
        let asking = AskingParts {
            desks: Desks::new(&pool, limits),
            pool,
            lot: Lot::new(limits.waiting),
            time: limits.total,
        };
        Self {
            id: ConnectionId(NEXT.fetch_add(1, Ordering::Relaxed)),
            upstream,
            asking,
            room: Room::new(limits),
            shared: Mutex::default(),
            load: Arc::new(Load::new(limits)),
        }
    }

    /// The connection as the endpoint of a module.
    #[must_use]
    pub fn into_endpoint(self) -> Endpoint {
        Endpoint::new(self)
    }

    /// Says how much each tenant counts where they share the places of the module; without it,
    /// all the same.
    pub fn weigh(&self, weights: Weights) {
        self.load.weigh(weights);
    }

    /// How the module fares, as far as the gateway knows.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            second_tries: self.upstream.second_tries(),
            noise: self.upstream.noise(),
            ..self.load.stats()
        }
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) fn of(module: &Module) -> Result<&Self, Error> {
        module
            .endpoint()
            .get()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the module has no connection"))
    }

    /// A place for one more call of this tenant, or a refusal.
    pub(crate) fn admit(&self, tenant: &TenantId) -> Result<Place, Error> {
        Load::admit(&self.load, tenant)
    }

    /// The link for calls without a session.
    pub(crate) async fn shared(&self) -> Result<Arc<dyn Link>, Error> {
        Ok(self.reach().await?.0)
    }

    /// The link for this call without a session: the one that all share, or one of its own where
    /// the module has sessions and may have something to ask or to say on the way, or runs the
    /// tool as a task.
    pub(crate) async fn link(
        &self,
        call: &Call,
        known: (&Catalog, &ModuleId),
    ) -> Result<Arc<dyn Link>, Error> {
        match self.own_link(call, Some(known)).await? {
            Some(own) => Ok(own),
            None => self.shared().await,
        }
    }

    /// The link of its own for this call without a session; none where all share one.
    pub(crate) async fn own_link(
        &self,
        call: &Call,
        known: Option<(&Catalog, &ModuleId)>,
    ) -> Result<Option<Arc<dyn Link>>, Error> {
        let (shared, is_face) = self.reach().await?;
        if !is_face {
            return Ok(None);
        }
        if bridge::has_tasks(&*shared) {
            let support = match known {
                Some((catalog, module)) => catalog.support(module, call).await,
                None => Support::Never,
            };
            if let Some(own) = Tasking::of(call, support, (&self.asking.desks, &shared))? {
                return Ok(Some(Arc::new(own)));
            }
        }
        Ok(Caller::of(call)?.map(|caller| {
            let AskingParts {
                pool, lot, time, ..
            } = self.asking.clone();
            let own = Asking {
                caller,
                pool,
                lot,
                shared,
                time,
            };
            Arc::new(own) as Arc<dyn Link>
        }))
    }

    /// Whether the module is known to have sessions.
    pub(crate) fn has_sessions(&self) -> bool {
        self.shared.try_lock().is_ok_and(|shared| shared.is_face)
    }

    async fn reach(&self) -> Result<(Arc<dyn Link>, bool), Error> {
        // Held while connecting, so that a crowd opens one link.
        let mut shared = self.shared.lock().await;
        if let Some(link) = shared.link.as_ref().filter(|link| link.is_open()) {
            return Ok((Arc::clone(link), shared.is_face));
        }
        if shared.failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(unavailable("connecting failed a moment ago"));
        }
        self.may_open(shared.link.is_some())?;
        let opened = self.upstream.open(None).await;
        self.load.opened(opened.as_ref().err());
        shared.failed = opened.is_err().then(Instant::now);
        shared.link = None;
        let link = opened?;
        shared.is_face = !link.version().is_stateless();
        let link = match shared.is_face {
            true => Arc::new(StatelessFace::new(link)),
            false => link,
        };
        shared.link = Some(Arc::clone(&link));
        Ok((link, shared.is_face))
    }

    /// A link for one session; `again` where that had one before.
    pub(crate) async fn open(&self, hello: &Hello, again: bool) -> Result<Arc<dyn Link>, Error> {
        self.may_open(again)?;
        let opened = self.upstream.open(Some(hello)).await;
        self.load.opened(opened.as_ref().err());
        Ok(bridge::for_session(opened?, hello, &self.room))
    }

    /// The link of a session that stood before, here or elsewhere.
    pub(crate) async fn resume(
        &self,
        hello: &Hello,
        from: &Resumption,
    ) -> Result<Arc<dyn Link>, Error> {
        self.may_open(false)?;
        let opened = self.upstream.resume(hello, from).await;
        self.load.opened(opened.as_ref().err());
        Ok(bridge::for_session(opened?, hello, &self.room))
    }

    /// Tells the module that a session has ended that no link leads to.
    pub(crate) async fn forget(&self, session: &Resumption) {
        self.upstream.forget(session).await;
    }

    /// Ends the links for calls without a session.
    pub async fn close(&self) {
        self.asking.lot.clear();
        self.asking.desks.clear();
        self.asking.pool.close().await;
        let link = self.shared.lock().await.link.take();
        if let Some(link) = link {
            link.close().await;
        }
    }

    fn may_open(&self, again: bool) -> Result<(), Error> {
        if self.load.is_paused() {
            return Err(unavailable("it failed too often in a row"));
        }
        if again && !self.load.may_reopen() {
            return Err(unavailable("too many links were opened anew"));
        }
        Ok(())
    }
}

fn unavailable(why: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, "the module is not available").with_source(why)
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
