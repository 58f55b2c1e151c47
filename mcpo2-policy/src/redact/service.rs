use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{Error, Reply, Routed};
use tower_service::Service;

use super::{RedactFuture, layer::Parts, redaction::Redaction};

/// Blots out of replies what the obligations of their calls name; a call without such an
/// obligation passes as it is.
#[derive(Clone)]
pub struct RedactService<S> {
    inner: S,
    parts: Arc<Parts>,
}

impl<S> RedactService<S> {
    pub(super) fn new(inner: S, parts: Arc<Parts>) -> Self {
        Self { inner, parts }
    }
}

impl<S> Service<Routed> for RedactService<S>
where
    S: Service<Routed, Response = Reply, Error = Error>,
{
    type Response = Reply;
    type Error = Error;
    type Future = RedactFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        match Redaction::of(&routed, &self.parts) {
            Ok(redaction) => RedactFuture::inner(self.inner.call(routed), redaction),
            Err(error) => RedactFuture::rejected(error),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for RedactService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
