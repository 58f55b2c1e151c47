use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mcpo2_core::{Error, Reply};
use pin_project_lite::pin_project;

use crate::{filter::Filter, passed::Passed};

pin_project! {
    /// The reply to a call that was decided on.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        passed: Passed<F>,
        filter: Option<Filter>,
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn inner(future: F, filter: Option<Filter>) -> Self {
        let passed = Passed::on(future);
        Self { passed, filter }
    }

    pub(crate) fn rejected(error: Error) -> Self {
        Self {
            passed: Passed::refused(error),
            filter: None,
        }
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for ResponseFuture<F> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let reply = ready!(this.passed.poll(cx))?;
        Poll::Ready(match this.filter.take() {
            Some(filter) => filter.reply(reply),
            None => Ok(reply),
        })
    }
}
