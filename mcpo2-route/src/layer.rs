use std::sync::Arc;

use tower_layer::Layer;

use crate::{RouteService, Router};

/// Sends permitted calls to a target: `Permitted` in, `Routed` to the service below.
#[derive(Debug, Clone)]
pub struct RouteLayer {
    router: Arc<Router>,
}

impl RouteLayer {
    /// Routes as `router` says.
    pub fn new(router: impl Into<Arc<Router>>) -> Self {
        Self {
            router: router.into(),
        }
    }
}

impl<S> Layer<S> for RouteLayer {
    type Service = RouteService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RouteService::new(inner, Arc::clone(&self.router))
    }
}
