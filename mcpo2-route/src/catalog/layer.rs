use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{Call, Error, Item, Method, Reply};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::Catalog;
use crate::upstream::ForwardHeaders;

/// Sees to it that the layers below know what the modules have, and that headers say the arguments
/// that they repeat: above those that classify and decide.
#[derive(Debug, Clone)]
pub struct CatalogLayer {
    catalog: Arc<Catalog>,
}

impl CatalogLayer {
    /// Keeps this catalog fresh.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog }
    }
}

impl<S> Layer<S> for CatalogLayer {
    type Service = CatalogService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CatalogService {
            inner,
            catalog: Arc::clone(&self.catalog),
        }
    }
}

/// Keeps a catalog fresh; made by [`CatalogLayer`].
#[derive(Debug, Clone)]
pub struct CatalogService<S> {
    inner: S,
    catalog: Arc<Catalog>,
}

impl<S> Service<Call> for CatalogService<S>
where
    S: Service<Call, Response = Reply, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let Some(item) = call.item() else {
            return ResponseFuture::sent(self.inner.call(call));
        };
        let awaited = self.catalog.refresh_for(item);
        if awaited.is_empty() {
            return match agree(&self.catalog, &call, item) {
                Ok(()) => ResponseFuture::sent(self.inner.call(call)),
                Err(error) => ResponseFuture::refused(error),
            };
        }
        let unready = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, unready);
        let catalog = Arc::clone(&self.catalog);
        ResponseFuture::later(async move {
            catalog.settle(awaited).await;
            if let Some(item) = call.item() {
                agree(&catalog, &call, item)?;
            }
            ready.call(call).await
        })
    }
}

pin_project! {
    /// The answer of the service below, once the catalog knows what it has to.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

type BoxReply = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

pin_project! {
    #[project = Projected]
    enum State<F> {
        Sent { #[pin] inner: F },
        Later { inner: BoxReply },
        Refused { error: Option<Error> },
    }
}

impl<F> ResponseFuture<F> {
    fn sent(inner: F) -> Self {
        let state = State::Sent { inner };
        Self { state }
    }

    fn later(inner: impl Future<Output = Result<Reply, Error>> + Send + 'static) -> Self {
        let inner = Box::pin(inner);
        let state = State::Later { inner };
        Self { state }
    }

    fn refused(error: Error) -> Self {
        let state = State::Refused { error: Some(error) };
        Self { state }
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for ResponseFuture<F> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projected::Sent { inner } => inner.poll(cx),
            Projected::Later { inner } => inner.as_mut().poll(cx),
            Projected::Refused { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

impl<F> fmt::Debug for State<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent { .. } => "Sent",
            Self::Later { .. } => "Later",
            Self::Refused { .. } => "Refused",
        })
    }
}

/// Since 2026-07-28 headers say some arguments too, and what they say is what the body says: those
/// on the way who read only headers take it for that. Where there are no headers, nothing is said.
fn agree(catalog: &Catalog, call: &Call, item: &Item) -> Result<(), Error> {
    if *call.method() != Method::ToolsCall || !call.version().is_stateless() {
        return Ok(());
    }
    let Some(headers) = call.extensions().get::<ForwardHeaders>() else {
        return Ok(());
    };
    match catalog.parameters(item) {
        Some(parameters) => parameters.check(headers, call.request().arguments()),
        None => Ok(()),
    }
}
