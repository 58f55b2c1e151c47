//! What is answered to which request.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts};

use super::{request::Request, vendor::Era};

/// The answers, by method, and by method and target where one differs.
///
/// A request without an answer gets `-32601`: over HTTP with status 404.
#[derive(Debug, Clone, Default)]
pub struct Canned {
    answers: HashMap<(String, Option<String>), Answer>,
    only: Option<Era>,
}

/// One answer.
///
/// In its messages `"$id"` stands for the request's id and `"$progressToken"` for its progress
/// token; both are put in as the request wrote them. A message without `"$id"` is sent as it is.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) stays_open: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    /// One message as `application/json`.
    Json(Bytes),
    /// An event stream with a message an event.
    Messages(Vec<Bytes>),
    /// An event stream, framed by the caller.
    Stream(Bytes),
    /// These bytes first, and then the others over and over, for as long as somebody reads.
    Endless(Bytes, Bytes),
    /// No answer at all, not even a status.
    Never,
}

impl Canned {
    /// Adds the answer to a method.
    #[must_use]
    pub fn with(mut self, method: impl Into<String>, answer: Answer) -> Self {
        self.answers.insert((method.into(), None), answer);
        self
    }

    /// Adds the answer to a method for one tool, prompt or resource.
    #[must_use]
    pub fn with_target(
        mut self,
        method: impl Into<String>,
        target: impl Into<String>,
        answer: Answer,
    ) -> Self {
        let key = (method.into(), Some(target.into()));
        self.answers.insert(key, answer);
        self
    }

    /// Refuses over HTTP, as servers of this era do, what comes in the form of the other.
    #[must_use]
    pub fn only(mut self, era: Era) -> Self {
        self.only = Some(era);
        self
    }

    /// The refusal of what is in the form of the era that is not spoken.
    pub(super) fn refusal(&self, head: &Parts, request: &Request) -> Option<Answer> {
        let has = |name: &str| head.headers.contains_key(name);
        let opens = request.method.as_deref() == Some("initialize");
        let refused = match self.only? {
            Era::Modern if has("mcp-method") => return None,
            Era::Modern => {
                r#"{"jsonrpc":"2.0","id":"$id","error":{"code":-32020,"message":"the header `mcp-method` is missing"}}"#
            }
            Era::Legacy if opens || has("mcp-session-id") => return None,
            Era::Legacy => {
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}"#
            }
        };
        Some(Answer::json(refused).with_status(StatusCode::BAD_REQUEST))
    }

    /// Finds the answer; there is none to a notification or a response.
    pub(super) fn answer(&self, request: &Request) -> Option<Answer> {
        let method = request.method.as_ref()?;
        request.id.as_ref()?;
        let specific = self.answers.get(&(method.clone(), request.target.clone()));
        let answer = specific.or_else(|| self.answers.get(&(method.clone(), None)));
        Some(answer.cloned().unwrap_or_else(Answer::method_not_found))
    }
}

impl Answer {
    /// Answers with one message as `application/json`.
    pub fn json(message: impl Into<Bytes>) -> Self {
        Self::new("application/json", Body::Json(message.into()))
    }

    /// Answers with a result as `application/json`.
    #[must_use]
    pub fn result(result: &str) -> Self {
        Self::json(envelope(result))
    }

    /// Answers with an event stream, a message an event.
    pub fn events(messages: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        let messages = messages.into_iter().map(Into::into).collect();
        Self::new("text/event-stream", Body::Messages(messages))
    }

    /// Answers with the bytes of an event stream, for what is not framed as usual: comments, ids,
    /// several data lines.
    pub fn stream(bytes: impl Into<Bytes>) -> Self {
        Self::new("text/event-stream", Body::Stream(bytes.into()))
    }

    /// Answers with a body of this type that never ends: `first`, and then `again` over and over,
    /// as fast as it is read.
    pub fn endless(
        content_type: &'static str,
        first: impl Into<Bytes>,
        again: impl Into<Bytes>,
    ) -> Self {
        Self::new(content_type, Body::Endless(first.into(), again.into()))
    }

    /// Never answers.
    #[must_use]
    pub fn never() -> Self {
        Self::new("text/event-stream", Body::Never)
    }

    /// Sets the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Sets a header, `content-type` too.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        let name = HeaderName::from_static(name);
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Keeps an event stream open after its last event, until the client leaves.
    #[must_use]
    pub fn and_stay_open(mut self) -> Self {
        self.stays_open = true;
        self
    }

    fn new(content_type: &'static str, body: Body) -> Self {
        let answer = Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body,
            stays_open: false,
        };
        answer.with_header("content-type", content_type)
    }

    fn method_not_found() -> Self {
        let message = r#"{"id":"$id","error":{"vendorHint":7,"message":"no such method","code":-32601},"jsonrpc":"2.0"}"#;
        Self::json(message).with_status(StatusCode::NOT_FOUND)
    }
}

/// Puts a result into an answer whose keys are in no usual order.
pub(super) fn envelope(result: &str) -> String {
    format!(r#"{{"result":{result},"vendorEnvelope":[1.0,1],"id":"$id","jsonrpc":"2.0"}}"#)
}
