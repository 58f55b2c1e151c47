use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{Error, Reply, Routed};
use tower_service::Service;

use super::Passing;
use crate::{Artifacts, ResponseFuture};

/// Puts what references in the arguments of tools name in their place.
#[derive(Debug, Clone)]
pub struct ReferenceService<S> {
    inner: S,
    artifacts: Arc<Artifacts>,
    passing: Arc<Passing>,
}

impl<S> ReferenceService<S> {
    /// The service in front of `inner`.
    #[must_use]
    pub fn new(inner: S, artifacts: Arc<Artifacts>, passing: Arc<Passing>) -> Self {
        Self {
            inner,
            artifacts,
            passing,
        }
    }
}

impl<S> Service<Routed> for ReferenceService<S>
where
    S: Service<Routed, Response = Reply, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        let Some(wanted) = self.passing.wanted(&routed) else {
            return ResponseFuture::inner(self.inner.call(routed), None);
        };
        let artifacts = Arc::clone(&self.artifacts);
        let inner = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, inner);
        ResponseFuture::work(Box::pin(async move {
            let routed = wanted.put(&artifacts, routed).await?;
            ready.call(routed).await
        }))
    }
}
