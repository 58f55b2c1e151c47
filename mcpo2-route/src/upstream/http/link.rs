use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use mcpo2_core::{Error, Frames, Message, ProtocolVersion, Reply, Request};

use super::{
    answer,
    events::{Events, events},
    handshake::Greeting,
    session::{Call, Kind, Session},
    wire::{Body, Pace},
};
use crate::upstream::{ForwardHeaders, Link, Resumption, fault};

/// A link over Streamable HTTP.
pub(super) struct HttpLink {
    session: Arc<Session>,
    greeting: Greeting,
}

impl HttpLink {
    pub(super) fn new(session: Session, greeting: Greeting) -> Self {
        Self {
            session: Arc::new(session),
            greeting,
        }
    }
}

#[async_trait]
impl Link for HttpLink {
    fn version(&self) -> ProtocolVersion {
        self.greeting.0
    }

    fn server(&self) -> &Bytes {
        &self.greeting.1
    }

    fn is_open(&self) -> bool {
        self.session.is_open() && !self.session.is_doubted()
    }

    async fn request(&self, request: &Request, headers: &ForwardHeaders) -> Result<Reply, Error> {
        let session = &self.session;
        let Some(out) = session.mint.outgoing(request) else {
            self.send(request.bytes().clone()).await?;
            return Ok(Reply::accepted());
        };
        if !session.is_open() {
            return Err(fault::unavailable("the session ended"));
        }
        let mut call = Call::new(session, out);
        let head = session.head.post(Some(call.out.sent()), headers);
        let body = call.out.sent().pieces();
        let sent = session.wire.send(Method::POST, head, body, &call.pace);
        let response = sent.await.map_err(|error| call.give_up(error))?;
        answer::reply(call, response).await
    }

    async fn send(&self, message: Bytes) -> Result<(), Error> {
        if !self.session.mint.admits(&message)? {
            return Ok(());
        }
        self.session.questions.sent(&message);
        match Message::parse(message.clone()) {
            Ok(Message::Request(request)) => self.session.post(message, Some(&request)).await,
            _ => self.session.post(message, None).await,
        }
    }

    async fn listen(&self, after: Option<&str>) -> Result<Option<Frames>, Error> {
        let session = &self.session;
        if session.kind == Kind::Stateless {
            return Ok(None);
        }
        if !session.is_open() {
            return Err(fault::unavailable("the session ended"));
        }
        let pace = Pace::answer(&session.wire.limits);
        let Some(content) = events(session, after, &pace).await? else {
            return Ok(None);
        };
        let body = Body {
            content,
            pace: pace.endless(),
            left: usize::MAX,
        };
        let events = Events::outside(Arc::clone(session), body);
        Ok(Some(Frames::new(events.into_stream())))
    }

    fn resumption(&self) -> Option<Resumption> {
        let stands = self.session.kind == Kind::Private && self.is_open();
        let place = self.session.wire.place();
        stands
            .then(|| self.session.head.resumption(place))
            .flatten()
    }

    async fn release(&self) {
        self.session.release();
    }

    async fn close(&self) {
        self.session.close().await;
    }
}

impl fmt::Debug for HttpLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpLink")
            .field("version", &self.version())
            .field("kind", &self.session.kind)
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}
