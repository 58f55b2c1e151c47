//! The transport of 2024-11-05, deprecated since: what the gateway says comes on one stream, and
//! what it is told comes by POST to the address that the stream names first.
//!
//! That is a pair of pipes, so the stdio edge serves what comes through.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Method, Request, Response, StatusCode, request::Parts};
use mcpo2_audit::Source;
use mcpo2_core::{Digest, Frame, Frames, Message, Principal};
use mcpo2_route::upstream::line::LineDecoder;
use tokio::{
    io::{AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex, split},
    time::timeout,
};
use tokio_util::{codec::FramedRead, sync::DropGuard};

use super::{HttpEdge, Remote, admit, body, headers::accepts, not_allowed, plain};
use crate::{
    admission::StreamPlace,
    app::Generation,
    edge::stdio,
    refusal::Refusal,
    respond::{self, HttpBody},
};

/// Bytes between the wire and the edge.
const BETWEEN: usize = 64 * 1024;

/// Which of the two a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The stream.
    Stream,
    /// What is told.
    Messages,
}

impl Side {
    /// The side that a path is, where the transport is served at all.
    pub(crate) fn of(generation: &Generation, path: &str) -> Option<Self> {
        let is_served = generation.config().http.sessions.sse_2024_11_05;
        match path {
            "/sse" if is_served => Some(Self::Stream),
            MESSAGES if is_served => Some(Self::Messages),
            _ => None,
        }
    }
}

const MESSAGES: &str = "/messages";

/// The streams that are open, by the ids that their clients name them by.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairs(Arc<Mutex<HashMap<Box<str>, Pair>>>);

/// One who listens, and where what it says goes.
#[derive(Debug, Clone)]
struct Pair {
    owner: Digest,
    input: Arc<tokio::sync::Mutex<WriteHalf<DuplexStream>>>,
}

impl Pairs {
    fn find(&self, id: &str, principal: &Principal) -> Option<Pair> {
        let pair = self.lock().get(id).cloned()?;
        (pair.owner == principal.binding()).then_some(pair)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Pair>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that is open. Dropped, it ends its session.
struct Open {
    pairs: Pairs,
    id: Box<str>,
    _ends: DropGuard,
    _place: StreamPlace,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.pairs.lock().remove(&self.id);
    }
}

impl HttpEdge {
    /// Answers a request to one side of the pair, as this generation decides.
    pub(crate) async fn handle_pair<B>(
        &self,
        generation: &Generation,
        side: Side,
        request: Request<B>,
        remote: &Remote,
    ) -> Response<HttpBody>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let (parts, body) = request.into_parts();
        let source = remote.source(&parts.headers);
        let principal = match admit(generation, &parts, remote) {
            Ok(principal) => principal,
            Err(refusal) => return self.refuse(&refusal, source, None, 0),
        };
        let answer = match (side, &parts.method) {
            (Side::Stream, &Method::GET) => {
                let limit = generation.body_limits().bytes;
                self.pair(&parts, (&principal, source.clone()), limit)
            }
            (Side::Messages, &Method::POST) => {
                self.message(generation, &parts, body, &principal).await
            }
            _ => Err(not_allowed()),
        };
        answer.unwrap_or_else(|refusal| self.refuse(&refusal, source, Some(&principal), 0))
    }

    /// Opens a stream, which says first where its client speaks.
    fn pair(
        &self,
        parts: &Parts,
        (principal, source): (&Arc<Principal>, Source),
        limit: usize,
    ) -> Result<Response<HttpBody>, Refusal> {
        if !accepts(&parts.headers, "text/event-stream") {
            let message = "`Accept` must let text/event-stream through";
            return Err(Refusal::new(
                StatusCode::NOT_ACCEPTABLE,
                -32600,
                "not_acceptable",
                message,
            ));
        }
        if self.shutdown.is_draining() {
            return Err(super::post::draining());
        }
        let place = self.edge.gate().stream(principal).map_err(Refusal::shed)?;
        let id = random().ok_or_else(|| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Refusal::new(status, -32603, "no_session_id", "internal error")
        })?;
        let (theirs, ours) = duplex(BETWEEN);
        let (says, input) = split(theirs);
        let closing = self.shutdown.streams().child_token();
        let caller = (Arc::clone(principal), source);
        let serving = stdio::serve(
            self.edge.clone(),
            caller,
            split(ours),
            limit,
            closing.clone(),
        );
        tokio::spawn(serving);
        let pair = Pair {
            owner: principal.binding(),
            input: Arc::new(tokio::sync::Mutex::new(input)),
        };
        self.pairs.lock().insert(id.clone(), pair);
        let named = format!("{MESSAGES}?sessionId={id}");
        let open = Open {
            pairs: self.pairs.clone(),
            id,
            _ends: closing.clone().drop_guard(),
            _place: place,
        };
        let frames = frames(says, open);
        Ok(respond::events_after(("endpoint", &named), frames, closing))
    }

    /// Takes a message for the stream that its address names.
    async fn message<B>(
        &self,
        generation: &Generation,
        parts: &Parts,
        body: B,
        principal: &Principal,
    ) -> Result<Response<HttpBody>, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let pair = session_id(parts).and_then(|id| self.pairs.find(id, principal));
        let Some(pair) = pair else {
            let status = StatusCode::NOT_FOUND;
            return Err(Refusal::new(
                status,
                -32600,
                "session_unknown",
                "session not found",
            ));
        };
        let limits = generation.body_limits();
        let _reading = self.edge.gate().admits_body().map_err(Refusal::shed)?;
        let bytes = body::read(body, limits).await?;
        // A message that is none is answered here, where who sent it looks.
        Message::parse(bytes.clone()).map_err(|error| Refusal::parse(&error))?;
        let mut line: Vec<u8> = bytes.to_vec();
        // Line breaks stand between tokens only, where a space means the same.
        line.iter_mut()
            .filter(|byte| matches!(byte, b'\n' | b'\r'))
            .for_each(|byte| *byte = b' ');
        line.push(b'\n');
        let told = async { pair.input.lock().await.write_all(&line).await };
        match timeout(limits.time, told).await {
            Ok(Ok(())) => Ok(plain(StatusCode::ACCEPTED)),
            Ok(Err(_)) | Err(_) => Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                respond::UNAVAILABLE,
                "session_busy",
                "the session takes no more messages",
            )),
        }
    }
}

/// What the edge says, as long as somebody listens.
fn frames(says: ReadHalf<DuplexStream>, open: Open) -> Frames {
    let lines = FramedRead::new(says, LineDecoder::new(usize::MAX));
    Frames::new(lines.filter_map(move |line| {
        let _ = &open;
        std::future::ready(line.ok().map(|line| Ok(Frame::new(line))))
    }))
}

fn session_id(parts: &Parts) -> Option<&str> {
    let mut pairs = parts.uri.query()?.split('&');
    pairs.find_map(|pair| pair.strip_prefix("sessionId="))
}

fn random() -> Option<Box<str>> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(hex.into())
}
