use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{Error, Fact, Permitted, Reply, Routed};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::Router;

/// Sends permitted calls to a target; made by [`RouteLayer`](crate::RouteLayer).
#[derive(Debug, Clone)]
pub struct RouteService<S> {
    inner: S,
    router: Arc<Router>,
}

impl<S> RouteService<S> {
    pub(crate) fn new(inner: S, router: Arc<Router>) -> Self {
        Self { inner, router }
    }
}

impl<S> Service<Permitted> for RouteService<S>
where
    S: Service<Routed, Response = Reply, Error = Error>,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, permitted: Permitted) -> Self::Future {
        let plan = self.router.plan(permitted.call());
        permitted
            .call()
            .trail()
            .record(Fact::Routed(plan.explanation));
        match plan.target {
            Ok(target) => ResponseFuture::Sent {
                inner: self.inner.call(permitted.route(target)),
            },
            Err(error) => ResponseFuture::Refused { error: Some(error) },
        }
    }
}

pin_project! {
    /// The answer of the service below, or why the call went nowhere.
    #[project = Projected]
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    #[allow(missing_docs, reason = "the fields are the macro's")]
    pub enum ResponseFuture<F> {
        /// It went on.
        Sent { #[pin] inner: F },
        /// It went nowhere.
        Refused { error: Option<Error> },
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for ResponseFuture<F> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Sent { inner } => inner.poll(cx),
            Projected::Refused { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}
