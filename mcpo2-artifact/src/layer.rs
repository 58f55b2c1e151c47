use std::sync::Arc;

use mcpo2_core::ModuleId;
use tower_layer::Layer;

use crate::{ArtifactService, Artifacts};

/// Turns results over a threshold into references, and answers reads of these.
#[derive(Debug, Clone)]
pub struct ArtifactLayer {
    artifacts: Arc<Artifacts>,
    tools: Option<Arc<ModuleId>>,
}

impl ArtifactLayer {
    /// A layer that keeps results in `artifacts`.
    #[must_use]
    pub fn new(artifacts: Arc<Artifacts>) -> Self {
        Self {
            artifacts,
            tools: None,
        }
    }

    /// Answers also the calls to tools of this module, which lists [`TOOLS`](crate::TOOLS).
    #[must_use]
    pub fn with_tools(mut self, module: ModuleId) -> Self {
        self.tools = Some(Arc::new(module));
        self
    }
}

impl<S> Layer<S> for ArtifactLayer {
    type Service = ArtifactService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ArtifactService::new(inner, Arc::clone(&self.artifacts)).with_tools(self.tools.clone())
    }
}
