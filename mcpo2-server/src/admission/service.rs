use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{StreamExt as _, stream};
use mcpo2_core::{Body, Call, Error, Frames, Reply};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::{
    Gate,
    gate::Entry,
    place::{Held, Place},
};

/// Lets calls in as the [`Gate`] says. It stands below the ledger, which so knows what was
/// refused, and costs no allocation where a place is free.
#[derive(Debug, Clone)]
pub(crate) struct AdmissionLayer {
    gate: Gate,
}

impl AdmissionLayer {
    pub(crate) fn new(gate: Gate) -> Self {
        Self { gate }
    }
}

impl<S> Layer<S> for AdmissionLayer {
    type Service = AdmissionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AdmissionService {
            inner,
            gate: self.gate.clone(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct AdmissionService<S> {
    inner: S,
    gate: Gate,
}

impl<S> Service<Call> for AdmissionService<S>
where
    S: Service<Call, Response = Reply, Error = Error> + Clone,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let state = match self.gate.enter(&call) {
            Ok(Entry::Now(held)) => State::Running {
                reply: self.inner.call(call),
                held,
            },
            Ok(Entry::Later(waiting)) => {
                // The one that is ready is kept, and a clone of it takes its place.
                let clone = self.inner.clone();
                State::Waiting {
                    place: Box::pin(waiting.place()),
                    then: Some((mem::replace(&mut self.inner, clone), call)),
                }
            }
            Err(error) => State::Refused { error: Some(error) },
        };
        ResponseFuture { state }
    }
}

type BoxPlace = Pin<Box<dyn Future<Output = Result<Place, Error>> + Send>>;

pin_project! {
    /// The reply, and the place of the call while there is none. Dropping it gives the place back.
    pub(crate) struct ResponseFuture<S, F> {
        #[pin]
        state: State<S, F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F> {
        Waiting { place: BoxPlace, then: Option<(S, Call)> },
        // INVARIANT: the call is dropped before its place is given to the next.
        Running { #[pin] reply: F, held: Held },
        Refused { error: Option<Error> },
    }
}

impl<S, F> Future for ResponseFuture<S, F>
where
    S: Service<Call, Response = Reply, Error = Error, Future = F>,
    F: Future<Output = Result<Reply, Error>>,
{
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let running = match state.as_mut().project() {
                StateProjection::Waiting { place, then } => {
                    let place = ready!(place.as_mut().poll(cx))?;
                    let Some((mut service, call)) = then.take() else {
                        return Poll::Pending;
                    };
                    State::Running {
                        reply: service.call(call),
                        held: Held::Place(place),
                    }
                }
                StateProjection::Running { reply, held } => {
                    let reply = ready!(reply.poll(cx));
                    let held = mem::replace(held, Held::Nothing);
                    return Poll::Ready(reply.map(|reply| hold(reply, held)));
                }
                StateProjection::Refused { error } => {
                    return match error.take() {
                        Some(error) => Poll::Ready(Err(error)),
                        // Polled after it was ready; the contract of `Future` allows to stay silent.
                        None => Poll::Pending,
                    };
                }
            };
            state.set(running);
        }
    }
}

/// A stream keeps what its call held until it ends or is dropped.
fn hold(reply: Reply, held: Held) -> Reply {
    reply.map_body(|body| match body {
        Body::Stream(frames) => {
            let state = (frames, held);
            Body::Stream(Frames::new(stream::unfold(
                state,
                |(mut frames, held)| async {
                    let frame = frames.next().await?;
                    Some((frame, (frames, held)))
                },
            )))
        }
        other => other,
    })
}
