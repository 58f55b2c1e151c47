use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use mcpo2_core::{Error, Reply};
use pin_project_lite::pin_project;

use crate::passed::Passed;

pin_project! {
    /// The reply, or why there is none now.
    #[derive(Debug)]
    pub struct RateFuture<F> {
        #[pin]
        passed: Passed<F>,
    }
}

impl<F> RateFuture<F> {
    pub(super) fn inner(future: F) -> Self {
        let passed = Passed::on(future);
        Self { passed }
    }

    pub(super) fn refused(error: Error) -> Self {
        let passed = Passed::refused(error);
        Self { passed }
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for RateFuture<F> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().passed.poll(cx)
    }
}
