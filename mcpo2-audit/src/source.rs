use std::{borrow::Cow, sync::Arc};

use crate::text::trace_id;

/// Where a message came from: an edge puts it into a call's extensions, or into a
/// [`Reject`](crate::Reject).
///
/// ```
/// use mcpo2_audit::Source;
/// let source = Source::new("http").with_remote("192.0.2.7:50112");
/// assert_eq!(source.transport(), "http");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    transport: Cow<'static, str>,
    remote: Option<Arc<str>>,
    trace: Option<Arc<str>>,
}

impl Source {
    /// A transport by its label, such as `http` or `stdio`.
    pub fn new(transport: impl Into<Cow<'static, str>>) -> Self {
        Self {
            transport: transport.into(),
            remote: None,
            trace: None,
        }
    }

    /// The same with the address of the peer.
    #[must_use]
    pub fn with_remote(mut self, remote: impl Into<Arc<str>>) -> Self {
        self.remote = Some(remote.into());
        self
    }

    /// The same with the trace of a W3C `traceparent`; one that is malformed counts as none.
    #[must_use]
    pub fn with_traceparent(mut self, traceparent: &str) -> Self {
        self.trace = trace_id(traceparent).map(Arc::from);
        self
    }

    /// The label of the transport.
    #[must_use]
    pub fn transport(&self) -> &str {
        &self.transport
    }

    /// The address of the peer.
    #[must_use]
    pub fn remote(&self) -> Option<&str> {
        self.remote.as_deref()
    }

    /// The id of the trace.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        self.trace.as_deref()
    }

    pub(crate) fn into_transport(self) -> Cow<'static, str> {
        self.transport
    }

    pub(crate) fn shared_trace(&self) -> Option<&Arc<str>> {
        self.trace.as_ref()
    }
}
