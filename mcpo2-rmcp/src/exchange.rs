//! One request at a handler: what it says on the way, and its result.

use std::{
    convert::Infallible,
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use rmcp::{
    Peer, RoleServer, ServerHandler,
    model::{
        ClientJsonRpcMessage, ErrorData, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
        ServerRequest, ServerResult,
    },
    service::{RunningService, ServiceError},
    transport::Transport,
};
use tokio::sync::mpsc;
use tokio_util::sync::DropGuard;

use mcpo2_core::{Error, Frame, Id};

use crate::wire;

/// How many messages of a handler wait to be read before it has to.
const BACKLOG: usize = 16;

type Handling = BoxFuture<'static, Result<ServerResult, ErrorData>>;

/// What a handler says while it works on one request, and then its result, as a stream.
///
/// The handler runs only while this is polled, and stops when it is dropped.
pub(crate) struct Exchange<H: ServerHandler> {
    id: Id,
    /// None once it has ended.
    handling: Option<Handling>,
    /// The result, until it is given out behind all that was said before.
    result: Option<Bytes>,
    pipe: Pipe,
    downstream: Option<Peer<RoleServer>>,
    asked: FuturesUnordered<BoxFuture<'static, ClientJsonRpcMessage>>,
    _running: RunningService<RoleServer, Arc<H>>,
    _cancel: DropGuard,
}

impl<H: ServerHandler> Exchange<H> {
    pub(crate) fn new(
        id: Id,
        handling: Handling,
        (pipe, running): (Pipe, RunningService<RoleServer, Arc<H>>),
        downstream: Option<Peer<RoleServer>>,
        cancel: DropGuard,
    ) -> Self {
        Self {
            id,
            handling: Some(handling),
            result: None,
            pipe,
            downstream,
            asked: FuturesUnordered::new(),
            _running: running,
            _cancel: cancel,
        }
    }

    /// Whether the result has been given out.
    pub(crate) fn is_done(&self) -> bool {
        self.handling.is_none() && self.result.is_none()
    }

    /// Asks the client what the handler asks: it has the only line to it.
    fn ask(&mut self, id: RequestId, request: ServerRequest) {
        let Some(peer) = self.downstream.clone() else {
            let error = ErrorData::invalid_request("the client cannot be asked here", None);
            self.asked
                .push(Box::pin(ready(JsonRpcMessage::error(error, Some(id)))));
            return;
        };
        self.asked.push(Box::pin(async move {
            match peer.send_request(request).await {
                Ok(result) => JsonRpcMessage::response(result, id),
                Err(ServiceError::McpError(error)) => JsonRpcMessage::error(error, Some(id)),
                Err(error) => {
                    let error = ErrorData::internal_error(error.to_string(), None);
                    JsonRpcMessage::error(error, Some(id))
                }
            }
        }));
    }

    fn said(&mut self, message: ServerJsonRpcMessage) -> Option<Frame> {
        match message {
            JsonRpcMessage::Notification(_) => serde_json::to_vec(&message).ok().map(Frame::new),
            JsonRpcMessage::Request(asked) => {
                self.ask(asked.id, asked.request);
                None
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => None,
        }
    }
}

impl<H: ServerHandler> Stream for Exchange<H> {
    type Item = Result<Frame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            // A notification is in the pipe before the handler that awaits it goes on, so what it
            // said stands in front of its result.
            let said = match self.pipe.said.try_recv() {
                Ok(message) => Some(message),
                Err(_) if self.handling.is_none() => None,
                Err(_) => match self.pipe.said.poll_recv(cx) {
                    Poll::Ready(message) => message,
                    Poll::Pending => None,
                },
            };
            if let Some(message) = said {
                if let Some(frame) = self.said(message) {
                    return Poll::Ready(Some(Ok(frame)));
                }
                continue;
            }
            if let Some(result) = self.result.take() {
                return Poll::Ready(Some(Ok(Frame::new(result))));
            }
            if let Poll::Ready(Some(answer)) = self.asked.poll_next_unpin(cx) {
                self.pipe.hear(answer);
                continue;
            }
            let Some(handling) = &mut self.handling else {
                return Poll::Ready(None);
            };
            match handling.as_mut().poll(cx) {
                Poll::Ready(result) => {
                    self.handling = None;
                    self.result = Some(wire::response(&self.id, result));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Our end of a transport that exists for one request.
pub(crate) struct Pipe {
    said: mpsc::Receiver<ServerJsonRpcMessage>,
    heard: mpsc::UnboundedSender<ClientJsonRpcMessage>,
}

impl Pipe {
    /// Our end, and the handler's.
    pub(crate) fn new() -> (Self, PipeTransport) {
        let (say, said) = mpsc::channel(BACKLOG);
        let (heard, hear) = mpsc::unbounded_channel();
        (Self { said, heard }, PipeTransport { say, hear })
    }

    /// Lets the handler hear a message: at most one for each that it asked.
    pub(crate) fn hear(&self, message: ClientJsonRpcMessage) {
        // A handler that is gone needs no answer.
        let _ = self.heard.send(message);
    }
}

/// The handler's end.
pub(crate) struct PipeTransport {
    say: mpsc::Sender<ServerJsonRpcMessage>,
    hear: mpsc::UnboundedReceiver<ClientJsonRpcMessage>,
}

impl Transport<RoleServer> for PipeTransport {
    type Error = Infallible;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Infallible>> + Send + 'static {
        let say = self.say.clone();
        async move {
            // Nobody listens once the request has ended.
            let _ = say.send(message).await;
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.hear.recv().await
    }

    async fn close(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
