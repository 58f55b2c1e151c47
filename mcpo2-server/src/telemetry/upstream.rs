use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use mcpo2_core::{Error, Method, ModuleId, Reply, Routed};
use tower::Service;

use super::{
    Metrics,
    service::{Ends, MetricsService, ResponseFuture},
};

/// Times what goes to modules.
impl<S> Service<Routed> for MetricsService<S>
where
    S: Service<Routed, Response = Reply, Error = Error>,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S::Future, Asked>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        let asked = Asked {
            module: routed.target().facts().map(|facts| facts.module().clone()),
            method: routed.call().method().clone(),
            metrics: Arc::clone(&self.metrics),
            began: Instant::now(),
        };
        ResponseFuture::new(self.inner.call(routed), asked)
    }
}

/// One request on its way to a module, if it goes to one.
#[derive(Debug)]
pub(crate) struct Asked {
    module: Option<ModuleId>,
    method: Method,
    metrics: Arc<Metrics>,
    began: Instant,
}

impl Ends for Asked {
    fn end(&mut self, result: Result<&Reply, &Error>) {
        if let Some(module) = &self.module {
            let took = self.began.elapsed();
            self.metrics.upstream(&self.method, module, result, took);
        }
    }
}
