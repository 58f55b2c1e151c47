use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{Call, Error, Item, Method, Reply};
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
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let unready = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, unready);
        let catalog = Arc::clone(&self.catalog);
        Box::pin(async move {
            if let Some(item) = call.item() {
                catalog.refresh_for(item).await;
                agree(&catalog, &call, item)?;
            }
            ready.call(call).await
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
