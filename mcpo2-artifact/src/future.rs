use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mcpo2_core::{Error, Reply};
use pin_project_lite::pin_project;

use crate::offload::{Offload, Replied};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pin_project! {
    /// The reply of the inner service with a long result kept, or what an artifact was read as.
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Inner { #[pin] future: F, offload: Option<Offload> },
        Work { work: BoxFuture<Result<Reply, Error>> },
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn inner(future: F, offload: Option<Offload>) -> Self {
        let state = State::Inner { future, offload };
        Self { state }
    }

    pub(crate) fn work(work: BoxFuture<Result<Reply, Error>>) -> Self {
        let state = State::Work { work };
        Self { state }
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for ResponseFuture<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            let work = match this.state.as_mut().project() {
                StateProj::Work { work } => return work.as_mut().poll(cx),
                StateProj::Inner { future, offload } => {
                    let reply = ready!(future.poll(cx))?;
                    let Some(offload) = offload.take() else {
                        return Poll::Ready(Ok(reply));
                    };
                    match offload.reply(reply) {
                        Replied::Now(reply) => return Poll::Ready(Ok(reply)),
                        Replied::Later(work) => work,
                    }
                }
            };
            this.state.set(State::Work { work });
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
