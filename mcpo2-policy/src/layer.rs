use std::{fmt, sync::Arc};

use mcpo2_core::Directory;
use tower_layer::Layer;

use crate::{Authorize, PolicyService, filter::Seen};

/// Puts a policy before what must not see a call that nobody allowed.
#[derive(Clone)]
pub struct PolicyLayer(Arc<Parts>);

/// What decides, and what knows the modules.
pub(crate) struct Parts {
    pub(crate) engine: Arc<dyn Authorize>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) seen: Seen,
}

impl PolicyLayer {
    /// A layer in which `engine` decides, and nobody knows which module an item belongs to.
    #[must_use]
    pub fn new(engine: Arc<impl Authorize>) -> Self {
        Self(Arc::new(Parts {
            engine,
            directory: Arc::new(()),
            seen: Seen::default(),
        }))
    }

    /// The same, where `directory` says which module an item belongs to.
    #[must_use]
    pub fn with_directory(self, directory: Arc<dyn Directory>) -> Self {
        Self(Arc::new(Parts {
            engine: Arc::clone(&self.0.engine),
            directory,
            seen: Seen::default(),
        }))
    }
}

impl<S> Layer<S> for PolicyLayer {
    type Service = PolicyService<S>;

    fn layer(&self, inner: S) -> PolicyService<S> {
        PolicyService::new(inner, Arc::clone(&self.0))
    }
}

impl fmt::Debug for PolicyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicyLayer").field(&self.0).finish()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("digest", &self.engine.digest())
            .finish_non_exhaustive()
    }
}
