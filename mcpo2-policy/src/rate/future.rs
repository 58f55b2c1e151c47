use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use mcpo2_core::{Error, ErrorKind, Reply};
use pin_project_lite::pin_project;

pin_project! {
    /// The reply, or why there is none now.
    #[derive(Debug)]
    pub struct RateFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProj]
    enum State<F> {
        Inner { #[pin] future: F },
        Refused { error: Option<Error> },
    }
}

impl<F> RateFuture<F> {
    pub(super) fn inner(future: F) -> Self {
        let state = State::Inner { future };
        Self { state }
    }

    pub(super) fn refused(error: Error) -> Self {
        let state = State::Refused { error: Some(error) };
        Self { state }
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for RateFuture<F> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Inner { future } => future.poll(cx),
            StateProj::Refused { error } => Poll::Ready(Err(error
                .take()
                .unwrap_or_else(|| Error::new(ErrorKind::Internal, "internal error")))),
        }
    }
}
