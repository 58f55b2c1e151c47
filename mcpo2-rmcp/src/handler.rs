use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{StreamExt, stream};
use rmcp::{
    ServerHandler,
    model::{
        ClientCapabilities, ClientNotification, ClientRequest, GetExtensions, GetMeta,
        Implementation, InitializeRequestParams, JsonRpcMessage, ProtocolVersion, RequestId,
    },
    service::{RequestContext, Service as _, serve_directly},
};
use tower_service::Service;

use mcpo2_core::{Error, ErrorKind, Reply, Routed};

use crate::{
    Downstream,
    exchange::{Exchange, Pipe},
    wire,
};

/// An rmcp [`ServerHandler`] as the leaf of a stack.
///
/// What the handler sends while it works becomes frames of the reply. Dropping the reply, or the
/// future before it, drops the handler's future.
///
/// It needs a tokio runtime. The handler sees what rmcp's models hold of a request.
pub struct HandlerService<H> {
    handler: Arc<H>,
}

impl<H: ServerHandler> HandlerService<H> {
    /// A leaf that is answered by this handler.
    pub fn new(handler: H) -> Self {
        Self {
            handler: Arc::new(handler),
        }
    }
}

impl<H> Clone for HandlerService<H> {
    fn clone(&self) -> Self {
        Self {
            handler: Arc::clone(&self.handler),
        }
    }
}

impl<H> fmt::Debug for HandlerService<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerService").finish_non_exhaustive()
    }
}

impl<H: ServerHandler> Service<Routed> for HandlerService<H> {
    type Response = Reply;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        let handler = Arc::clone(&self.handler);
        Box::pin(async move {
            match routed.request().id() {
                Some(_) => answer(handler, &routed).await,
                None => notify(handler, &routed).await,
            }
        })
    }
}

async fn answer<H: ServerHandler>(handler: Arc<H>, routed: &Routed) -> Result<Reply, Error> {
    let Some(id) = routed.request().id().cloned() else {
        return Ok(Reply::accepted());
    };
    let mut request: ClientRequest = wire::decode_request(routed.request())?;
    let downstream = routed.call().extensions().get::<Downstream>();

    let (pipe, transport) = Pipe::new();
    let running = serve_directly(Arc::clone(&handler), transport, client(routed));
    let seen_id = serde_json::from_str(id.as_json()).unwrap_or(RequestId::Number(0));
    let mut context = RequestContext::new(seen_id, running.peer().clone());
    // The order matters: the metadata stands among the extensions.
    context.meta = std::mem::take(request.get_meta_mut());
    context.extensions = std::mem::take(request.extensions_mut());
    if let Some(downstream) = downstream {
        context.extensions.extend(downstream.extensions().clone());
    }
    let cancel = context.ct.clone().drop_guard();
    let handling = Box::pin(async move { handler.handle_request(request, context).await });
    let asked = downstream.map(|downstream| downstream.peer().clone());
    let mut exchange = Exchange::new(id, handling, (pipe, running), asked, cancel);

    let Some(first) = exchange.next().await else {
        return Err(Error::new(ErrorKind::Internal, "the handler said nothing"));
    };
    if exchange.is_done() {
        return first.map(|frame| Reply::complete(frame.data().clone()));
    }
    let frames = stream::once(async { first }).chain(exchange);
    Ok(Reply::stream(frames))
}

async fn notify<H: ServerHandler>(handler: Arc<H>, routed: &Routed) -> Result<Reply, Error> {
    let mut notification: ClientNotification = wire::decode_request(routed.request())?;
    let downstream = routed.call().extensions().get::<Downstream>();
    if let Some(context) = downstream.and_then(Downstream::notification_context) {
        let mut context = context.clone();
        context.meta = std::mem::take(notification.get_meta_mut());
        // A notification has no answer, so what is wrong with it is the handler's to log.
        let _ = handler.handle_notification(notification, context).await;
        return Ok(Reply::accepted());
    }
    let (pipe, transport) = Pipe::new();
    let running = serve_directly(handler, transport, client(routed));
    pipe.hear(JsonRpcMessage::notification(notification));
    drop(pipe);
    let _ = running.waiting().await;
    Ok(Reply::accepted())
}

/// What the handler may know of the client, where the revision of the protocol has a handshake.
fn client(routed: &Routed) -> Option<InitializeRequestParams> {
    let call = routed.call();
    if let Some(downstream) = call.extensions().get::<Downstream>() {
        return downstream.peer().peer_info().map(|info| (*info).clone());
    }
    let version = call.version();
    if version.is_stateless() {
        return None;
    }
    let known = ProtocolVersion::KNOWN_VERSIONS.iter();
    let version = known
        .into_iter()
        .find(|known| known.as_str() == version.as_str())?;
    let gateway = Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let client = InitializeRequestParams::new(ClientCapabilities::default(), gateway);
    Some(client.with_protocol_version(version.clone()))
}
