use std::sync::Arc;

use tower_layer::Layer;

use crate::{ArtifactService, Artifacts};

/// Turns results over a threshold into references, and answers reads of these.
#[derive(Debug, Clone)]
pub struct ArtifactLayer {
    artifacts: Arc<Artifacts>,
}

impl ArtifactLayer {
    /// A layer that keeps results in `artifacts`.
    #[must_use]
    pub fn new(artifacts: Arc<Artifacts>) -> Self {
        Self { artifacts }
    }
}

impl<S> Layer<S> for ArtifactLayer {
    type Service = ArtifactService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ArtifactService::new(inner, Arc::clone(&self.artifacts))
    }
}
