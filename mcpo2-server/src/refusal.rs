//! What an edge refuses before it is a call.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use mcpo2_core::{Id, ParseError, message::error_response};

use crate::{
    admission::Shed,
    respond::{self, HttpBody},
};

/// Why input is refused: what the client is told, and what the ledger says.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(Box<Told>);

#[derive(Debug, Clone)]
struct Told {
    status: StatusCode,
    code: i64,
    message: Cow<'static, str>,
    reason: &'static str,
    id: Option<Id>,
    data: Option<String>,
    headers: HeaderMap,
}

impl Refusal {
    /// A refusal with this HTTP status and JSON-RPC code; `reason` is the ledger's word for it.
    pub(crate) fn new(
        status: StatusCode,
        code: i64,
        reason: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (message, headers) = (message.into(), HeaderMap::new());
        Self(Box::new(Told {
            status,
            code,
            message,
            reason,
            id: None,
            data: None,
            headers,
        }))
    }

    /// A message that is none.
    pub(crate) fn parse(error: &ParseError) -> Self {
        let reason = match error.code() {
            -32700 => "parse_error",
            -32602 => "invalid_params",
            _ => "invalid_request",
        };
        Self::new(
            StatusCode::BAD_REQUEST,
            error.code().into(),
            reason,
            error.to_string(),
        )
        .with_id(error.id())
    }

    /// A header that disagrees with the body (SEP-2243).
    pub(crate) fn mismatch(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, -32020, "header_mismatch", message)
    }

    /// A request that is none, though its JSON is well formed.
    pub(crate) fn invalid(reason: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, -32600, reason, message)
    }

    /// What is refused because there is too much to do.
    pub(crate) fn shed(why: Shed) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, respond::OVERLOADED, why.as_str(), why.message())
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    pub(crate) fn with_id(mut self, id: Option<&Id>) -> Self {
        self.0.id = id.cloned();
        self
    }

    /// `data` is JSON text.
    pub(crate) fn with_data(mut self, data: String) -> Self {
        self.0.data = Some(data);
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The ledger's word for it.
    pub(crate) fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// The JSON-RPC message.
    pub(crate) fn to_message(&self) -> bytes::Bytes {
        let Told {
            id,
            code,
            message,
            data,
            ..
        } = &*self.0;
        error_response(id.as_ref(), *code, message, data.as_deref())
    }

    /// The HTTP answer.
    pub(crate) fn to_response(&self) -> Response<HttpBody> {
        let mut response = respond::json(self.status(), self.to_message());
        response.headers_mut().extend(self.0.headers.clone());
        response
    }
}
