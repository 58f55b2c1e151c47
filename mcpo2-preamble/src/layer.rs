use std::sync::Arc;

use tower_layer::Layer;

use crate::{PreambleService, Profiles};

/// Puts the preamble that the platform chose into calls of modules.
#[derive(Debug, Clone)]
pub struct PreambleLayer {
    profiles: Arc<Profiles>,
}

impl PreambleLayer {
    /// A layer that chooses from these profiles.
    #[must_use]
    pub fn new(profiles: Arc<Profiles>) -> Self {
        Self { profiles }
    }
}

impl<S> Layer<S> for PreambleLayer {
    type Service = PreambleService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PreambleService::new(inner, Arc::clone(&self.profiles))
    }
}
