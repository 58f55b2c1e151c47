use std::sync::Arc;

use tower_layer::Layer;

use mcpo2_core::Directory;

use crate::{ClassifyService, Rules, service::Engine};

/// Finds the family of each call.
#[derive(Debug, Clone)]
pub struct ClassifyLayer {
    engine: Arc<Engine>,
}

impl ClassifyLayer {
    /// A layer that knows these rules, and of no module.
    pub fn new(rules: impl Into<Arc<Rules>>) -> Self {
        let engine = Engine {
            rules: rules.into(),
            directory: Arc::new(()),
        };
        Self {
            engine: Arc::new(engine),
        }
    }

    /// The same layer, which asks this directory whom an item belongs to.
    #[must_use]
    pub fn with_directory(self, directory: Arc<dyn Directory>) -> Self {
        let engine = Engine {
            rules: Arc::clone(&self.engine.rules),
            directory,
        };
        Self {
            engine: Arc::new(engine),
        }
    }
}

impl<S> Layer<S> for ClassifyLayer {
    type Service = ClassifyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClassifyService::new(inner, Arc::clone(&self.engine))
    }
}
