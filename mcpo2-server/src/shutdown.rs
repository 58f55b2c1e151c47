use tokio_util::sync::CancellationToken;

/// The two steps in which a server stops: first what would never end by itself, then the rest.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    streams: CancellationToken,
    calls: CancellationToken,
}

impl Shutdown {
    /// Nothing stops yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends subscriptions and session streams, and lets no more calls begin. Those under way go on.
    pub fn drain(&self) {
        self.streams.cancel();
    }

    /// Ends the calls too.
    pub fn abort(&self) {
        self.streams.cancel();
        self.calls.cancel();
    }

    /// Whether it has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.streams.is_cancelled()
    }

    pub(crate) fn streams(&self) -> &CancellationToken {
        &self.streams
    }

    pub(crate) fn calls(&self) -> &CancellationToken {
        &self.calls
    }
}
