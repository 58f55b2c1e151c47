use std::{
    future::Future,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use mcpo2_core::{Body, Error, ErrorKind, Frames, ProtocolVersion, Reply, Request};
use tokio::sync::Mutex as AsyncMutex;

use super::HttpUpstream;
use crate::{
    connection::health::{Admission, Budget, Health},
    upstream::{ForwardHeaders, Hello, Limits, Link, Noise, Resumption, Upstream, fault},
};

/// One module at several addresses, each as good as the others.
///
/// A call without a session goes to that of two, chosen by chance, which has less to do. A session
/// stays where it began, and so does a module that has sessions with what it is asked outside of
/// any. An address that fails [`Limits::eject_after`] times in a row is left alone for a while, and
/// then tried by one call.
///
/// A call is sent to a second address only where the first took no connection, and so not the call:
/// a fifth of the calls at most, beside ten a second.
#[derive(Debug)]
pub struct Replicas {
    field: Arc<Field>,
}

#[derive(Debug)]
struct Field {
    each: Vec<Replica>,
    /// Second tries that there may be, and those that there were.
    budget: Mutex<Budget>,
    second_tries: AtomicU64,
}

#[derive(Debug)]
struct Replica {
    upstream: HttpUpstream,
    health: Mutex<Health>,
    /// Calls under way.
    busy: AtomicUsize,
    /// The link for calls without a session.
    link: AsyncMutex<Option<Arc<dyn Link>>>,
}

/// A call that failed, and whether the module may have taken it.
type Failed = (Error, bool);

impl Replicas {
    /// The module that is at each of these addresses.
    #[must_use]
    pub fn new(each: Vec<HttpUpstream>, limits: &Limits) -> Self {
        let each = each.into_iter().map(|upstream| Replica {
            upstream,
            health: Mutex::new(Health::new(limits.eject_after)),
            busy: AtomicUsize::new(0),
            link: AsyncMutex::default(),
        });
        Self {
            field: Arc::new(Field {
                each: each.collect(),
                budget: Mutex::new(Budget::new(Instant::now())),
                second_tries: AtomicU64::new(0),
            }),
        }
    }

    /// Where a session is that began before.
    fn place(&self, from: &Resumption) -> Option<&HttpUpstream> {
        let each = self.field.each.iter().map(|replica| &replica.upstream);
        let mut each = each.filter(|upstream| upstream.wire.place() == from.place());
        each.next()
    }
}

#[async_trait]
impl Upstream for Replicas {
    async fn open(&self, hello: Option<&Hello>) -> Result<Arc<dyn Link>, Error> {
        let Some(hello) = hello else {
            let (link, _) = self.field.try_one(Replica::any_link).await?;
            // In a session of the module its replicas know nothing of each other.
            return Ok(match link.version().is_stateless() {
                true => Arc::new(Spread::new(&self.field, &*link)),
                false => link,
            });
        };
        let opened = self.field.try_one(|replica| async move {
            let opened = replica.upstream.open(Some(hello)).await;
            opened.map_err(untaken)
        });
        Ok(opened.await?.0)
    }

    async fn resume(&self, hello: &Hello, from: &Resumption) -> Result<Arc<dyn Link>, Error> {
        match self.place(from) {
            Some(upstream) => upstream.resume(hello, from).await,
            None => self.open(Some(hello)).await,
        }
    }

    async fn forget(&self, session: &Resumption) {
        if let Some(upstream) = self.place(session) {
            upstream.forget(session).await;
        }
    }

    fn second_tries(&self) -> u64 {
        self.field.second_tries.load(Relaxed)
    }

    fn noise(&self) -> Vec<(Noise, u64)> {
        let each = self.field.each.iter();
        let each = each.map(|replica| replica.upstream.noise());
        let sum = each.reduce(|mut sum, more| {
            let both = sum.iter_mut().zip(more);
            both.for_each(|((_, count), (_, more))| *count = count.saturating_add(more));
            sum
        });
        sum.unwrap_or_default()
    }
}

impl Field {
    /// Tries one replica, and a second where the first has not taken it.
    async fn try_one<'a, T, W>(
        self: &'a Arc<Self>,
        work: impl Fn(&'a Replica) -> W,
    ) -> Result<(T, Pick), Error>
    where
        W: Future<Output = Result<T, Failed>>,
    {
        lock(&self.budget).earn();
        let mut first: Option<(usize, Error)> = None;
        loop {
            let not = first.as_ref().map(|(at, _)| *at);
            let Some(mut pick) = self.pick(not) else {
                let none = || fault::unavailable("each address failed too often in a row");
                return Err(first.map_or_else(none, |(_, error)| error));
            };
            let Some(replica) = self.each.get(pick.at) else {
                return Err(fault::unavailable("there is no address"));
            };
            let result = work(replica).await;
            pick.settle(result.as_ref().err().map(|(error, _)| error));
            match result {
                Ok(done) => return Ok((done, pick)),
                Err((error, false))
                    if first.is_none() && lock(&self.budget).spend(Instant::now()) =>
                {
                    self.second_tries.fetch_add(1, Relaxed);
                    first = Some((pick.at, error));
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// Of two by chance the one that has less to do, of those that may be asked.
    fn pick(self: &Arc<Self>, not: Option<usize>) -> Option<Pick> {
        let count = self.each.len();
        let chance = RandomState::new().build_hasher().finish();
        let chance = usize::try_from(chance >> 32).unwrap_or_default();
        let one = chance.checked_rem(count)?;
        let two = (one + 1 + (chance / count).checked_rem(count - 1).unwrap_or_default()) % count;
        let busy = |at: usize| self.each.get(at).map(|replica| replica.busy.load(Relaxed));
        let (one, two) = if busy(two) < busy(one) {
            (two, one)
        } else {
            (one, two)
        };
        let mut order = [one, two].into_iter().chain(0..count);
        order.find_map(|at| {
            let replica = self.each.get(at).filter(|_| not != Some(at))?;
            let is_probe = match lock(&replica.health).admit(Instant::now()) {
                Admission::Pass => false,
                Admission::Probe => true,
                Admission::Refused => return None,
            };
            replica.busy.fetch_add(1, Relaxed);
            Some(Pick {
                field: Arc::clone(self),
                at,
                is_probe,
            })
        })
    }
}

impl Replica {
    /// The link for calls without a session.
    async fn any_link(&self) -> Result<Arc<dyn Link>, Failed> {
        // Held while connecting, so that a crowd opens one link.
        let mut link = self.link.lock().await;
        if let Some(link) = link.as_ref().filter(|link| link.is_open()) {
            return Ok(Arc::clone(link));
        }
        let opened = self.upstream.open(None).await.map_err(untaken)?;
        if opened.version().is_stateless() {
            *link = Some(Arc::clone(&opened));
        }
        Ok(opened)
    }
}

/// What was still opening took no call.
fn untaken(error: Error) -> Failed {
    (error, false)
}

/// What was sent may have been taken, unless there was no connection.
fn sent(error: Error) -> Failed {
    let taken = !fault::is_unreachable(&error);
    (error, taken)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call's place at one replica, until it is dropped.
#[derive(Debug)]
struct Pick {
    field: Arc<Field>,
    at: usize,
    is_probe: bool,
}

impl Pick {
    fn replica(&self) -> Option<&Replica> {
        self.field.each.get(self.at)
    }

    /// Takes note of how the replica answered.
    ///
    /// A connection that broke counts here: one that always breaks has least to do, and would be
    /// asked first.
    fn settle(&mut self, error: Option<&Error>) {
        let failed = match error.map(|error| (error.kind(), fault::is_broken(error))) {
            Some((ErrorKind::Unavailable | ErrorKind::TimedOut, _) | (_, true)) => true,
            None | Some((ErrorKind::Upstream | ErrorKind::TooLarge, _)) => false,
            Some(_) => return,
        };
        self.is_probe = false;
        let Some(mut health) = self.replica().map(|replica| lock(&replica.health)) else {
            return;
        };
        match failed {
            false => health.answered(),
            true if health.failed(Instant::now()).is_some() => {
                tracing::warn!(
                    replica = self.at,
                    "it failed too often in a row, and is asked no more for a while"
                );
            }
            true => {}
        }
    }
}

impl Drop for Pick {
    fn drop(&mut self) {
        let Some(replica) = self.replica() else {
            return;
        };
        replica.busy.fetch_sub(1, Relaxed);
        if self.is_probe {
            lock(&replica.health).abandoned(Instant::now());
        }
    }
}

/// The link for calls without a session, over all replicas of a module that has none.
#[derive(Debug)]
struct Spread {
    field: Arc<Field>,
    version: ProtocolVersion,
    server: Bytes,
    /// A replica speaks another revision now: what the module is has to be found out anew.
    ended: AtomicBool,
}

impl Spread {
    fn new(field: &Arc<Field>, first: &dyn Link) -> Self {
        Self {
            field: Arc::clone(field),
            version: first.version(),
            server: first.server().clone(),
            ended: AtomicBool::new(false),
        }
    }

    async fn link(&self, replica: &Replica) -> Result<Arc<dyn Link>, Failed> {
        let link = replica.any_link().await?;
        if link.version() != self.version {
            self.ended.store(true, Relaxed);
            return Err(untaken(fault::unavailable(
                "a replica speaks another revision",
            )));
        }
        Ok(link)
    }
}

#[async_trait]
impl Link for Spread {
    fn version(&self) -> ProtocolVersion {
        self.version
    }

    fn server(&self) -> &Bytes {
        &self.server
    }

    fn is_open(&self) -> bool {
        !self.ended.load(Relaxed)
    }

    async fn request(&self, request: &Request, headers: &ForwardHeaders) -> Result<Reply, Error> {
        let ask = |replica| async move {
            let link = self.link(replica).await?;
            link.request(request, headers).await.map_err(sent)
        };
        let (reply, pick) = self.field.try_one(ask).await?;
        Ok(reply.map_body(|body| match body {
            // It has to do until the stream ends or is dropped.
            Body::Stream(frames) => Body::Stream(Frames::new(frames.map_ok(move |frame| {
                let _ = &pick;
                frame
            }))),
            other => other,
        }))
    }

    async fn send(&self, message: Bytes) -> Result<(), Error> {
        let send = |replica| {
            let message = message.clone();
            async move {
                let link = self.link(replica).await?;
                link.send(message).await.map_err(sent)
            }
        };
        self.field.try_one(send).await?;
        Ok(())
    }

    async fn listen(&self, _: Option<&str>) -> Result<Option<Frames>, Error> {
        // Without a session there is no such stream.
        Ok(None)
    }

    async fn close(&self) {
        self.ended.store(true, Relaxed);
        for replica in &self.field.each {
            let link = replica.link.lock().await.take();
            if let Some(link) = link {
                link.close().await;
            }
        }
    }
}
