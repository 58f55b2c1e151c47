use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mcpo2_core::{Durability, Error, ErrorKind, Method, Reply, Routed};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    Commit, Ledger,
    begun::{Begun, Intended},
};

/// Records each call before a module hears of it, and lets it on when that record is safe.
///
/// It stands right above what dispatches, below an [`AuditLayer`](crate::AuditLayer) of the same
/// ledger; without one it refuses all calls. After a crash, what was begun and has no outcome is
/// recorded as `unknown`: so no call reaches a module unrecorded.
#[derive(Debug, Clone)]
pub struct IntentLayer {
    ledger: Ledger,
    durability: Durability,
    reads: Durability,
}

impl IntentLayer {
    /// A layer that writes to this ledger, with [`Durability::Group`].
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            durability: Durability::default(),
            reads: Durability::default(),
        }
    }

    /// The same with this durability, for calls whose obligations say nothing stricter.
    #[must_use]
    pub fn with_durability(self, durability: Durability) -> Self {
        Self {
            durability,
            reads: durability,
            ..self
        }
    }

    /// The same with another one for methods that by the protocol only read: those of resources,
    /// prompts and completions.
    #[must_use]
    pub fn with_reads(self, reads: Durability) -> Self {
        Self { reads, ..self }
    }
}

impl<S> Layer<S> for IntentLayer {
    type Service = IntentService<S>;

    fn layer(&self, inner: S) -> IntentService<S> {
        IntentService {
            inner,
            layer: self.clone(),
        }
    }
}

/// Records calls before they go on: see [`IntentLayer`].
#[derive(Debug, Clone)]
pub struct IntentService<S> {
    inner: S,
    layer: IntentLayer,
}

impl<S> Service<Routed> for IntentService<S>
where
    S: Service<Routed, Response = Reply, Error = Error> + Clone,
{
    type Response = Reply;
    type Error = Error;
    type Future = IntentFuture<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Routed) -> Self::Future {
        let recorded = match call.target().facts() {
            Some(_) => self.layer.record(&call),
            // The gateway itself answers, and no module hears of it.
            None => Ok(None),
        };
        let state = match recorded {
            Ok(None) => State::Calling {
                inner: self.inner.call(call),
            },
            Ok(Some((commit, begun))) => {
                let clone = self.inner.clone();
                State::Waiting {
                    commit,
                    begun,
                    // The one that is ready, and not a clone, which may not be.
                    inner: mem::replace(&mut self.inner, clone),
                    call: Some(call),
                }
            }
            Err(error) => State::Refused { error: Some(error) },
        };
        IntentFuture { state }
    }
}

impl IntentLayer {
    /// Writes the record; what is to be waited for, if it is.
    fn record(&self, call: &Routed) -> Result<Option<(Commit, Arc<Begun>)>, Error> {
        let begun = call.call().extensions().get::<Arc<Begun>>();
        let begun =
            begun.ok_or_else(|| Error::new(ErrorKind::Internal, "the call is not audited"))?;
        let durability = self.durability(call);
        let place = self.ledger.reserve()?;
        let trail = call.call().trail();
        let commit = trail.read(|facts| {
            let intent = Intended {
                id: place.id(),
                facts: facts.len(),
                durability,
            };
            begun.intend(intent).then(|| {
                let facts = begun.public(&self.ledger, facts);
                let written = begun.before(place.stamp(), &facts);
                place.fill_call(&written, begun.person(), durability > Durability::Async)
            })
        });
        // A call that went to a module before has its intent.
        let commit = commit.flatten();
        Ok(commit.map(|commit| (commit, Arc::clone(begun))))
    }

    fn durability(&self, call: &Routed) -> Durability {
        let default = match call.call().method() {
            Method::ResourcesRead | Method::PromptsGet | Method::Complete => self.reads,
            _ => self.durability,
        };
        let owed = call.obligations().durability;
        owed.map_or(default, |owed| owed.max(default))
    }
}

pin_project! {
    /// The reply of a call whose intent is safe.
    ///
    /// # Cancellation
    ///
    /// Dropped before the intent is safe, the module never hears of the call.
    #[derive(Debug)]
    pub struct IntentFuture<S>
    where
        S: Service<Routed>,
    {
        #[pin]
        state: State<S, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<S, F> {
        Waiting {
            commit: Commit,
            begun: Arc<Begun>,
            inner: S,
            call: Option<Routed>,
        },
        Calling {
            #[pin]
            inner: F,
        },
        Refused {
            error: Option<Error>,
        },
    }
}

impl<S> Future for IntentFuture<S>
where
    S: Service<Routed, Response = Reply, Error = Error>,
{
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let inner = match this.state.as_mut().project() {
                StateProjection::Waiting {
                    commit,
                    begun,
                    inner,
                    call,
                } => {
                    let committed = match ready!(Pin::new(commit).poll(cx)) {
                        Ok(committed) => committed,
                        Err(error) => return Poll::Ready(Err(error.into())),
                    };
                    begun.commit(committed);
                    match call.take() {
                        Some(call) => inner.call(call),
                        None => return Poll::Pending,
                    }
                }
                StateProjection::Calling { inner } => return inner.poll(cx),
                StateProjection::Refused { error } => {
                    return error
                        .take()
                        .map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
                }
            };
            this.state.set(State::Calling { inner });
        }
    }
}
