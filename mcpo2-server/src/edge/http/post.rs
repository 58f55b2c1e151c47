use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use mcpo2_audit::Source;
use mcpo2_core::{Call, ErrorKind, Message, Method, Principal, ProtocolVersion, Request};
use mcpo2_route::upstream::ForwardHeaders;

use super::{
    HttpEdge, body,
    era::{self, Era},
    headers::{SESSION, accepts_both},
    plain,
};
use crate::{
    admission::Reading,
    app::Generation,
    edge::{begin, sessions::Missing, stands},
    refusal::Refusal,
    respond::{self, Asker, HttpBody},
};

/// One message that came by POST, who sent it, and what decides about it.
pub(super) struct Post<'a> {
    pub(super) generation: &'a Generation,
    pub(super) headers: &'a HeaderMap,
    pub(super) principal: Arc<Principal>,
    pub(super) source: Source,
}

impl HttpEdge {
    pub(super) async fn post<B>(&self, post: Post<'_>, body: B) -> Response<HttpBody>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let bytes = match self.may_read(post.headers) {
            Ok(_reading) => body::read(body, post.generation.body_limits()).await,
            Err(refusal) => Err(refusal),
        };
        let length = bytes.as_ref().map_or(0, Bytes::len);
        match self.answer(&post, bytes).await {
            Ok(response) => response,
            Err(refusal) => self.refuse(&refusal, post.source, Some(&post.principal), length),
        }
    }

    fn may_read(&self, headers: &HeaderMap) -> Result<Reading, Refusal> {
        negotiable(headers)?;
        self.edge.gate().admits_body().map_err(Refusal::shed)
    }

    async fn answer(
        &self,
        post: &Post<'_>,
        bytes: Result<Bytes, Refusal>,
    ) -> Result<Response<HttpBody>, Refusal> {
        let message = Message::parse(bytes?).map_err(|error| Refusal::parse(&error))?;
        let era = era::of(post.headers, &message)?;
        if self.shutdown.is_draining()
            && let Message::Request(request) = &message
            && request.id().is_some()
        {
            return Err(draining().with_id(request.id()));
        }
        match (era, message) {
            (Era::Initialize, Message::Request(request)) => {
                Box::pin(self.initialize(post, request)).await
            }
            (Era::Session(id), message) => Box::pin(self.in_session(post, id, message)).await,
            (Era::Stateless, Message::Request(request)) => {
                let call = post.call(own(request), ProtocolVersion::LATEST);
                Ok(self.run(post.generation, call).await)
            }
            (_, Message::Response(_)) => Err(Refusal::invalid(
                "response_to_nobody",
                "a response to no request",
            )),
        }
    }

    async fn initialize(
        &self,
        post: &Post<'_>,
        request: Request,
    ) -> Result<Response<HttpBody>, Refusal> {
        if request.id().is_none() {
            return Err(Refusal::invalid(
                "invalid_request",
                "`initialize` is a request",
            ));
        }
        // Before a module hears of it.
        let room = self.sessions.room(&post.principal, post.generation);
        room.map_err(|full| Refusal::from(full).with_id(request.id()))?;
        let session = begin(&request, &post.principal)?;
        let mut call = post.call(request, session.version());
        call.extensions_mut().insert(Arc::clone(&session));
        let asker = Asker::new(call.request(), session.version());
        let reply = match post.generation.run(call).await {
            Ok(reply) => reply,
            Err(error) => {
                session.close().await;
                return Ok(respond::error(&error, &asker));
            }
        };
        let stands = stands(&reply);
        let mut response = respond::reply(reply, &asker, self.shutdown.calls());
        if !stands {
            session.close().await;
            return Ok(response);
        }
        let begun = self
            .sessions
            .begin(&session, &post.principal, post.generation);
        let id = begun.map(HeaderValue::try_from);
        let Ok(Ok(id)) = id else {
            session.close().await;
            let missing = id.err().unwrap_or(Missing::NoId);
            return Err(Refusal::from(missing).with_id(asker.id.as_ref()));
        };
        response.headers_mut().insert(SESSION, id);
        Ok(response)
    }

    async fn in_session(
        &self,
        post: &Post<'_>,
        id: &str,
        message: Message,
    ) -> Result<Response<HttpBody>, Refusal> {
        let open = self.session(id, &post.principal, post.generation)?;
        match message {
            Message::Request(request) => {
                if *request.method() == Method::Discover {
                    let id = request.id().cloned();
                    return Err(
                        Refusal::invalid("invalid_request", "a session is not discovered")
                            .with_id(id.as_ref()),
                    );
                }
                let mut call = post.call(request, open.session.version());
                call.extensions_mut().insert(Arc::clone(&open.session));
                Ok(self.run(post.generation, call).await)
            }
            Message::Response(response) => match open.session.respond(&response).await {
                Ok(()) => Ok(plain(StatusCode::ACCEPTED)),
                Err(error) => Err(Refusal::invalid("response_to_nobody", error.to_string())),
            },
        }
    }

    async fn run(&self, generation: &Generation, call: Call) -> Response<HttpBody> {
        let asker = Asker::new(call.request(), call.version());
        // A subscription never ends by itself, so a shutdown ends it; a call may finish.
        let endless = *call.method() == Method::Listen;
        let closing = if endless {
            self.shutdown.streams()
        } else {
            self.shutdown.calls()
        };
        match generation.run(call).await {
            Ok(reply) => respond::reply(reply, &asker, closing),
            Err(error) if asker.id.is_some() || error.kind() == ErrorKind::Overloaded => {
                respond::error(&error, &asker)
            }
            // Nobody waits for the answer to a notification, and a denied one looks unknown.
            Err(_) => plain(StatusCode::ACCEPTED),
        }
    }
}

impl Post<'_> {
    fn call(&self, request: Request, version: ProtocolVersion) -> Call {
        let mut call = Call::new(request, Arc::clone(&self.principal)).with_version(version);
        let extensions = call.extensions_mut();
        extensions.insert(ForwardHeaders::pick(self.headers));
        extensions.insert(self.source.clone());
        call
    }
}

/// A request that lasts, in bytes of its own: its id would keep the buffer of its connection.
fn own(request: Request) -> Request {
    if *request.method() != Method::Listen {
        return request;
    }
    match Message::parse(Bytes::copy_from_slice(request.bytes())) {
        Ok(Message::Request(own)) => own,
        Ok(Message::Response(_)) | Err(_) => request,
    }
}

/// No call begins while the server stops; what ends those under way still comes in.
pub(super) fn draining() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        respond::UNAVAILABLE,
        "draining",
        "the gateway is shutting down",
    )
    .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

fn negotiable(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Refusal::new(
            status,
            -32600,
            "content_type",
            "`Content-Type` is not application/json",
        ));
    }
    // What is small on the wire and large here would get around every bound.
    let encodings = headers.get_all(header::CONTENT_ENCODING);
    if encodings.iter().any(|encoding| encoding != "identity") {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let message = "`Content-Encoding` is not identity";
        return Err(Refusal::new(status, -32600, "content_encoding", message));
    }
    if accepts_both(headers) {
        return Ok(());
    }
    let message = "`Accept` must let application/json and text/event-stream through";
    Err(Refusal::new(
        StatusCode::NOT_ACCEPTABLE,
        -32600,
        "not_acceptable",
        message,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_keeps_no_buffer_of_its_connection() {
        for (method, keeps) in [("subscriptions/listen", false), ("tools/call", true)] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":"a","method":"{method}","params":{{}}}}"#);
            let buffer = Bytes::from(text);
            let Ok(Message::Request(request)) = Message::parse(buffer.clone()) else {
                unreachable!("{buffer:?}");
            };
            let request = own(request);
            assert_eq!(request.bytes(), &buffer);
            assert_eq!(!buffer.is_unique(), keeps, "{method}");
        }
    }
}
