//! What the upstream was sent.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, request::Parts};
use tokio::sync::watch;

/// Everything received, in the order of arrival.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Log {
    /// The requests.
    pub received: Vec<Received>,
    /// How many answers the client gave up before their end.
    pub abandoned: usize,
}

/// One HTTP request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Received {
    /// The HTTP method.
    pub method: Method,
    /// The request target.
    pub uri: Uri,
    /// The headers, names in lower case, values as sent.
    pub headers: HeaderMap,
    /// The body, as sent.
    pub body: Bytes,
}

impl Received {
    /// The value of a header, if there is one and it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The JSON-RPC method of the body, if there is one.
    #[must_use]
    pub fn rpc_method(&self) -> Option<String> {
        super::request::Request::parse(&self.body)?.method
    }
}

impl Log {
    /// The requests of one JSON-RPC method.
    pub fn of<'a>(&'a self, rpc_method: &'a str) -> impl Iterator<Item = &'a Received> {
        let is_it =
            move |received: &&Received| received.rpc_method().as_deref() == Some(rpc_method);
        self.received.iter().filter(is_it)
    }

    pub(super) fn push(&mut self, head: Parts, body: Bytes) {
        self.received.push(Received {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body,
        });
    }
}

/// An answer that has not ended: dropped before [`Open::end`], it counts as abandoned.
#[derive(Debug)]
pub(super) struct Open(Option<watch::Sender<Log>>);

impl Open {
    pub(super) fn new(log: watch::Sender<Log>) -> Self {
        Self(Some(log))
    }

    pub(super) fn end(&mut self) {
        self.0 = None;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(log) = &self.0 {
            log.send_modify(|log| log.abandoned = log.abandoned.saturating_add(1));
        }
    }
}
