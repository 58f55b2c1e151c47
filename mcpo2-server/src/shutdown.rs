use tokio_util::sync::CancellationToken;

/// The steps in which a server stops: it gives notice, ends what would never end by itself, and
/// then the rest.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    notice: CancellationToken,
    streams: CancellationToken,
    calls: CancellationToken,
}

impl Shutdown {
    /// Nothing stops yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that it is not ready, and otherwise goes on; it drains after `http.timeouts.notice`.
    pub fn leave(&self) {
        self.notice.cancel();
    }

    /// Ends subscriptions and session streams, and lets no more calls begin. Those under way go on.
    pub fn drain(&self) {
        self.notice.cancel();
        self.streams.cancel();
    }

    /// Ends the calls too.
    pub fn abort(&self) {
        self.drain();
        self.calls.cancel();
    }

    /// Whether it will drain, or does.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.notice.is_cancelled()
    }

    /// Whether no more calls begin.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.streams.is_cancelled()
    }

    pub(crate) fn notice(&self) -> &CancellationToken {
        &self.notice
    }

    pub(crate) fn streams(&self) -> &CancellationToken {
        &self.streams
    }

    pub(crate) fn calls(&self) -> &CancellationToken {
        &self.calls
    }
}
