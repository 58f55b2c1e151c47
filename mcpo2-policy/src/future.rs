use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mcpo2_core::{Error, ErrorKind, Reply};
use pin_project_lite::pin_project;

use crate::filter::Filter;

pin_project! {
    /// The reply to a call that was decided on.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProj]
    enum State<F> {
        Inner { #[pin] future: F, filter: Option<Filter> },
        Rejected { error: Option<Error> },
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn inner(future: F, filter: Option<Filter>) -> Self {
        Self {
            state: State::Inner { future, filter },
        }
    }

    pub(crate) fn rejected(error: Error) -> Self {
        Self {
            state: State::Rejected { error: Some(error) },
        }
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for ResponseFuture<F> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Inner { future, filter } => {
                let reply = ready!(future.poll(cx))?;
                Poll::Ready(match filter.take() {
                    Some(filter) => filter.reply(reply),
                    None => Ok(reply),
                })
            }
            // Who polls again after the end has only himself to blame, but no panic.
            StateProj::Rejected { error } => Poll::Ready(Err(error
                .take()
                .unwrap_or_else(|| Error::new(ErrorKind::Internal, "internal error")))),
        }
    }
}
