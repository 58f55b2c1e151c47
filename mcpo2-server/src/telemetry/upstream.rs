use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use mcpo2_core::{Error, Reply, Routed};
use tower::Service;

use super::service::MetricsService;

/// Times what goes to modules.
impl<S> Service<Routed> for MetricsService<S>
where
    S: Service<Routed, Response = Reply, Error = Error>,
    S::Future: Send + 'static,
{
    type Response = Reply;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        let module = routed.target().facts().map(|facts| facts.module().clone());
        let method = routed.call().method().clone();
        let metrics = Arc::clone(&self.metrics);
        let began = Instant::now();
        let inner = self.inner.call(routed);
        Box::pin(async move {
            let result = inner.await;
            if let Some(module) = module {
                metrics.upstream(&method, &module, result.as_ref(), began.elapsed());
            }
            result
        })
    }
}
