//! Connections to modules: what a transport has to be, and those that there are.
//!
//! A module is reached through an [`Upstream`], which opens a [`Link`] for each session of a
//! client, and one more, shared, for all calls that have no session. On every link the messages
//! stay the bytes that they were; only where many clients share one link are ids and progress
//! tokens replaced on the way in, and put back on the way out.

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "stdio")]
pub mod stdio;

pub mod line;

mod client;
pub(crate) mod fault;
pub(crate) mod mint;
mod noise;
pub(crate) mod own;
mod questions;
mod resumption;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use mcpo2_core::{Error, Frames, ProtocolVersion, Reply, Request};

pub use client::ClientInfo;
pub use noise::{Noise, NoiseCounter};
pub use resumption::Resumption;

/// How a module is reached.
///
/// Implementations are cheap to keep and connect on [`open`](Upstream::open).
#[async_trait]
pub trait Upstream: fmt::Debug + Send + Sync + 'static {
    /// Opens a link: for one session where there is a `hello`, for all calls without one where
    /// there is none.
    ///
    /// A link for a session speaks a revision with sessions if the module has one, and a link
    /// without speaks the stateless one if the module has it; else it speaks the other, as
    /// [`Link::version`] says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](mcpo2_core::ErrorKind::Unavailable) where the module cannot be
    /// reached, [`ErrorKind::Upstream`](mcpo2_core::ErrorKind::Upstream) where it does not speak
    /// the protocol. The text names no address; the source may.
    async fn open(&self, hello: Option<&Hello>) -> Result<Arc<dyn Link>, Error>;

    /// Opens the link of a session that another link had before, perhaps in another process.
    /// Where the module knows it no more, a new session begins.
    ///
    /// # Errors
    ///
    /// As [`open`](Upstream::open).
    async fn resume(&self, hello: &Hello, from: &Resumption) -> Result<Arc<dyn Link>, Error> {
        let _ = from;
        self.open(Some(hello)).await
    }

    /// Tells the module that a session has ended to which no link leads any more.
    async fn forget(&self, session: &Resumption) {
        let _ = session;
    }

    /// How much its links have counted that the module says to nobody, by kind. Nothing where they
    /// count nothing.
    fn noise(&self) -> Vec<(Noise, u64)> {
        Vec::new()
    }

    /// How many calls it has sent to a second address, since the first did not take them.
    fn second_tries(&self) -> u64 {
        0
    }
}

/// What a client said when its session began.
#[derive(Debug, Clone)]
pub struct Hello {
    params: Bytes,
    version: ProtocolVersion,
}

impl Hello {
    /// The `params` of its `initialize`, as JSON text, and the revision that they ask for.
    pub fn new(params: impl Into<Bytes>, version: ProtocolVersion) -> Self {
        Self {
            params: params.into(),
            version,
        }
    }

    /// The `params` of its `initialize`, as JSON text.
    #[must_use]
    pub fn params(&self) -> &Bytes {
        &self.params
    }

    /// The revision that the session speaks.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }
}

/// One connection to a module. Dropping the last handle ends it, as [`close`](Link::close) does.
#[async_trait]
pub trait Link: fmt::Debug + Send + Sync + 'static {
    /// The revision that was agreed on.
    fn version(&self) -> ProtocolVersion;

    /// What the module said of itself: the result of `initialize` or `server/discover`, as JSON
    /// text.
    fn server(&self) -> &Bytes;

    /// Whether the link still stands. One that does not is opened anew by its owner.
    fn is_open(&self) -> bool;

    /// Sends a request and gives the answer, complete or as a stream, with the id of the request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](mcpo2_core::ErrorKind::Unavailable),
    /// [`ErrorKind::Upstream`](mcpo2_core::ErrorKind::Upstream),
    /// [`ErrorKind::TimedOut`](mcpo2_core::ErrorKind::TimedOut) or
    /// [`ErrorKind::TooLarge`](mcpo2_core::ErrorKind::TooLarge). What the module itself answers,
    /// a JSON-RPC error included, is a reply.
    ///
    /// # Cancellation
    ///
    /// Dropping the future, or the stream of the reply, tells the module that the request is
    /// cancelled where the link is stateless or shared. On the link of a session it does not: a
    /// client may come back for the rest, and cancels by its own notification.
    async fn request(&self, request: &Request, headers: &ForwardHeaders) -> Result<Reply, Error>;

    /// Sends a notification, or the response to a request that the module made.
    ///
    /// # Errors
    ///
    /// As [`request`](Link::request).
    async fn send(&self, message: Bytes) -> Result<(), Error>;

    /// What the module says outside any request, from behind the event `after` where that is
    /// given. None where the module has no such stream.
    ///
    /// # Errors
    ///
    /// As [`request`](Link::request).
    async fn listen(&self, after: Option<&str>) -> Result<Option<Frames>, Error>;

    /// What another link needs to go on with the session of this one. None where the session
    /// ends with the link.
    fn resumption(&self) -> Option<Resumption> {
        None
    }

    /// Ends the link, and leaves its session to others where that can be.
    async fn release(&self) {
        self.close().await;
    }

    /// Ends the link, and tells the module so.
    async fn close(&self);
}

/// Headers of the client's request that go on to a module over HTTP: `Mcp-Param-*` and the trace
/// context, and nothing else.
#[derive(Debug, Clone, Default)]
pub struct ForwardHeaders(::http::HeaderMap);

impl ForwardHeaders {
    /// Picks from `headers` those that go on.
    #[must_use]
    pub fn pick(headers: &::http::HeaderMap) -> Self {
        let passes = |name: &str| {
            name.starts_with("mcp-param-") || matches!(name, "traceparent" | "tracestate")
        };
        Self(
            headers
                .iter()
                .filter(|(name, _)| passes(name.as_str()))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    /// The headers.
    #[must_use]
    pub fn as_map(&self) -> &::http::HeaderMap {
        &self.0
    }
}

/// How much a module may take, in time and in bytes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Calls at once; one more is refused.
    pub concurrency: usize,
    /// Failures in a row after which the module is asked no more for a while; 0 for never.
    pub eject_after: u32,
    /// Time to connect and shake hands.
    pub connect: Duration,
    /// Time without a byte of an answer.
    pub idle: Duration,
    /// Time for a whole answer, streams included, however much progress it makes.
    pub total: Duration,
    /// Bytes of one answer, streams included.
    pub response_bytes: usize,
    /// Links for sessions at once; one more is refused.
    pub sessions: usize,
    /// Calls at once of clients without sessions that a module with sessions may ask back. Each
    /// has a link to itself; one more waits for a while.
    pub exclusive: usize,
    /// Calls of one principal that wait at once until it answers what the module asked.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 256,
            eject_after: 5,
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
            response_bytes: 64 * 1024 * 1024,
            sessions: 1024,
            exclusive: 32,
            waiting: 16,
        }
    }
}
