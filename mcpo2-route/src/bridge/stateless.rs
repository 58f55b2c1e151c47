//! A link with sessions as clients without them see it.

mod changes;
mod filter;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use mcpo2_core::{
    Body, Error, Frame, Frames, Message, Method, ProtocolVersion, Reply, Request,
    message::error_response,
};

pub(super) use self::filter::{Filter, uri};

use self::changes::Changes;
use super::{carried, edit, is_change, stateless, tasks};
use crate::upstream::{ForwardHeaders, Link};

/// The one link that all clients without a session share, to a module that has sessions.
#[derive(Debug)]
pub(crate) struct StatelessFace {
    inner: Arc<dyn Link>,
    server: Bytes,
    changes: Arc<Changes>,
}

impl StatelessFace {
    pub(crate) fn new(inner: Arc<dyn Link>) -> Self {
        Self {
            server: carried(inner.server(), extension(&*inner)),
            changes: Changes::of(&inner),
            inner,
        }
    }
}

#[async_trait]
impl Link for StatelessFace {
    fn version(&self) -> ProtocolVersion {
        ProtocolVersion::LATEST
    }

    fn server(&self) -> &Bytes {
        &self.server
    }

    fn is_open(&self) -> bool {
        self.inner.is_open()
    }

    async fn request(&self, request: &Request, headers: &ForwardHeaders) -> Result<Reply, Error> {
        let method = request.method();
        if let (Method::Listen, Some(id)) = (method, request.id()) {
            return self.changes.listen(request, id).await;
        }
        if let (true, Some(id)) = (is_of_sessions(method), request.id()) {
            let text = "this revision has no such method, or the module has it in no way that this revision knows";
            return Ok(Reply::complete(error_response(
                Some(id),
                -32601,
                text,
                None,
            )));
        }
        let bare = edit::without_stateless_parts(request);
        let reply = self.inner.request(&bare, headers).await?;
        Ok(incoming(reply, method))
    }

    async fn send(&self, message: Bytes) -> Result<(), Error> {
        self.inner.send(message).await
    }

    async fn listen(&self, _: Option<&str>) -> Result<Option<Frames>, Error> {
        Ok(None)
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// How the module's tasks are offered, where it has some.
fn extension(inner: &dyn Link) -> Option<String> {
    let has = tasks::are_asked_for(inner.version(), inner.server());
    has.then(tasks::extension)
}

/// What the stateless revision took away, and tasks: those that a module has go another way.
fn is_of_sessions(method: &Method) -> bool {
    matches!(
        method,
        Method::Initialize
            | Method::Ping
            | Method::SetLevel
            | Method::ResourcesSubscribe
            | Method::ResourcesUnsubscribe
            | Method::TasksGet
            | Method::TasksUpdate
            | Method::TasksCancel
            | Method::TasksResult
            | Method::TasksList
    )
}

/// The reply with what the stateless revision demands, and without what may be for others.
fn incoming(reply: Reply, method: &Method) -> Reply {
    let method = method.clone();
    reply.map_body(|body| match body {
        Body::Complete(bytes) => Body::Complete(stateless(bytes, &method)),
        Body::Stream(frames) => {
            let frames = frames.try_filter_map(move |frame| {
                let passes = is_of_this_request(&frame);
                let data = passes.then(|| stateless(frame.data().clone(), &method));
                std::future::ready(Ok(data.map(|data| frame.with_data(data))))
            });
            Body::Stream(Frames::new(frames))
        }
        Body::Empty => Body::Empty,
    })
}

/// A log message on a link that many share may be about another's request, and who wants such
/// has a link to himself.
fn is_of_this_request(frame: &Frame) -> bool {
    match Message::parse(frame.data().clone()) {
        Ok(Message::Request(message)) => {
            let method = message.method();
            let others = matches!(method, Method::LogMessage | Method::Cancelled);
            !others && !is_change(method)
        }
        Ok(Message::Response(_)) | Err(_) => true,
    }
}
