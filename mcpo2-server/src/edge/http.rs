//! The HTTP edge: Streamable HTTP of all revisions on one path.

mod body;
mod era;
mod guard;
mod headers;
mod post;
mod streams;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::future::join_all;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use mcpo2_audit::Source;
use mcpo2_core::Principal;

use super::{
    Edge,
    sessions::{Open, Sessions},
};
use crate::{
    identity::{Authenticator, Peer, ProtectedResource},
    refusal::Refusal,
    respond::{self, HttpBody},
    shutdown::Shutdown,
};

pub(crate) use self::guard::Guard;

/// Answers HTTP requests for MCP.
#[derive(Clone)]
pub(crate) struct HttpEdge {
    edge: Edge,
    authenticator: Arc<Authenticator>,
    guard: Arc<Guard>,
    sessions: Sessions,
    limits: BodyLimits,
    shutdown: Shutdown,
}

/// How long and how large the body of a request may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

/// Why bytes on a connection never became a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unread {
    /// Its headers are too long.
    TooLarge,
    /// It is no HTTP.
    NotHttp,
}

impl HttpEdge {
    pub(crate) fn new(
        edge: Edge,
        authenticator: Arc<Authenticator>,
        guard: Guard,
        limits: BodyLimits,
        shutdown: Shutdown,
    ) -> Self {
        let sessions = Sessions::new(IDLE);
        Self {
            edge,
            authenticator,
            guard: Arc::new(guard),
            sessions,
            limits,
            shutdown,
        }
    }

    /// Answers one request from `peer`.
    ///
    /// # Errors
    ///
    /// None: every fault has an answer.
    pub(crate) async fn handle<B>(
        self,
        request: Request<B>,
        peer: SocketAddr,
    ) -> Result<Response<HttpBody>, Infallible>
    where
        B: http_body::Body<Data = bytes::Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let (parts, body) = request.into_parts();
        let source = source(&parts.headers, peer);
        let admitted = self
            .guard
            .check(&parts)
            .and_then(|()| self.identify(&parts.headers, peer));
        let principal = match admitted {
            Ok(principal) => principal,
            Err(refusal) => return Ok(self.refuse(&refusal, source, None, 0)),
        };
        Ok(match parts.method {
            Method::POST => self.post(&parts.headers, body, principal, source).await,
            Method::GET => self.get(&parts.headers, principal, source).await,
            Method::DELETE => self.delete(&parts.headers, principal, source).await,
            _ => self.refuse(&not_allowed(), source, Some(&principal), 0),
        })
    }

    /// Records what never became a request.
    pub(crate) fn unread(&self, what: Unread, peer: SocketAddr) {
        let (status, reason) = match what {
            Unread::TooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
            ),
            Unread::NotHttp => (StatusCode::BAD_REQUEST, "not_http"),
        };
        let refusal = Refusal::new(status, -32600, reason, reason);
        let source = Source::new("http").with_remote(peer.to_string());
        self.edge.refused(&refusal, source, None, 0);
    }

    /// Ends the sessions that nobody has used for long.
    pub(crate) async fn reap(&self) {
        let reaped = self.sessions.reap();
        reaped
            .iter()
            .for_each(|open| self.edge.noted("session_expired", &open.principal));
        close(reaped).await;
    }

    /// Ends all sessions.
    pub(crate) async fn end_sessions(&self) {
        close(self.sessions.end()).await;
    }

    pub(crate) fn open_sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Where callers find their identity provider.
    pub(crate) fn resource(&self) -> Option<&ProtectedResource> {
        self.authenticator.resource()
    }

    pub(crate) fn origins(&self) -> impl Iterator<Item = &str> {
        self.guard.origins()
    }

    fn identify(
        &self,
        headers: &http::HeaderMap,
        peer: SocketAddr,
    ) -> Result<Arc<Principal>, Refusal> {
        self.authenticator
            .authenticate(headers, Peer::from(peer.ip()), SystemTime::now())
            .map_err(|error| {
                Refusal::new(error.status(), -32600, error.reason(), error.to_string())
                    .with_header(header::WWW_AUTHENTICATE, error.www_authenticate().clone())
            })
    }

    fn refuse(
        &self,
        refusal: &Refusal,
        source: Source,
        principal: Option<&Principal>,
        bytes: usize,
    ) -> Response<HttpBody> {
        tracing::debug!(reason = refusal.reason(), "refused");
        self.edge.refused(refusal, source, principal, bytes);
        refusal.to_response()
    }
}

async fn close(sessions: Vec<Open>) {
    join_all(sessions.iter().map(|open| open.session.close())).await;
}

/// A session that nobody has used for this long is ended.
const IDLE: Duration = Duration::from_secs(30 * 60);

fn source(headers: &http::HeaderMap, peer: SocketAddr) -> Source {
    let source = Source::new("http").with_remote(peer.to_string());
    match headers.get("traceparent").map(HeaderValue::to_str) {
        Some(Ok(traceparent)) => source.with_traceparent(traceparent),
        Some(Err(_)) | None => source,
    }
}

fn not_allowed() -> Refusal {
    let allow = HeaderValue::from_static("POST, GET, DELETE");
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        -32600,
        "method_not_allowed",
        "method not allowed",
    )
    .with_header(header::ALLOW, allow)
}

impl std::fmt::Debug for HttpEdge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpEdge")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

/// A status and no more, for what is no JSON-RPC at all.
fn plain(status: StatusCode) -> Response<HttpBody> {
    respond::empty(status)
}
