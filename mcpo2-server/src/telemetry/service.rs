use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use mcpo2_core::{Call, Error, Method, Reply, Trail};
use pin_project_lite::pin_project;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::gauge::ConstGauge,
};
use tower::{Layer, Service};

use super::Metrics;

/// Counts and times calls, and above what dispatches the requests to modules.
#[derive(Debug, Clone)]
pub(crate) struct MetricsLayer {
    metrics: Arc<Metrics>,
}

impl MetricsLayer {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = MetricsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MetricsService {
            inner,
            metrics: Arc::clone(&self.metrics),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct MetricsService<S> {
    pub(super) inner: S,
    pub(super) metrics: Arc<Metrics>,
}

impl<S> Service<Call> for MetricsService<S>
where
    S: Service<Call, Response = Reply, Error = Error>,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S::Future, Timing>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        self.metrics.begin();
        let timing = Timing {
            metrics: Some(Arc::clone(&self.metrics)),
            method: call.method().clone(),
            trail: call.trail().clone(),
            began: Instant::now(),
        };
        ResponseFuture::new(self.inner.call(call), timing)
    }
}

/// What is under way, and hears how it ends.
pub(crate) trait Ends {
    fn end(&mut self, result: Result<&Reply, &Error>);
}

pin_project! {
    /// The reply, of whose end somebody hears.
    #[derive(Debug)]
    pub(crate) struct ResponseFuture<F, E> {
        #[pin]
        inner: F,
        ends: E,
    }
}

impl<F, E> ResponseFuture<F, E> {
    pub(super) fn new(inner: F, ends: E) -> Self {
        Self { inner, ends }
    }
}

impl<F, E> Future for ResponseFuture<F, E>
where
    F: Future<Output = Result<Reply, Error>>,
    E: Ends,
{
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        this.ends.end(result.as_ref());
        Poll::Ready(result)
    }
}

/// One call under way: ended, or cancelled when dropped before.
#[derive(Debug)]
pub(crate) struct Timing {
    metrics: Option<Arc<Metrics>>,
    method: Method,
    trail: Trail,
    began: Instant,
}

impl Ends for Timing {
    fn end(&mut self, result: Result<&Reply, &Error>) {
        if let Some(metrics) = self.metrics.take() {
            let took = self.began.elapsed();
            self.trail
                .read(|facts| metrics.end(&self.method, result, facts, took));
        }
    }
}

impl Drop for Timing {
    fn drop(&mut self) {
        if let Some(metrics) = self.metrics.take() {
            metrics.cancelled();
        }
    }
}

/// A number that is read when the metrics are.
pub(super) struct Watched<F> {
    name: &'static str,
    help: &'static str,
    read: F,
}

impl<F> Watched<F> {
    pub(super) fn new(name: &'static str, help: &'static str, read: F) -> Self {
        Self { name, help, read }
    }
}

impl<F> fmt::Debug for Watched<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<F: Fn() -> i64 + Send + Sync + 'static> Collector for Watched<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let gauge = ConstGauge::new((self.read)());
        let encoder = encoder.encode_descriptor(self.name, self.help, None, gauge.metric_type())?;
        gauge.encode(encoder)
    }
}
