use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use mcpo2_artifact::blob::{BlobError, BlobErrorKind, UploadStatus};
use mcpo2_core::{Error, ErrorKind};
use serde_json::{Value, json};

use super::{
    super::plain,
    headers::{COMPLETE, LENGTH, OFFSET},
};
use crate::respond::HttpBody;

/// What a client is told.
pub(super) struct Answer {
    pub(super) response: Response<HttpBody>,
    /// The ledger's word for what the edge itself refuses: calls of the stack have records of their own.
    pub(super) refused: Option<&'static str>,
}

impl Answer {
    pub(super) fn status(status: StatusCode) -> Self {
        Self {
            response: plain(status),
            refused: None,
        }
    }

    /// The same, refused here for this reason.
    pub(super) fn because(mut self, reason: &'static str) -> Self {
        self.refused = Some(reason);
        self
    }

    pub(super) fn broken() -> Self {
        Self::status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn not_found() -> Self {
        Self::status(StatusCode::NOT_FOUND).because("upload_not_found")
    }

    pub(super) fn not_allowed(methods: &'static str) -> Self {
        let mut answer = Self::status(StatusCode::METHOD_NOT_ALLOWED);
        answer.put(header::ALLOW, methods.to_owned());
        answer.because("method_not_allowed")
    }

    /// How far an upload is.
    pub(super) fn of(status: StatusCode, upload: &UploadStatus) -> Self {
        let mut answer = Self::status(status);
        let complete = if upload.finished.is_some() {
            "?1"
        } else {
            "?0"
        };
        answer.put(COMPLETE, complete.to_owned());
        answer.put(OFFSET, upload.offset.to_string());
        if let Some(size) = upload.size {
            answer.put(LENGTH, size.to_string());
        }
        answer.put(header::CACHE_CONTROL, "no-store".to_owned());
        answer
    }

    /// Why the stack did not do it. What is denied answers as what is not there.
    pub(super) fn error(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Denied | ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::InvalidParams => StatusCode::BAD_REQUEST,
            ErrorKind::Overloaded | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::problem(status, "about:blank", json!({ "title": error.to_string() }))
    }

    /// Why bytes were not taken that were to begin at this offset.
    pub(super) fn blob(kind: BlobErrorKind, offset: u64) -> Self {
        const TYPES: &str = "https://iana.org/assignments/http-problem-types#";
        match kind {
            BlobErrorKind::NotFound => Self::not_found(),
            BlobErrorKind::Offset(expected) => Self::problem(
                StatusCode::CONFLICT,
                &format!("{TYPES}mismatching-upload-offset"),
                json!({
                    "title": "the offset is not where the upload goes on",
                    "expected-offset": expected, "provided-offset": offset,
                }),
            )
            .because("upload_offset"),
            BlobErrorKind::Quota(_) | BlobErrorKind::TooLarge => Self::problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "about:blank",
                json!({
                    "title": "longer than it may be, or the quota is used up",
                }),
            )
            .because("upload_too_large"),
            BlobErrorKind::Full => {
                Self::status(StatusCode::INSUFFICIENT_STORAGE).because("upload_no_room")
            }
            _ => Self::broken().because("upload_failed"),
        }
    }

    /// A problem as RFC 9457 has it.
    pub(super) fn problem(status: StatusCode, kind: &str, mut members: Value) -> Self {
        let mut answer = Self::status(status);
        if let Some(members) = members.as_object_mut() {
            members.insert("type".to_owned(), kind.into());
            members.insert("status".to_owned(), status.as_u16().into());
        }
        answer.json("application/problem+json", &members);
        answer
    }

    pub(super) fn json(&mut self, kind: &'static str, content: &Value) {
        let bytes = Bytes::from(format!("{content}\n"));
        let body = Full::new(bytes).map_err(|never| match never {});
        *self.response.body_mut() = HttpBody::new(body);
        let headers = self.response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }

    pub(super) fn put(&mut self, name: HeaderName, value: String) {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.response.headers_mut().insert(name, value);
        }
    }
}

impl From<BlobError> for Answer {
    fn from(error: BlobError) -> Self {
        Self::blob(error.kind(), 0)
    }
}
