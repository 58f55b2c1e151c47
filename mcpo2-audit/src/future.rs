use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mcpo2_core::{Error, Reply};
use pin_project_lite::pin_project;

use crate::{Commit, Receipts, begun::Begun, frames, pending::Pending, receipt::Receipt};

pin_project! {
    /// The reply, and the record of it. Dropping it records that the call was cancelled.
    ///
    /// # Cancellation
    ///
    /// What was recorded stays.
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
            begun: Arc<Begun>,
            receipts: Receipts,
        },
        // The record is written, and the answer waits until it is safe.
        Committing {
            answer: Option<Result<Reply, Error>>,
            commit: Commit,
        },
        Refused { error: Option<Error> },
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn recorded(
        inner: F,
        pending: Pending,
        begun: Arc<Begun>,
        receipts: Receipts,
    ) -> Self {
        let pending = Some(pending);
        Self {
            state: State::Recorded {
                inner,
                pending,
                begun,
                receipts,
            },
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
        let mut this = self.project();
        loop {
            let (answer, commit) = match this.state.as_mut().project() {
                StateProjection::Recorded {
                    inner,
                    pending,
                    begun,
                    receipts,
                } => {
                    let result = ready!(inner.poll(cx));
                    let Some(pending) = pending.take() else {
                        return Poll::Ready(result);
                    };
                    let receipt = Receipt::of(begun, *receipts);
                    match frames::record(result, pending, receipt) {
                        (answer, None) => return Poll::Ready(answer),
                        (answer, Some(commit)) => (Some(answer), commit),
                    }
                }
                StateProjection::Committing { answer, commit } => {
                    let safe = ready!(Pin::new(commit).poll(cx));
                    return match (safe, answer.take()) {
                        // A denial is one, recorded or not.
                        (_, Some(Err(error))) => Poll::Ready(Err(error)),
                        (Ok(_), Some(answer)) => Poll::Ready(answer),
                        (Err(error), Some(_)) => Poll::Ready(Err(error.into())),
                        (_, None) => Poll::Pending,
                    };
                }
                StateProjection::Refused { error } => {
                    return match error.take() {
                        Some(error) => Poll::Ready(Err(error)),
                        // Polled after it was ready; the contract of `Future` allows to stay
                        // silent.
                        None => Poll::Pending,
                    };
                }
            };
            this.state.set(State::Committing { answer, commit });
        }
    }
}
