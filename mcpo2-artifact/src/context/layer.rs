use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{Contexts, Inline, ManifestService, Run, Workspaces};
use crate::select::{Estimator, Tokenizer};

/// Gives calls that name a workspace the parts of its files that their task needs, for modules that
/// may have it.
///
/// It stands below every layer that takes the platform's keys out of `_meta`, and once in a stack:
/// it takes away what another above it gave. What was decided on is the call as it came; the root of
/// the manifest and the digest of what was given are a [`Fact`](mcpo2_core::Fact) of the call.
#[derive(Clone)]
pub struct ManifestLayer(Arc<Engine>);

/// What packs are made with.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) workspaces: Arc<dyn Workspaces>,
    pub(super) contexts: Arc<Contexts>,
    pub(super) tokenizer: Arc<dyn Tokenizer + Send + Sync>,
    pub(super) run: Arc<dyn Run>,
}

impl ManifestLayer {
    /// A layer that gives what these contexts allow of these workspaces. Tokens are estimated, and
    /// selecting runs [`Inline`], unless it is told otherwise.
    #[must_use]
    pub fn new(workspaces: Arc<dyn Workspaces>, contexts: Arc<Contexts>) -> Self {
        Self(Arc::new(Engine {
            workspaces,
            contexts,
            tokenizer: Arc::new(Estimator),
            run: Arc::new(Inline),
        }))
    }

    /// Counts tokens by this.
    #[must_use]
    pub fn with_tokenizer(mut self, tokenizer: Arc<dyn Tokenizer + Send + Sync>) -> Self {
        Arc::make_mut(&mut self.0).tokenizer = tokenizer;
        self
    }

    /// Has this run what keeps a processor busy.
    #[must_use]
    pub fn running_on(mut self, run: Arc<dyn Run>) -> Self {
        Arc::make_mut(&mut self.0).run = run;
        self
    }
}

impl<S> Layer<S> for ManifestLayer {
    type Service = ManifestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ManifestService::new(inner, Arc::clone(&self.0))
    }
}

impl fmt::Debug for ManifestLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManifestLayer").field(&self.0).finish()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("workspaces", &self.workspaces)
            .field("contexts", &self.contexts)
            .field("tokenizer", &self.tokenizer.name())
            .field("run", &self.run)
            .finish()
    }
}
