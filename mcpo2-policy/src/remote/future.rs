use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use mcpo2_core::{Error, Reply};
use pin_project_lite::pin_project;

use crate::ResponseFuture;

/// What is asked of a remote engine, and then of the inner service.
pub(super) type Asking = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

pin_project! {
    /// The reply to a call that was decided on here, or here and elsewhere.
    ///
    /// # Cancellation
    ///
    /// Dropping it stops the question to the remote engine; the inner service is not called then.
    pub struct RemoteResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Local { #[pin] future: ResponseFuture<F> },
        Asking { future: Asking },
    }
}

impl<F> RemoteResponseFuture<F> {
    pub(super) fn local(future: ResponseFuture<F>) -> Self {
        Self {
            state: State::Local { future },
        }
    }

    pub(super) fn asking(future: Asking) -> Self {
        Self {
            state: State::Asking { future },
        }
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for RemoteResponseFuture<F> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Local { future } => future.poll(cx),
            StateProj::Asking { future } => future.as_mut().poll(cx),
        }
    }
}

impl<F> fmt::Debug for RemoteResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteResponseFuture")
            .finish_non_exhaustive()
    }
}
