//! Errors of one side as errors of the other.

use rmcp::{
    model::{ErrorCode, ErrorData},
    service::ServiceError,
};

use mcpo2_core::{Error, ErrorKind, Item, ItemKind};

/// The JSON-RPC code for a call that somebody has to approve first.
///
/// It is outside the range that JSON-RPC reserves, as the specification asks of codes that it does
/// not define.
pub const APPROVAL_REQUIRED: i32 = -31_001;

/// What the client learns of an error: its message and a code, and nothing of its source.
///
/// What is denied and what is unknown give the same.
pub(crate) fn to_client(error: &Error, item: Option<&Item>) -> ErrorData {
    let code = match error.kind() {
        ErrorKind::Denied | ErrorKind::NotFound => match item.map(Item::kind) {
            // rmcp gives `-32602` to clients of 2026-07-28 and later.
            Some(ItemKind::Resource | ItemKind::Template) => ErrorCode::RESOURCE_NOT_FOUND,
            Some(_) => ErrorCode::INVALID_PARAMS,
            None => ErrorCode::METHOD_NOT_FOUND,
        },
        ErrorKind::MethodNotFound => ErrorCode::METHOD_NOT_FOUND,
        ErrorKind::InvalidRequest => ErrorCode::INVALID_REQUEST,
        ErrorKind::InvalidParams => ErrorCode::INVALID_PARAMS,
        ErrorKind::HeaderMismatch => ErrorCode::HEADER_MISMATCH,
        ErrorKind::MissingCapability => ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY,
        ErrorKind::ApprovalRequired => ErrorCode(APPROVAL_REQUIRED),
        _ => ErrorCode::INTERNAL_ERROR,
    };
    let data = error
        .data()
        .and_then(|data| serde_json::from_str(data).ok());
    ErrorData::new(code, error.to_string(), data)
}

/// Why there is no answer of the peer. An error that the peer sent is an answer, and not here.
pub(crate) fn from_peer(error: ServiceError) -> Error {
    let (kind, message) = match &error {
        ServiceError::TransportSend(_) | ServiceError::TransportClosed => {
            (ErrorKind::Unavailable, "the module is not available")
        }
        ServiceError::Timeout { .. } => (ErrorKind::TimedOut, "the module took too long"),
        _ => (ErrorKind::Upstream, "the module broke the protocol"),
    };
    Error::new(kind, message).with_source(error)
}
