use std::{fmt, future::poll_fn, sync::Arc};

use futures_util::StreamExt;
use rmcp::{
    Peer, RoleServer,
    model::{ErrorData, Extensions, ServerConfig, ServerNotification, Tool},
    service::{NotificationContext, RequestContext, SubscriptionSink},
};
use serde::Serialize;
use tower_service::Service;

use mcpo2_core::{Body, Call, Error, Frame, Message, Principal, ProtocolVersion, Reply, Request};

use crate::{Downstream, error::to_client, wire};

mod methods;

/// A stack of layers as an rmcp `ServerHandler`, for hosts that are built on rmcp.
///
/// Every request and notification, the handshake included, becomes a [`Call`] and goes through the
/// stack; what the stack says is the answer. It is a `ServerHandler`, so it runs wherever one does:
/// on stdio, or in rmcp's `StreamableHttpService`.
///
/// rmcp's models are lossy: a field or a content type that they do not know is gone before the
/// stack sees the call, and numbers beyond 64 bits are rounded. The stack governs what the handler
/// will see, which is what the models hold.
#[derive(Clone)]
pub struct Governed<S> {
    stack: S,
    info: ServerConfig,
    identify: Arc<dyn Identify>,
    tool: Option<Arc<ToolSource>>,
}

type ToolSource = dyn Fn(&str) -> Option<Tool> + Send + Sync;

/// Says who calls, by what the transport attached to a request.
///
/// Over HTTP that is `http::request::Parts`, with what the host's own layers put into them. Nobody
/// is answered who is not known: for a server that is open to all, say so with an anonymous
/// [`Principal`].
pub trait Identify: Send + Sync + 'static {
    /// The caller, if it is known.
    fn identify(&self, extensions: &Extensions) -> Option<Principal>;
}

impl<F: Fn(&Extensions) -> Option<Principal> + Send + Sync + 'static> Identify for F {
    fn identify(&self, extensions: &Extensions) -> Option<Principal> {
        self(extensions)
    }
}

impl<S> Governed<S> {
    /// A server of this description, whose requests go through `stack`.
    pub fn new(stack: S, info: ServerConfig, identify: impl Identify) -> Self {
        Self {
            stack,
            info,
            identify: Arc::new(identify),
            tool: None,
        }
    }

    /// The same, where rmcp may look up the schema of a tool to check `Mcp-Param-*` headers by.
    #[must_use]
    pub fn with_tools(
        mut self,
        tool: impl Fn(&str) -> Option<Tool> + Send + Sync + 'static,
    ) -> Self {
        self.tool = Some(Arc::new(tool));
        self
    }
}

impl<S> fmt::Debug for Governed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Governed").finish_non_exhaustive()
    }
}

impl<S> Governed<S>
where
    S: Service<Call, Response = Reply, Error = Error> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    /// Sends a request through the stack; gives the JSON text of its result.
    async fn run(
        &self,
        method: &str,
        params: impl Serialize,
        context: RequestContext<RoleServer>,
        to: Listener,
    ) -> Result<Vec<u8>, ErrorData> {
        let request = wire::request(method, Some(&context.id), params, &context.meta)?;
        let principal = self.principal(&context.extensions)?;
        let version = match context.meta.protocol_version() {
            Some(own) => own.as_str().parse().unwrap_or(ProtocolVersion::LATEST),
            None => of_session(&context.peer),
        };
        let cancelled = context.ct.clone();
        let mut call = Call::new(request, principal).with_version(version);
        call.extensions_mut().insert(Downstream::request(context));
        tokio::select! {
            biased;
            // rmcp only tells, and we drop: that stops the work below.
            () = cancelled.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
            answer = self.answer(call, to) => answer,
        }
    }

    /// Sends a notification through the stack.
    async fn notify(
        &self,
        method: &str,
        params: impl Serialize,
        context: NotificationContext<RoleServer>,
    ) {
        let sent = async {
            let request = wire::request(method, None, params, &context.meta)?;
            let principal = self.principal(&context.extensions)?;
            let version = of_session(&context.peer);
            let mut call = Call::new(request, principal).with_version(version);
            call.extensions_mut()
                .insert(Downstream::notification(context));
            self.call(call)
                .await
                .map_err(|error| to_client(&error, None))
        };
        if let Err(error) = sent.await {
            tracing::debug!(method, %error, "a notification was refused");
        }
    }

    fn principal(&self, extensions: &Extensions) -> Result<Principal, ErrorData> {
        let unknown = || ErrorData::invalid_request("authentication required", None);
        self.identify.identify(extensions).ok_or_else(unknown)
    }

    async fn call(&self, call: Call) -> Result<Reply, Error> {
        let mut stack = self.stack.clone();
        poll_fn(|cx| stack.poll_ready(cx)).await?;
        stack.call(call).await
    }

    async fn answer(&self, call: Call, to: Listener) -> Result<Vec<u8>, ErrorData> {
        let item = call.item().cloned();
        let refused = |error: Error| to_client(&error, item.as_ref());
        let ended = || ErrorData::internal_error("the answer ended too early", None);
        match self.call(call).await.map_err(refused)?.into_body() {
            Body::Empty => Err(ended()),
            Body::Complete(bytes) => result(&Frame::new(bytes), &to).await.ok_or_else(ended)?,
            Body::Stream(mut frames) => {
                while let Some(frame) = frames.next().await {
                    if let Some(result) = result(&frame.map_err(refused)?, &to).await {
                        return result;
                    }
                }
                Err(ended())
            }
        }
    }
}

/// The revision of a session. In `initialize` a client may ask for one that has no sessions, or
/// that nobody knows; it is answered in the newest that has them.
fn of_session(peer: &Peer<RoleServer>) -> ProtocolVersion {
    let newest = ProtocolVersion::LATEST_SESSION;
    let info = peer.peer_info();
    let asked = info.and_then(|info| info.protocol_version.as_str().parse().ok());
    asked.unwrap_or(newest).min(newest)
}

/// Whom the notifications of a reply are for.
enum Listener {
    Client(Peer<RoleServer>),
    Subscription(SubscriptionSink),
}

impl Listener {
    async fn hear(&self, notification: &Request) {
        let Ok(notification) = wire::decode_request::<ServerNotification>(notification) else {
            return;
        };
        // One that cannot be sent is lost; the request goes on.
        match self {
            Self::Client(peer) => drop(peer.send_notification(notification).await),
            Self::Subscription(sink) => drop(sink.send(notification).await),
        }
    }
}

/// The result, where a frame is one; what else it says goes to the listener.
async fn result(frame: &Frame, to: &Listener) -> Option<Result<Vec<u8>, ErrorData>> {
    if frame.data().is_empty() {
        return None;
    }
    match Message::parse(frame.data().clone()) {
        Ok(Message::Response(response)) => {
            let result = match (response.result_json(), response.error_json()) {
                (Some(result), _) => Ok(result.to_vec()),
                (None, error) => {
                    let error = wire::decode::<ErrorData>(error.unwrap_or_default());
                    Err(error.unwrap_or_else(|unreadable| unreadable))
                }
            };
            Some(result)
        }
        Ok(Message::Request(request)) if request.id().is_none() => {
            to.hear(&request).await;
            None
        }
        Ok(Message::Request(request)) => {
            tracing::warn!(method = %request.method(), "nobody here answers a module's question");
            None
        }
        Err(error) => Some(Err(ErrorData::internal_error(error.to_string(), None))),
    }
}
