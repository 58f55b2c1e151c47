use std::sync::Arc;

use tower_layer::Layer;

use super::{Passing, ReferenceService};
use crate::Artifacts;

/// Puts what references in the arguments of tools name in their place, for modules that are to be
/// given it.
///
/// It stands below [`ArtifactLayer`](crate::ArtifactLayer). What was decided on is the reference;
/// the digest of what was passed is a [`Fact`](mcpo2_core::Fact) of the call.
#[derive(Debug, Clone)]
pub struct ReferenceLayer {
    artifacts: Arc<Artifacts>,
    passing: Arc<Passing>,
}

impl ReferenceLayer {
    /// A layer that reads from `artifacts`.
    #[must_use]
    pub fn new(artifacts: Arc<Artifacts>, passing: Arc<Passing>) -> Self {
        Self { artifacts, passing }
    }
}

impl<S> Layer<S> for ReferenceLayer {
    type Service = ReferenceService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReferenceService::new(
            inner,
            Arc::clone(&self.artifacts),
            Arc::clone(&self.passing),
        )
    }
}
