//! The headers of MCP requests, read so that two readers read the same.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::HeaderMap;

use crate::refusal::Refusal;

pub(super) const VERSION: &str = "mcp-protocol-version";
pub(super) const SESSION: &str = "mcp-session-id";
pub(super) const METHOD: &str = "mcp-method";
pub(super) const NAME: &str = "mcp-name";
pub(super) const LAST_EVENT: &str = "last-event-id";

/// The one value of a header; a second one, or bytes that are no visible ASCII, is a fault.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text.trim_matches([' ', '\t']))),
            Err(_) => Err(Refusal::mismatch(format!(
                "the header `{name}` is not ASCII"
            ))),
        },
        (Some(_), Some(_)) => Err(Refusal::mismatch(format!(
            "the header `{name}` stands twice"
        ))),
    }
}

/// A value that may be wrapped as `=?base64?…?=`, for what is no plain ASCII.
pub(super) fn decoded(value: &str) -> Option<String> {
    let Some(inner) = value
        .strip_prefix("=?base64?")
        .and_then(|v| v.strip_suffix("?="))
    else {
        return Some(value.to_owned());
    };
    String::from_utf8(BASE64_STANDARD.decode(inner).ok()?).ok()
}

/// Whether `Accept` lets both JSON and a stream of events through.
pub(super) fn accepts_both(headers: &HeaderMap) -> bool {
    // What nearly all clients say needs no reading.
    const USUAL: &[u8] = b"application/json, text/event-stream";
    let mut values = headers.get_all(http::header::ACCEPT).iter();
    let usual = values.next().is_some_and(|value| value.as_bytes() == USUAL);
    usual && values.next().is_none()
        || accepts(headers, "application/json") && accepts(headers, "text/event-stream")
}

/// Whether `Accept` lets an answer of this type through.
pub(super) fn accepts(headers: &HeaderMap, essence: &str) -> bool {
    let (kind, _) = essence.split_once('/').unwrap_or((essence, ""));
    let values = headers.get_all(http::header::ACCEPT).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(is_zero));
            let matches = media.eq_ignore_ascii_case(essence)
                || media == "*/*"
                || media
                    .strip_suffix("/*")
                    .is_some_and(|wide| wide.eq_ignore_ascii_case(kind));
            matches && !refused
        })
}

fn is_zero(weight: &str) -> bool {
    weight.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_read_as_http_says() {
        let headers = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("accept", value.parse().unwrap());
            headers
        };
        let both = headers("application/json, text/event-stream;q=0.5");
        assert!(accepts(&both, "application/json") && accepts(&both, "text/event-stream"));
        assert!(accepts_both(&both));
        assert!(accepts_both(&headers(
            "application/json, text/event-stream"
        )));
        assert!(!accepts_both(&headers("application/json")));
        assert!(accepts(&headers("*/*"), "text/event-stream"));
        assert!(accepts(&headers("text/*"), "text/event-stream"));
        assert!(!accepts(
            &headers("text/event-stream;q=0"),
            "text/event-stream"
        ));
        assert!(!accepts(&HeaderMap::new(), "application/json"));
    }

    #[test]
    fn wrapped_values_are_unwrapped() {
        assert_eq!(decoded("add").as_deref(), Some("add"));
        assert_eq!(decoded("=?base64?w6TDtg==?=").as_deref(), Some("äö"));
        assert_eq!(decoded("=?base64?***?="), None);
    }
}
