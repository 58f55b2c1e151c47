use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mcpo2_core::{Error, Reply};
use pin_project_lite::pin_project;

use crate::{frames, pending::Pending};

pin_project! {
    /// The reply, and the record of it. Dropping it records that the call was cancelled.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F> {
        Recorded {
            // INVARIANT: before `pending`, so that when both are dropped, what the inner layers
            // find on their own drop is in the record.
            #[pin]
            inner: F,
            pending: Option<Pending>,
        },
        Refused { error: Option<Error> },
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn recorded(inner: F, pending: Pending) -> Self {
        let pending = Some(pending);
        Self {
            state: State::Recorded { inner, pending },
        }
    }

    pub(crate) fn refused(error: Error) -> Self {
        let error = Some(error);
        Self {
            state: State::Refused { error },
        }
    }
}

impl<F> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Reply, Error>>,
{
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Recorded { inner, pending } => {
                let result = ready!(inner.poll(cx));
                Poll::Ready(match pending.take() {
                    Some(pending) => frames::record(result, pending),
                    None => result,
                })
            }
            StateProjection::Refused { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                // Polled after it was ready; the contract of `Future` allows to stay silent.
                None => Poll::Pending,
            },
        }
    }
}
