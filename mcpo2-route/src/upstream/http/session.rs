use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Method, StatusCode};
use mcpo2_core::{Error, ErrorKind, Id, Request};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit};

use super::{
    head::Head,
    wire::{Pace, Wire},
};
use crate::upstream::{
    ForwardHeaders, fault,
    mint::{Mint, Outgoing},
    own,
    questions::Questions,
};

/// How many cancellations may wait to be told.
const CANCELLATIONS: usize = 64;

/// Who speaks on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anybody; each request stands alone.
    Stateless,
    /// One client, whose session it is.
    Private,
    /// Anybody, in one session that the gateway has for all.
    Shared,
}

/// What the requests of a link share, kept until the last of them ends. Dropped within the runtime,
/// it tells the module.
///
/// INVARIANT: there are as many as there are clients, most of them idle, so it has no task, no
/// channel and no part of a buffer that something was read into.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) wire: Arc<Wire>,
    pub(super) head: Head,
    pub(super) kind: Kind,
    pub(super) mint: Mint,
    pub(super) questions: Questions,
    ended: AtomicBool,
    doubted: AtomicBool,
    /// How many cancellations are on their way.
    telling: AtomicUsize,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Session {
    pub(super) fn new(
        wire: &Arc<Wire>,
        head: Head,
        kind: Kind,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            wire: Arc::clone(wire),
            head,
            kind,
            mint: Mint::new(kind == Kind::Shared),
            questions: Questions::default(),
            ended: AtomicBool::new(false),
            doubted: AtomicBool::new(false),
            telling: AtomicUsize::new(0),
            _permit: permit,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }

    /// Whether a response says that the module knows the session no more, which ends it here too.
    pub(super) fn is_lost(&self, status: StatusCode) -> bool {
        let lost = status == StatusCode::NOT_FOUND && self.head.has_session();
        if lost {
            self.ended.store(true, Ordering::Relaxed);
        }
        lost
    }

    /// Ends it here. The module is not told.
    pub(super) fn release(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether the module may have become one that speaks otherwise.
    pub(super) fn is_doubted(&self) -> bool {
        self.doubted.load(Ordering::Relaxed)
    }

    /// Looks at an answer for signs that the module speaks otherwise than was agreed on, as one
    /// does that was replaced. Its owner then opens a new link, and finds out.
    pub(super) fn look(&self, status: StatusCode, error: Option<i64>) {
        let is_odd = match self.kind {
            // It misses a session, or has no such revision; those codes say otherwise.
            Kind::Stateless => {
                matches!(status.as_u16(), 400 | 404 | 405 | 422)
                    && !matches!(error, Some(-32602 | -32601 | -32021 | -32020))
            }
            // It misses what a stateless request says, or the session. Of other faults of a
            // request its own client hears, and keeps the session.
            Kind::Private | Kind::Shared => {
                status == StatusCode::BAD_REQUEST
                    && matches!(error, Some(-32602 | -32022..=-32020 | -32000))
            }
        };
        if is_odd {
            self.doubted.store(true, Ordering::Relaxed);
        }
    }

    /// Ends it, and tells the module so, once.
    pub(super) async fn close(&self) {
        if self.ends() {
            tell(&self.wire, &self.head).await;
        }
    }

    /// Whether it has not ended before, and the module is to be told that it does.
    fn ends(&self) -> bool {
        !self.ended.swap(true, Ordering::Relaxed) && self.head.has_session()
    }

    /// Sends a message that has no answer.
    pub(super) async fn post(&self, message: Bytes, parsed: Option<&Request>) -> Result<(), Error> {
        if !self.is_open() {
            return Err(fault::unavailable("the session ended"));
        }
        let pace = Pace::short(&self.wire.limits);
        let head = self.head.post(parsed, &ForwardHeaders::default());
        let response = self.wire.send(Method::POST, head, message, &pace).await?;
        let status = response.status();
        match status.is_success() {
            true => Ok(()),
            false if self.is_lost(status) => Err(fault::unavailable("the session ended")),
            false => Err(super::answer::refused(status)),
        }
    }
}

impl Session {
    /// Tells the module that nobody waits for this request any more.
    fn cancel(self: &Arc<Self>, id: &Id) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if self.telling.fetch_add(1, Ordering::Relaxed) >= CANCELLATIONS {
            self.telling.fetch_sub(1, Ordering::Relaxed);
            tracing::debug!("a cancellation is dropped, too many wait");
            return;
        }
        let (session, message) = (Arc::clone(self), own::cancelled(id));
        runtime.spawn(async move {
            if let Err(error) = session.post(message, None).await {
                tracing::debug!(%error, "a cancellation did not reach the module");
            }
            session.telling.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.kind == Kind::Stateless || !self.ends() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let (wire, head) = (Arc::clone(&self.wire), self.head.clone());
            runtime.spawn(async move { tell(&wire, &head).await });
        }
    }
}

/// Tells the module that a session has ended.
async fn tell(wire: &Wire, head: &Head) {
    let (head, pace) = (head.delete(), Pace::short(&wire.limits));
    // A module may refuse to end sessions, and does not have to be there.
    if let Err(error) = wire.send(Method::DELETE, head, Bytes::new(), &pace).await {
        tracing::debug!(%error, "the end of a session did not reach the module");
    }
}

/// One request under way. Dropped before its end in a session that others use too, it tells the
/// module; without a session closing the connection does.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) session: Arc<Session>,
    pub(super) out: Outgoing,
    pub(super) pace: Pace,
    pub(super) ended: bool,
    /// Whether the module learns by a message that nobody waits any more.
    tell: bool,
}

impl Call {
    pub(super) fn new(session: &Arc<Session>, out: Outgoing) -> Self {
        let pace = Pace::answer(&session.wire.limits);
        Self {
            session: Arc::clone(session),
            out,
            pace,
            ended: false,
            tell: session.kind == Kind::Shared,
        }
    }

    /// The error with which the gateway gives the request up, where the module may still work on
    /// it.
    pub(super) fn give_up(&mut self, error: Error) -> Error {
        let early = matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::TooLarge);
        self.tell |= early && self.session.kind != Kind::Stateless;
        error
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended && self.tell && self.session.is_open() {
            self.session.cancel(self.out.id());
        }
    }
}
