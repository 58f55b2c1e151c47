use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::TryStreamExt as _;
use mcpo2_core::{
    Body, Call, Error, ErrorKind, Frames, Message, Method, ModuleId, Outcome, Reply, Request,
    Routed,
};
use tower_service::Service;

use crate::{
    Catalog, Connection, Gateway, Session, bridge,
    upstream::{ForwardHeaders, Link, fault},
};

/// The end of a stack: sends routed calls to their modules, and answers those that go to the
/// gateway itself.
///
/// It is always ready. What bounds a module is its own [`Connection`], so that one that is slow
/// stops nobody else.
#[derive(Debug, Clone)]
pub struct Dispatch {
    gateway: Arc<Gateway>,
}

impl Dispatch {
    /// Sends calls to modules, and to `gateway` what is its own to answer.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway }
    }
}

impl Service<Routed> for Dispatch {
    type Response = Reply;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        let gateway = Arc::clone(&self.gateway);
        Box::pin(async move {
            gateway.attach(routed.call());
            if routed.target().facts().is_some() {
                let reply = forward(&routed, &gateway).await?;
                Ok(gateway.translate(&routed, reply))
            } else {
                gateway.answer(&routed).await
            }
        })
    }
}

async fn forward(routed: &Routed, gateway: &Gateway) -> Result<Reply, Error> {
    let (Some(facts), Some(endpoint)) = (routed.target().facts(), routed.target().endpoint())
    else {
        return Err(Error::new(ErrorKind::Internal, "the target is no module"));
    };
    let Some(module) = endpoint.get::<Connection>() else {
        return Err(Error::new(
            ErrorKind::Internal,
            "the module has no connection",
        ));
    };
    let call = routed.call();
    let mut place = module.admit(call.principal().tenant())?;
    let session = call.extensions().get::<Arc<Session>>();
    let mut link = match session {
        Some(session) => session.link(facts.module(), module).await?,
        None => {
            let known = (gateway.catalog(), facts.module());
            module.link(call, known).await?
        }
    };
    let asking = session.map(|session| session.asking(routed.request(), facts.module()));
    let outgoing = |link: &Arc<dyn Link>| {
        let (theirs, ours) = (call.version(), gateway.ours());
        bridge::outgoing(routed.request(), theirs, link.version(), ours)
    };
    let whose = (facts.module(), gateway.catalog());
    let mut reply = ask(&*link, &outgoing(&link), call, whose).await;
    if let (Err(error), Some(session)) = (&reply, session)
        && fault::is_lost(error)
    {
        // The module has begun anew since, and has not taken it: it may in another session.
        link = session.link(facts.module(), module).await?;
        reply = ask(&*link, &outgoing(&link), call, whose).await;
    }
    place.settle(facts.module(), reply.as_ref(), link.is_open());
    let reply = reply?;
    let watcher = session.map(|session| (Arc::clone(session), facts.module().clone()));
    Ok(reply.map_body(|body| match body {
        Body::Stream(frames) => {
            // The place is taken, and the request under way, until the stream ends or is dropped.
            let held = (place, asking);
            let frames = match &watcher {
                Some((session, module)) => session.fit_to_ask(module, frames),
                None => frames,
            };
            Body::Stream(Frames::new(frames.map_ok(move |frame| {
                let _ = &held;
                match &watcher {
                    Some((session, module)) => session.outgoing(module, frame),
                    None => frame,
                }
            })))
        }
        other => other,
    }))
}

/// Sends a request with the headers that go with it. A module that misses one has done nothing
/// yet: what it wants is read anew, and it is asked once more.
async fn ask(
    link: &dyn Link,
    request: &Request,
    call: &Call,
    (module, catalog): (&ModuleId, &Catalog),
) -> Result<Reply, Error> {
    let none = ForwardHeaders::default();
    let said = call.extensions().get().unwrap_or(&none);
    let Some(item) = call.item().filter(|_| *call.method() == Method::ToolsCall) else {
        return link.request(request, said).await;
    };
    let mirror = || match catalog.parameters(item) {
        Some(parameters) => parameters.mirror(said, request.arguments()),
        None => said.clone(),
    };
    let reply = link.request(request, &mirror()).await?;
    if is_mismatch(&reply) && catalog.read_again(module).await {
        return link.request(request, &mirror()).await;
    }
    Ok(reply)
}

fn is_mismatch(reply: &Reply) -> bool {
    let Body::Complete(bytes) = reply.body() else {
        return false;
    };
    reply.status() == http::StatusCode::BAD_REQUEST
        && matches!(
            Message::parse(bytes.clone()),
            Ok(Message::Response(response)) if response.outcome() == Outcome::Error { code: -32020 }
        )
}
