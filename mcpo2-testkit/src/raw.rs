//! An upstream that speaks in fixed bytes and remembers the exact bytes it was sent.
//!
//! A typed server cannot show that a gateway loses nothing: it would lose it first. This one
//! answers from [`Canned`] bytes, and re-encodes nothing. It shares no parser with the code under
//! test.

mod canned;
mod log;
mod request;
mod respond;
mod stdio;
pub mod vendor;

use std::{future, io, net::SocketAddr, sync::Arc};

use axum::{Router, extract::State, response::Response, serve::ListenerExt as _};
use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::{
    net::TcpListener,
    sync::{broadcast, watch},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{canned::Body, log::Open};

pub use self::{
    canned::{Answer, Canned},
    log::{Log, Received},
    stdio::serve_stdio,
};

/// Above this a request's body is cut off, and the log shows it empty.
const MAX_BODY: usize = 64 << 20;
/// Messages that an open stream may lag behind.
const MESSAGES: usize = 256;

/// A running HTTP upstream on a free port of the loopback.
///
/// Dropping it stops it as a crash would: open streams break off.
#[derive(Debug)]
pub struct RawUpstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Shared {
    canned: Canned,
    log: watch::Sender<Log>,
    messages: broadcast::Sender<Bytes>,
    stopped: CancellationToken,
}

impl RawUpstream {
    /// Starts to answer from `canned`.
    ///
    /// # Errors
    ///
    /// If no port can be bound.
    pub async fn start(canned: Canned) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            canned,
            log: watch::Sender::default(),
            messages: broadcast::Sender::new(MESSAGES),
            stopped: CancellationToken::new(),
        });
        let router = Router::new().fallback(answer).with_state(shared.clone());
        // Without TCP_NODELAY the last segment of an answer waits for the client's delayed
        // acknowledgement.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
        });
        let stopped = shared.stopped.clone();
        tokio::spawn(
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped.clone().cancelled_owned())
                .into_future(),
        );
        Ok(Self {
            address,
            shared,
            _stop: stopped.drop_guard(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the endpoint. Any path is answered; what was asked for is in the log.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// What has been received so far.
    #[must_use]
    pub fn log(&self) -> Log {
        self.shared.log.borrow().clone()
    }

    /// Waits until the log is as wanted.
    pub async fn wait_for(&self, wanted: impl FnMut(&Log) -> bool) -> Log {
        let mut log = self.shared.log.subscribe();
        match log.wait_for(wanted).await {
            Ok(log) => log.clone(),
            // The sender lives as long as this upstream does.
            Err(_) => future::pending().await,
        }
    }

    /// Sends a message on each stream that is still open, and says on how many.
    ///
    /// `"$id"` in it becomes the id of the request that the stream answers.
    pub fn emit(&self, message: impl Into<Bytes>) -> usize {
        self.shared
            .messages
            .send(message.into())
            .unwrap_or_default()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request<axum::body::Body>) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY)
        .await
        .unwrap_or_default();
    let is_post = head.method == http::Method::POST;
    let request = request::Request::parse(&body).filter(|_| is_post);
    let refusal = request
        .as_ref()
        .and_then(|request| shared.canned.refusal(&head, request));
    shared.log.send_modify(|log| log.push(head, body));
    let Some(request) = request else {
        return respond::empty(match is_post {
            true => StatusCode::BAD_REQUEST,
            false => StatusCode::METHOD_NOT_ALLOWED,
        });
    };
    let Some(answer) = refusal.or_else(|| shared.canned.answer(&request)) else {
        return respond::empty(StatusCode::ACCEPTED);
    };
    let open = Open::new(shared.log.clone());
    if matches!(answer.body, Body::Never) {
        shared.stopped.cancelled().await;
        drop(open);
        return respond::empty(StatusCode::SERVICE_UNAVAILABLE);
    }
    respond::canned(&answer, &request, open, &shared)
}
