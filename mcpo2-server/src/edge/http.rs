//! The HTTP edge: Streamable HTTP of all revisions on one path.

mod artifact;
mod body;
mod era;
mod guard;
mod headers;
mod post;
mod remote;
mod session;
mod sse_pair;
mod streams;
mod upload;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::future::{join, join_all};
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use mcpo2_audit::Source;
use mcpo2_core::Principal;
use tokio::sync::{Semaphore, watch};

use super::{
    Edge,
    sessions::{Open, Reaped, Sessions},
};
use crate::{
    admission::Shed,
    app::Generation,
    refusal::Refusal,
    respond::{self, HttpBody},
    shutdown::Shutdown,
};

use self::{post::Post, sse_pair::Pairs};

pub(crate) use self::{
    artifact::uri as artifact_uri, guard::Guard, remote::Remote, sse_pair::Side, upload::Upload,
};

/// Answers HTTP requests for MCP.
#[derive(Clone)]
pub(crate) struct HttpEdge {
    edge: Edge,
    sessions: Sessions,
    pairs: Pairs,
    shutdown: Shutdown,
    /// Requests about uploads at once, each of which holds a block.
    uploads: Arc<Semaphore>,
}

/// How many requests about uploads are answered at once.
const UPLOADS: usize = 64;

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
    /// It took too long to come.
    Slow,
}

impl HttpEdge {
    pub(crate) fn new(edge: Edge, shutdown: Shutdown) -> Self {
        Self {
            edge,
            sessions: Sessions::default(),
            pairs: Pairs::default(),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            shutdown,
        }
    }

    /// What decides about a request that begins now.
    pub(crate) fn now(&self) -> Arc<Generation> {
        self.edge.now()
    }

    /// Answers one request from `remote`, as this generation decides.
    ///
    /// # Errors
    ///
    /// None: every fault has an answer.
    pub(crate) async fn handle<B>(
        &self,
        generation: &Generation,
        request: Request<B>,
        remote: &Remote,
    ) -> Result<Response<HttpBody>, Infallible>
    where
        B: http_body::Body<Data = bytes::Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let (parts, body) = request.into_parts();
        let source = remote.source(&parts.headers);
        let principal = match admit(generation, &parts, remote) {
            Ok(principal) => principal,
            Err(refusal) => return Ok(self.refuse(&refusal, source, None, 0)),
        };
        Ok(match parts.method {
            Method::POST => {
                let post = Post {
                    generation,
                    headers: &parts.headers,
                    principal,
                    source,
                };
                self.post(post, body).await
            }
            Method::GET => {
                let get = self.get(generation, &parts.headers, principal, source);
                Box::pin(get).await
            }
            Method::DELETE => {
                let delete = self.delete(generation, &parts.headers, principal, source);
                Box::pin(delete).await
            }
            _ => self.refuse(&not_allowed(), source, Some(&principal), 0),
        })
    }

    /// Records what never became a request.
    pub(crate) fn unread(&self, what: Unread, remote: &Remote) {
        let (status, reason) = match what {
            Unread::TooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
            ),
            Unread::NotHttp => (StatusCode::BAD_REQUEST, "not_http"),
            Unread::Slow => (StatusCode::REQUEST_TIMEOUT, "slow_headers"),
        };
        let refusal = Refusal::new(status, -32600, reason, reason);
        self.edge.refused(&refusal, remote.connection(), None, 0);
    }

    /// Counts a client that was cut off because it did not read. Its calls have their records.
    pub(crate) fn unread_answer(&self) {
        self.edge.gate().count(Shed::SlowReader);
    }

    /// Lets go of the sessions that nobody has used for long, and ends those whose time is up.
    pub(crate) async fn reap(&self) {
        let idle = self.now().config().http.sessions.idle;
        let Reaped { idle, expired } = self.sessions.reap(idle);
        for (action, reaped) in [("session_idle", &idle), ("session_expired", &expired)] {
            reaped
                .iter()
                .for_each(|open| self.edge.noted(action, &open.principal));
        }
        join(release(&idle), close(&expired)).await;
    }

    /// Looks at the memory and counts strangers, until it is dropped.
    pub(crate) async fn tend(&self) {
        tokio::join!(self.edge.gate().watch_memory(), self.edge.count_strangers());
    }

    /// Tells when another generation begins to serve.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.edge.changes()
    }

    /// Takes from sessions the links to modules that are not reached as they were.
    pub(crate) fn follow(&self) {
        let generation = self.now();
        for session in self.sessions.all() {
            session.follow(generation.registry());
        }
    }

    /// Ends all sessions here. Those that can go on elsewhere are left to whoever takes them up.
    pub(crate) async fn end_sessions(&self) {
        let all = self.sessions.drain();
        match self.now().keys().is_lasting() {
            true => release(&all).await,
            false => close(&all).await,
        }
    }

    pub(crate) fn open_sessions(&self) -> usize {
        self.sessions.len()
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

/// Who asks, where that is somebody and asks where we are.
fn admit(
    generation: &Generation,
    parts: &Parts,
    remote: &Remote,
) -> Result<Arc<Principal>, Refusal> {
    generation.guard().check(parts)?;
    generation
        .authenticator()
        .authenticate(&parts.headers, remote.peer(), SystemTime::now())
        .map_err(|error| {
            Refusal::new(error.status(), -32600, error.reason(), error.to_string())
                .with_header(header::WWW_AUTHENTICATE, error.www_authenticate().clone())
        })
}

async fn close(sessions: &[Open]) {
    join_all(sessions.iter().map(|open| open.session.close())).await;
}

async fn release(sessions: &[Open]) {
    join_all(sessions.iter().map(|open| open.session.release())).await;
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
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

/// A status and no more, for what is no JSON-RPC at all.
fn plain(status: StatusCode) -> Response<HttpBody> {
    respond::empty(status)
}
