use mcpo2_core::Durability;
use tower_layer::Layer;

use crate::{AuditService, Ledger, Receipts};

/// Records every call in a ledger: what was asked, what the layers below found, how it ended.
///
/// It stands outermost, so that it sees all that the others say. An
/// [`IntentLayer`](crate::IntentLayer) below the router records calls before modules hear of them.
#[derive(Debug, Clone)]
pub struct AuditLayer {
    ledger: Ledger,
    settings: Settings,
}

/// What a service does beside recording.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    pub(crate) generation: Option<u64>,
    pub(crate) durability: Durability,
    pub(crate) receipts: Receipts,
}

impl AuditLayer {
    /// A layer that writes to this ledger.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        let settings = Settings::default();
        Self { ledger, settings }
    }

    /// Says in each record which generation of the configuration the call went through.
    #[must_use]
    pub fn with_generation(mut self, generation: u64) -> Self {
        self.settings.generation = Some(generation);
        self
    }

    /// The same, where a denial waits for its record unless this is [`Durability::Async`].
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }

    /// The same with receipts in replies, of calls whose intent was waited for.
    #[must_use]
    pub fn with_receipts(mut self, receipts: Receipts) -> Self {
        self.settings.receipts = receipts;
        self
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = AuditService<S>;

    fn layer(&self, inner: S) -> AuditService<S> {
        AuditService::new(inner, self.ledger.clone(), self.settings)
    }
}
