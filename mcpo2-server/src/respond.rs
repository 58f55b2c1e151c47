//! What a client may learn: the one place where replies and errors become answers.

mod stream;

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use mcpo2_core::{
    Body, BoxError, Error, ErrorKind, Frames, Id, Item, ItemKind, Outcome, ProtocolVersion, Reply,
    Request, message::error_response,
};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

pub(crate) use stream::Event;

/// The body of an HTTP answer.
pub(crate) type HttpBody = UnsyncBoxBody<Bytes, BoxError>;

/// Codes of our own. They stand outside the range that JSON-RPC and MCP reserve, and
/// `mcpo2-rmcp` uses the same.
mod codes {
    pub(super) const APPROVAL_REQUIRED: i64 = -31001;
    pub(super) const UNAVAILABLE: i64 = -31002;
    pub(super) const OVERLOADED: i64 = -31003;
    pub(super) const TIMED_OUT: i64 = -31004;
    pub(super) const UPSTREAM: i64 = -31005;
    pub(super) const TOO_LARGE: i64 = -31006;
}

/// The code where nobody can take a call now.
pub(crate) const UNAVAILABLE: i64 = codes::UNAVAILABLE;

/// The code where there is too much to do.
pub(crate) const OVERLOADED: i64 = codes::OVERLOADED;

/// Who is answered, as far as the answer depends on it.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) id: Option<Id>,
    pub(crate) version: ProtocolVersion,
    pub(crate) kind: Option<ItemKind>,
}

impl Asker {
    pub(crate) fn new(request: &Request, version: ProtocolVersion) -> Self {
        let kind = request
            .item()
            .map(Item::kind)
            .or_else(|| request.method().item_kind());
        Self {
            id: request.id().cloned(),
            version,
            kind,
        }
    }
}

/// An error as a JSON-RPC message. The source of the error stays here.
pub(crate) fn error_message(error: &Error, asker: &Asker) -> Bytes {
    error_response(
        asker.id.as_ref(),
        code(error.kind(), asker),
        &error.to_string(),
        error.data(),
    )
}

fn code(kind: ErrorKind, asker: &Asker) -> i64 {
    match kind {
        // What is denied answers as what is not there.
        ErrorKind::Denied | ErrorKind::NotFound => match asker.kind {
            Some(ItemKind::Resource) if !asker.version.is_stateless() => -32002,
            Some(_) => -32602,
            None => -32601,
        },
        ErrorKind::MethodNotFound => -32601,
        ErrorKind::InvalidRequest => -32600,
        ErrorKind::InvalidParams => -32602,
        ErrorKind::HeaderMismatch => -32020,
        ErrorKind::MissingCapability => -32021,
        ErrorKind::ApprovalRequired => codes::APPROVAL_REQUIRED,
        ErrorKind::Unavailable => codes::UNAVAILABLE,
        ErrorKind::Overloaded => codes::OVERLOADED,
        ErrorKind::TimedOut => codes::TIMED_OUT,
        ErrorKind::Upstream => codes::UPSTREAM,
        ErrorKind::TooLarge => codes::TOO_LARGE,
        _ => -32603,
    }
}

/// An error as an HTTP answer.
pub(crate) fn error(error: &Error, asker: &Asker) -> Response<HttpBody> {
    let message = error_message(error, asker);
    let status = match error.kind() {
        ErrorKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::InvalidRequest => StatusCode::BAD_REQUEST,
        kind => status_of(Some(code(kind, asker)), asker.version),
    };
    let mut response = json(status, message);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, retry_after(error));
    }
    response
}

/// In how many seconds to come again: as the error says, or soon.
fn retry_after(error: &Error) -> HeaderValue {
    #[derive(Deserialize)]
    struct Data {
        #[serde(rename = "retryAfterMs")]
        millis: u64,
    }
    let data = error.data().map(serde_json::from_str::<Data>);
    let millis = data.and_then(Result::ok).map_or(1, |data| data.millis);
    HeaderValue::from(millis.div_ceil(1000).max(1))
}

/// A reply as an HTTP answer. `closing` ends what would never end by itself.
pub(crate) fn reply(
    reply: Reply,
    asker: &Asker,
    closing: &CancellationToken,
) -> Response<HttpBody> {
    let status = match reply.status() {
        StatusCode::OK if asker.version.is_stateless() => status_of(
            reply.response().and_then(|response| error_code(&response)),
            asker.version,
        ),
        status => status,
    };
    match reply.into_body() {
        Body::Empty => empty(StatusCode::ACCEPTED),
        Body::Complete(bytes) => json(status, bytes),
        Body::Stream(frames) => events(frames, Some(asker.clone()), closing.clone()),
    }
}

/// The code of the error that a response is.
fn error_code(response: &mcpo2_core::Response) -> Option<i64> {
    response.error_json()?;
    match response.outcome() {
        Outcome::Error { code } => Some(code),
        _ => None,
    }
}

/// Since 2026-07-28 some errors have a status of their own.
fn status_of(error: Option<i64>, version: ProtocolVersion) -> StatusCode {
    match error {
        Some(-32601) if version.is_stateless() => StatusCode::NOT_FOUND,
        Some(-32022..=-32020) if version.is_stateless() => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

/// Frames as Server-Sent Events, with a comment from time to time while there are none.
pub(crate) fn events(
    frames: Frames,
    asker: Option<Asker>,
    closing: CancellationToken,
) -> Response<HttpBody> {
    event_stream(stream::events(frames, asker, closing))
}

/// An event of a type of its own, and then frames.
pub(crate) fn events_after(
    (kind, data): (&'static str, &str),
    frames: Frames,
    closing: CancellationToken,
) -> Response<HttpBody> {
    let first = Bytes::from(format!("event: {kind}\ndata: {data}\n\n"));
    let first = futures_util::stream::iter([Ok(http_body::Frame::data(first))]);
    let rest = stream::events(frames, None, closing);
    event_stream(futures_util::StreamExt::chain(first, rest))
}

pub(crate) fn event_stream(
    events: impl Stream<Item = Event> + Send + 'static,
) -> Response<HttpBody> {
    let mut response = Response::new(boxed(StreamBody::new(events)));
    let headers = response.headers_mut();
    // hyper keeps the map as long as the connection, so it is as large as it has to be.
    *headers = HeaderMap::with_capacity(3);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// One JSON message.
pub(crate) fn json(status: StatusCode, bytes: Bytes) -> Response<HttpBody> {
    let mut response = Response::new(boxed(Full::new(bytes)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// A status, and nothing else.
pub(crate) fn empty(status: StatusCode) -> Response<HttpBody> {
    let mut response = Response::new(boxed(Empty::new()));
    *response.status_mut() = status;
    response
}

/// The answer where a layer panicked: that request fails, and no other.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response<HttpBody> {
    tracing::error!("a request panicked");
    json(
        StatusCode::INTERNAL_SERVER_ERROR,
        error_response(None, -32603, "internal error", None),
    )
}

pub(crate) fn boxed<B>(body: B) -> HttpBody
where
    B: http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    UnsyncBoxBody::new(body.map_err(|never| match never {}))
}
