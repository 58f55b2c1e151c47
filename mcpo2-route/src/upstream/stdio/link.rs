use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use mcpo2_core::{Error, Frames, ProtocolVersion, Reply, Request};

use super::child::State;
use crate::upstream::{ForwardHeaders, Link, line::LineLink};

/// A link to a child, of which [`close`](Link::close) waits until it is gone.
pub(super) struct StdioLink {
    line: Arc<LineLink>,
    state: Arc<State>,
}

impl StdioLink {
    pub(super) fn new(line: Arc<LineLink>, state: Arc<State>) -> Self {
        Self { line, state }
    }

    /// Has the end of the child tell of the module. That of a session's child tells of its client
    /// as much.
    pub(super) fn counts(&self) {
        self.state.counts.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Link for StdioLink {
    fn version(&self) -> ProtocolVersion {
        self.line.version()
    }

    fn server(&self) -> &Bytes {
        self.line.server()
    }

    fn is_open(&self) -> bool {
        self.line.is_open()
    }

    async fn request(&self, request: &Request, headers: &ForwardHeaders) -> Result<Reply, Error> {
        self.line.request(request, headers).await
    }

    async fn send(&self, message: Bytes) -> Result<(), Error> {
        self.line.send(message).await
    }

    async fn listen(&self, after: Option<&str>) -> Result<Option<Frames>, Error> {
        self.line.listen(after).await
    }

    async fn close(&self) {
        self.line.close().await;
        // An error says that the runtime ends, and with it the task that would have told.
        let _ = self.state.ended.clone().wait_for(|ended| *ended).await;
    }
}

impl fmt::Debug for StdioLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line.fmt(f)
    }
}
