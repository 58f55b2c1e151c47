use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use mcpo2_core::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, duplex, split},
    time::timeout,
};
use tokio_util::{codec::FramedRead, task::AbortOnDropHandle};

use super::{
    dial::Resolve,
    endpoint::Endpoint,
    head::{EVENTS, is_type},
    sse::{SseDecoder, SseEvent},
    wire::{Body, Pace, Wire},
};
use crate::upstream::{
    ClientInfo, Hello, fault,
    line::{LineDecoder, LineLink, one_line},
};

/// Bytes between the wire and the link.
const BETWEEN: usize = 64 * 1024;

/// How the modules of 2024-11-05 are reached: what they say comes on one stream, and what they are
/// told goes to an address that the stream names first.
///
/// That is a pair of pipes, so a [`LineLink`] does the rest.
#[derive(Debug)]
pub(super) struct Pair {
    endpoint: Endpoint,
    resolver: Arc<dyn Resolve>,
}

impl Pair {
    pub(super) fn new(endpoint: Endpoint, resolver: Arc<dyn Resolve>) -> Self {
        Self { endpoint, resolver }
    }

    /// Opens a link, which ends when the stream does.
    pub(super) async fn open(
        &self,
        wire: &Wire,
        hello: Option<&Hello>,
        client: &ClientInfo,
        guard: impl Send + 'static,
    ) -> Result<Arc<LineLink>, Error> {
        let limits = wire.limits.clone();
        let opening = timeout(limits.connect, Incoming::open(wire));
        let (incoming, reference) = opening.await.map_err(fault::unavailable)??;
        // Our credentials go to the module's own place and nowhere else.
        let endpoint = self.endpoint.named(&reference).map_err(fault::protocol)?;
        let outgoing = Wire::new(endpoint, Arc::clone(&self.resolver), limits.clone());
        let outgoing = outgoing.map_err(fault::protocol)?;
        let (ours, theirs) = duplex(BETWEEN);
        let (told, says) = split(theirs);
        let carrying = tokio::spawn(async move {
            // Where one of the two ends, the link does.
            tokio::select! {
                () = incoming.carry(says) => {}
                () = carry(&outgoing, told) => {}
            }
        });
        let guard = (AbortOnDropHandle::new(carrying), guard);
        let (reader, writer) = split(ours);
        let terms = (client, limits, Arc::clone(&wire.noise));
        LineLink::join((reader, writer, guard), hello, terms).await
    }
}

/// The stream of what the module says.
struct Incoming {
    body: Body,
    decoder: SseDecoder,
    waiting: VecDeque<SseEvent>,
}

impl Incoming {
    /// The stream, and the address that it names first.
    async fn open(wire: &Wire) -> Result<(Self, Box<str>), Error> {
        let pace = Pace::short(&wire.limits);
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(EVENTS));
        let response = wire.send(Method::GET, headers, Bytes::new(), &pace).await?;
        if response.status() != StatusCode::OK || !is_type(response.headers(), EVENTS) {
            let source = format!("HTTP status {}, and no stream", response.status());
            return Err(fault::protocol(source));
        }
        let mut incoming = Self {
            body: Body {
                content: response.into_body(),
                pace: pace.endless(),
                left: usize::MAX,
            },
            decoder: SseDecoder::new(wire.limits.response_bytes),
            waiting: VecDeque::new(),
        };
        while let Some(event) = incoming.next().await? {
            if let Some(reference) = event.endpoint {
                return Ok((incoming, reference));
            }
        }
        Err(fault::protocol("the stream names no endpoint"))
    }

    async fn next(&mut self) -> Result<Option<SseEvent>, Error> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            self.body.left = usize::MAX;
            match self.body.chunk().await? {
                Some(chunk) => {
                    let events = self.decoder.push(&chunk).map_err(fault::too_large)?;
                    self.waiting.extend(events);
                }
                None => return Ok(None),
            }
        }
    }

    /// Carries messages to the link until there are no more.
    async fn carry(mut self, mut to: impl AsyncWrite + Unpin) {
        loop {
            let event = match self.next().await {
                Ok(Some(event)) => event,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(error = %error.chain(), "the stream of a module broke");
                    return;
                }
            };
            if event.data.is_empty() {
                continue;
            }
            let line = one_line(&event.data);
            if to.write_all(&line).await.is_err() || to.write_all(b"\n").await.is_err() {
                return;
            }
        }
    }
}

/// Carries messages of the link to the module until one cannot be.
async fn carry(wire: &Wire, from: impl AsyncRead + Unpin) {
    let mut lines = FramedRead::new(from, LineDecoder::new(usize::MAX));
    while let Some(Ok(line)) = lines.next().await {
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let pace = Pace::short(&wire.limits);
        match wire.send(Method::POST, headers, line, &pace).await {
            Ok(response) if response.status().is_success() => {}
            // It may refuse what it does not know, the probe of another revision above all.
            Ok(response) if response.status() == StatusCode::BAD_REQUEST => {
                tracing::debug!("a module refused a message");
            }
            Ok(response) => {
                tracing::warn!(status = %response.status(), "a module takes no more messages");
                return;
            }
            Err(error) => {
                tracing::warn!(error = %error.chain(), "a message did not reach a module");
                return;
            }
        }
    }
}
