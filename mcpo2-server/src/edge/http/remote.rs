use std::net::SocketAddr;

use http::{HeaderMap, HeaderValue};
use mcpo2_audit::Source;

use crate::identity::Peer;

/// The other side of a connection, in the words of the ledger: found once, for all its requests.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    address: SocketAddr,
    source: Source,
}

impl Remote {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            source: Source::new("http").with_remote(address.to_string()),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn peer(&self) -> Peer {
        Peer::from(self.address.ip())
    }

    /// Where the connection comes from.
    pub(super) fn connection(&self) -> Source {
        self.source.clone()
    }

    /// Where a request with these headers comes from.
    pub(super) fn source(&self, headers: &HeaderMap) -> Source {
        let source = self.connection();
        match headers.get("traceparent").map(HeaderValue::to_str) {
            Some(Ok(traceparent)) => source.with_traceparent(traceparent),
            Some(Err(_)) | None => source,
        }
    }
}
