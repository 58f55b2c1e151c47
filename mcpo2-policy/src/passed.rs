use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use mcpo2_core::{Error, ErrorKind, Reply};
use pin_project_lite::pin_project;

pin_project! {
    /// The answer to a call that was passed on, or why it was not.
    #[derive(Debug)]
    #[project = PassedProj]
    pub(crate) enum Passed<F> {
        On { #[pin] future: F },
        Refused { error: Option<Error> },
    }
}

impl<F> Passed<F> {
    pub(crate) fn on(future: F) -> Self {
        Self::On { future }
    }

    pub(crate) fn refused(error: Error) -> Self {
        Self::Refused { error: Some(error) }
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for Passed<F> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            PassedProj::On { future } => future.poll(cx),
            // Who polls again after the end has only himself to blame, but no panic.
            PassedProj::Refused { error } => Poll::Ready(Err(error
                .take()
                .unwrap_or_else(|| Error::new(ErrorKind::Internal, "internal error")))),
        }
    }
}
