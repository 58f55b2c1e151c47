use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use http::{Method, StatusCode};
use mcpo2_core::{Error, ErrorKind, Request};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

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

/// What the requests of a link share, kept until the last of them ends.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) wire: Arc<Wire>,
    pub(super) head: Head,
    pub(super) kind: Kind,
    pub(super) mint: Mint,
    pub(super) questions: Questions,
    ended: Arc<AtomicBool>,
    doubted: AtomicBool,
    courier: mpsc::Sender<Bytes>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Session {
    /// A session, and the task that tells the module of its cancellations and its end.
    pub(super) fn new(
        wire: &Arc<Wire>,
        head: Head,
        kind: Kind,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let (courier, cancellations) = mpsc::channel(CANCELLATIONS);
        let ended = Arc::new(AtomicBool::new(false));
        if kind != Kind::Stateless {
            let end = End {
                wire: Arc::clone(wire),
                head: head.clone(),
                ended: Arc::clone(&ended),
            };
            tokio::spawn(end.after(cancellations));
        }
        Self {
            wire: Arc::clone(wire),
            head,
            kind,
            mint: Mint::new(kind == Kind::Shared),
            questions: Questions::default(),
            ended,
            doubted: AtomicBool::new(false),
            courier,
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

    pub(super) async fn close(&self) {
        let end = End {
            wire: Arc::clone(&self.wire),
            head: self.head.clone(),
            ended: Arc::clone(&self.ended),
        };
        end.tell().await;
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

/// The end of a session, which the module is told once.
struct End {
    wire: Arc<Wire>,
    head: Head,
    ended: Arc<AtomicBool>,
}

impl End {
    /// Tells of cancellations until the link is dropped, then of that.
    async fn after(self, mut cancellations: mpsc::Receiver<Bytes>) {
        while let Some(message) = cancellations.recv().await {
            let head = self.head.post(None, &ForwardHeaders::default());
            let pace = Pace::short(&self.wire.limits);
            if let Err(error) = self.wire.send(Method::POST, head, message, &pace).await {
                tracing::debug!(%error, "a cancellation did not reach the module");
            }
        }
        self.tell().await;
    }

    async fn tell(&self) {
        if self.ended.swap(true, Ordering::Relaxed) || !self.head.has_session() {
            return;
        }
        let (head, pace) = (self.head.delete(), Pace::short(&self.wire.limits));
        // A module may refuse to end sessions, and does not have to be there.
        if let Err(error) = self
            .wire
            .send(Method::DELETE, head, Bytes::new(), &pace)
            .await
        {
            tracing::debug!(%error, "the end of a session did not reach the module");
        }
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
            let told = self.session.courier.try_send(own::cancelled(self.out.id()));
            if told.is_err() {
                tracing::debug!("a cancellation is dropped, too many wait");
            }
        }
    }
}
