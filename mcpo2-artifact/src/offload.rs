use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use mcpo2_core::{
    Body, Error, ErrorKind, Fact, Frame, Frames, Message, Method, Offloaded, Principal,
    ProtocolVersion, Reply, Response, Routed, Trail,
};

use crate::{
    Artifacts,
    future::BoxFuture,
    object::position,
    preview::preview,
    respond::{Members, Substitute},
};

/// What is needed to turn the result of one call into a reference.
#[derive(Debug, Clone)]
pub(crate) struct Offload {
    artifacts: Arc<Artifacts>,
    principal: Arc<Principal>,
    trail: Trail,
    tool: Box<str>,
    version: ProtocolVersion,
    threshold: usize,
}

/// A reply that was looked at.
pub(crate) enum Replied {
    /// It is not too long, or a stream, whose response comes later.
    Now(Reply),
    /// Its result has to be kept first.
    Later(BoxFuture<Result<Reply, Error>>),
}

impl Offload {
    /// None for a call whose results stay as they are, however long.
    pub(crate) fn of(artifacts: &Arc<Artifacts>, routed: &Routed) -> Option<Self> {
        let call = routed.call();
        let threshold = artifacts.threshold(routed.obligations().max_result_bytes)?;
        if *call.method() != Method::ToolsCall {
            return None;
        }
        Some(Self {
            artifacts: Arc::clone(artifacts),
            principal: Arc::clone(call.principal()),
            trail: call.trail().clone(),
            tool: call.item().map_or("", |item| item.name()).into(),
            version: call.version(),
            threshold: position(threshold.get()),
        })
    }

    /// The reply, its result a reference where it is too long.
    pub(crate) fn reply(self, reply: Reply) -> Replied {
        match reply.body() {
            Body::Complete(message) if self.is_long(message) => {
                let message = message.clone();
                Replied::Later(Box::pin(async move {
                    let message = self.message(message).await?;
                    Ok(reply.map_body(|_| Body::Complete(message)))
                }))
            }
            Body::Stream(_) => Replied::Now(reply.map_body(|body| match body {
                Body::Stream(frames) => Body::Stream(Frames::new(Watched {
                    frames,
                    offload: self,
                    pending: None,
                })),
                other => other,
            })),
            Body::Complete(_) | Body::Empty => Replied::Now(reply),
        }
    }

    fn is_long(&self, message: &Bytes) -> bool {
        message.len() > self.threshold
    }

    async fn message(&self, message: Bytes) -> Result<Bytes, Error> {
        match Message::parse(message.clone()) {
            Ok(Message::Response(response)) => self.response(&response).await,
            Ok(Message::Request(_)) => Ok(message),
            Err(error) => Err(broken().with_source(error)),
        }
    }

    async fn response(&self, response: &Response) -> Result<Bytes, Error> {
        let Some(result) = response.result_json() else {
            return Ok(response.bytes().clone());
        };
        let result = std::str::from_utf8(result).map_err(|error| broken().with_source(error))?;
        let members: Members<'_> =
            serde_json::from_str(result).map_err(|error| broken().with_source(error))?;
        if members.is_interim() {
            return Ok(response.bytes().clone());
        }
        let stored = self.artifacts.keep(&self.principal, result).await?;
        let preview_bytes = position(self.artifacts.preview_bytes()).min(self.threshold);
        let substitute = Substitute {
            stored: &stored,
            preview: preview(result, preview_bytes, &stored),
            tool: &self.tool,
            version: self.version,
        };
        let content = substitute.content().map_err(|error| {
            Error::new(ErrorKind::Internal, "internal error").with_source(error)
        })?;
        let result = members.with_content(&content, preview_bytes, self.threshold);
        tracing::debug!(tool = %self.tool, bytes = stored.size, digest = %stored.digest, "offloaded");
        self.trail.record(Fact::Offloaded(Offloaded {
            digest: stored.digest,
            bytes: stored.size,
        }));
        Ok(response.with_result(result.as_bytes()))
    }
}

fn broken() -> Error {
    Error::new(ErrorKind::Upstream, "the module broke the protocol")
}

/// A stream in which the response becomes a reference where it is too long. One frame is held.
struct Watched {
    frames: Frames,
    offload: Offload,
    pending: Option<(Frame, BoxFuture<Result<Bytes, Error>>)>,
}

impl Stream for Watched {
    type Item = Result<Frame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some((_, work)) = &mut this.pending {
                let message = ready!(work.as_mut().poll(cx));
                let frame = this.pending.take().map(|(frame, _)| frame);
                return Poll::Ready(frame.map(|frame| Ok(frame.with_data(message?))));
            }
            match ready!(Pin::new(&mut this.frames).poll_next(cx)) {
                Some(Ok(frame)) if this.offload.is_long(frame.data()) => {
                    let (offload, message) = (this.offload.clone(), frame.data().clone());
                    let work = Box::pin(async move { offload.message(message).await });
                    this.pending = Some((frame, work));
                }
                other => return Poll::Ready(other),
            }
        }
    }
}
