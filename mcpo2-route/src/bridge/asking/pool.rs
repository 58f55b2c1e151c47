use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{Either, select},
    stream,
};
use mcpo2_core::{Digest, Error, ErrorKind, Frames, ProtocolVersion};
use serde_json::json;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use crate::{
    bridge::{abilities::Abilities, level::Level},
    upstream::{ClientInfo, ForwardHeaders, Hello, Limits, Link, Upstream, fault, mint::Mint, own},
};

/// Links that nobody uses are kept for this long, and so many of them.
const KEPT: (Duration, usize) = (Duration::from_secs(60), 8);

/// What a module says outside requests may be this late when its link is opened.
const OUTSIDE: Duration = Duration::from_secs(1);

/// Links of which each serves one call at a time, so that what its module asks can only belong
/// to that call.
#[derive(Debug)]
pub(crate) struct Pool {
    upstream: Arc<dyn Upstream>,
    places: Arc<Semaphore>,
    patience: Duration,
    idle: Mutex<Vec<(Instant, Line)>>,
}

/// Whose links they are, and what the module was told that it can ask there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::bridge) struct Key {
    pub(in crate::bridge) binding: Digest,
    pub(in crate::bridge) abilities: Abilities,
}

/// One link of the pool.
#[derive(Debug)]
pub(in crate::bridge) struct Line {
    pub(in crate::bridge) link: Arc<dyn Link>,
    pub(in crate::bridge) mint: Mint,
    /// What the module says outside any request: while a call has the link, to that call.
    pub(in crate::bridge) outside: Option<Frames>,
    pub(in crate::bridge) key: Key,
    level: Option<Level>,
    pub(super) is_fresh: bool,
}

impl Pool {
    pub(crate) fn new(upstream: Arc<dyn Upstream>, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            upstream,
            places: Arc::new(Semaphore::new(limits.exclusive.min(Semaphore::MAX_PERMITS))),
            patience: limits.connect,
            idle: Mutex::default(),
        })
    }

    /// A place for one more call that may be asked back.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let place = Arc::clone(&self.places).acquire_owned();
        match timeout(self.patience, place).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(Error::new(
                ErrorKind::Overloaded,
                "the module waits for the answers of too many clients",
            )),
        }
    }

    /// A link of this key that nobody uses, or a new one.
    pub(in crate::bridge) async fn line(&self, key: &Key) -> Result<Line, Error> {
        while let Some(mut line) = self.take(key) {
            if line.link.is_open() && line.hush().await {
                line.is_fresh = false;
                return Ok(line);
            }
            line.link.close().await;
        }
        self.open(key).await
    }

    fn take(&self, key: &Key) -> Option<Line> {
        let mut idle = self.idle();
        let at = idle.iter().position(|(_, line)| line.key == *key)?;
        Some(idle.swap_remove(at).1)
    }

    async fn open(&self, key: &Key) -> Result<Line, Error> {
        let capabilities = serde_json::from_str::<serde_json::Value>(&key.abilities.json());
        let params = json!({
            "protocolVersion": ProtocolVersion::LATEST_SESSION,
            "capabilities": capabilities.unwrap_or_else(|_| json!({})),
            "clientInfo": ClientInfo::default().json(),
        });
        let hello = Hello::new(params.to_string(), ProtocolVersion::LATEST_SESSION);
        let link = self.upstream.open(Some(&hello)).await?;
        if link.version().is_stateless() {
            return Err(fault::protocol("the module has sessions no more"));
        }
        Ok(Line {
            outside: outside(&link).await,
            link,
            mint: Mint::new(true),
            key: key.clone(),
            level: None,
            is_fresh: true,
        })
    }

    /// Keeps a link whose call has ended, for the next of its key.
    pub(super) fn keep(self: &Arc<Self>, line: Line) {
        let (time, most) = KEPT;
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let mut idle = self.idle();
        idle.push((Instant::now(), line));
        let surplus = (idle.len() > most).then(|| idle.remove(0));
        drop(idle);
        let pool = Arc::downgrade(self);
        runtime.spawn(async move {
            if let Some((_, line)) = surplus {
                line.link.close().await;
            }
            sleep(time).await;
            if let Some(pool) = pool.upgrade() {
                pool.expire(time).await;
            }
        });
    }

    async fn expire(&self, time: Duration) {
        let old: Vec<_> = self
            .idle()
            .extract_if(.., |(since, _)| since.elapsed() >= time)
            .collect();
        for (_, line) in old {
            line.link.close().await;
        }
    }

    /// Ends the links that nobody uses.
    pub(crate) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for (_, line) in idle {
            line.link.close().await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, Line)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Says from which level on the module shall log.
    pub(super) async fn log(&mut self, level: Level) -> Result<(), Error> {
        if self.level == Some(level) || !has_logging(self.link.server()) {
            return Ok(());
        }
        let params = json!({ "level": level.as_str() }).to_string();
        let id = own::id(0);
        let request = own::request(&id, "logging/setLevel", params.as_bytes())?;
        let headers = ForwardHeaders::default();
        self.link.request(&request, &headers).await?;
        self.level = Some(level);
        Ok(())
    }

    /// Refuses what the module asked while nobody had the link; false where it cannot be used.
    async fn hush(&mut self) -> bool {
        loop {
            let next = self.outside.as_mut().map(|frames| frames.next());
            match next.and_then(|next| next.now_or_never()) {
                Some(Some(Ok(frame))) => {
                    let refusal = super::held::refusal_of(frame.data());
                    if let Some(refusal) = refusal
                        && self.link.send(refusal).await.is_err()
                    {
                        return false;
                    }
                }
                // The stream ended, or broke: another is asked for.
                Some(Some(Err(_)) | None) => {
                    self.outside = outside(&self.link).await;
                    return self.link.is_open();
                }
                None => return true,
            }
        }
    }
}

fn has_logging(server: &[u8]) -> bool {
    let server: serde_json::Value = serde_json::from_slice(server).unwrap_or_default();
    server
        .pointer("/capabilities/logging")
        .is_some_and(serde_json::Value::is_object)
}

/// The stream outside any request. One whose head is late is waited for while the call runs.
async fn outside(link: &Arc<dyn Link>) -> Option<Frames> {
    let link = Arc::clone(link);
    let opening = Box::pin(async move { link.listen(None).await.ok().flatten() });
    match select(opening, Box::pin(sleep(OUTSIDE))).await {
        Either::Left((frames, _)) => frames,
        Either::Right(((), opening)) => {
            let frames = stream::once(opening)
                .map(|frames| frames.unwrap_or_else(|| Frames::new(stream::empty())));
            Some(Frames::new(frames.flatten()))
        }
    }
}
