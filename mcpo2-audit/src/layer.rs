use tower_layer::Layer;

use crate::{AuditService, Ledger};

/// Records every call in a ledger: what was asked, what the layers below found, how it ended.
///
/// It stands outermost, so that it sees all that the others say.
#[derive(Debug, Clone)]
pub struct AuditLayer {
    ledger: Ledger,
    generation: Option<u64>,
}

impl AuditLayer {
    /// A layer that writes to this ledger.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            generation: None,
        }
    }

    /// Says in each record which generation of the configuration the call went through.
    #[must_use]
    pub fn with_generation(self, generation: u64) -> Self {
        Self {
            generation: Some(generation),
            ..self
        }
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = AuditService<S>;

    fn layer(&self, inner: S) -> AuditService<S> {
        AuditService::new(inner, self.ledger.clone(), self.generation)
    }
}
