use http::{HeaderMap, HeaderName, HeaderValue, header};
use mcpo2_core::{ProtocolVersion, Request};

use crate::{
    parameters::encode,
    upstream::{ForwardHeaders, Resumption},
};

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

pub(super) const EVENTS: &str = "text/event-stream";

/// How many headers most requests have, those that the client of HTTP adds among them.
const USUAL: usize = 9;

/// What each request of a link carries.
#[derive(Debug, Clone)]
pub(super) struct Head {
    version: Option<ProtocolVersion>,
    session: Option<HeaderValue>,
}

impl Head {
    /// The head of `initialize`, which has yet to agree on a revision.
    pub(super) fn new() -> Self {
        Self {
            version: None,
            session: None,
        }
    }

    pub(super) fn stateless() -> Self {
        Self {
            version: Some(ProtocolVersion::LATEST),
            session: None,
        }
    }

    pub(super) fn agreed(version: ProtocolVersion, session: Option<HeaderValue>) -> Self {
        let session = session.map(|id| {
            // It came with a head, whose buffer it would keep as long as the session lasts.
            let mut own = HeaderValue::from_bytes(id.as_bytes()).unwrap_or(id);
            own.set_sensitive(true);
            own
        });
        Self {
            version: Some(version),
            session,
        }
    }

    pub(super) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// What it takes to go on with its session at this place, where it has one.
    pub(super) fn resumption(&self, place: u64) -> Option<Resumption> {
        let id = self.session.as_ref()?.to_str().ok()?;
        Some(Resumption::new(id, self.version?, place))
    }

    /// The head of a session that stood before. None where that was at another place.
    pub(super) fn resumed(from: &Resumption, place: u64) -> Option<Self> {
        if from.place() != place || from.version().is_stateless() {
            return None;
        }
        let id = HeaderValue::from_str(from.id()).ok()?;
        Some(Self::agreed(from.version(), Some(id)))
    }

    /// For a message to the module; `forward` is what goes on of the client's own headers.
    pub(super) fn post(&self, message: Option<&Request>, forward: &ForwardHeaders) -> HeaderMap {
        let stateless = self.version.is_some_and(ProtocolVersion::is_stateless);
        let parameters = forward
            .as_map()
            .iter()
            .filter(|(name, _)| stateless || !name.as_str().starts_with("mcp-"));
        let mut headers = HeaderMap::with_capacity(USUAL);
        headers.extend(parameters.map(|(name, value)| (name.clone(), value.clone())));
        self.common(&mut headers);
        let both = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(header::ACCEPT, both);
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        if let (true, Some(message)) = (stateless, message) {
            insert(&mut headers, METHOD, message.method().as_str());
            if let (Some(_), Some(item)) = (message.method().item_kind(), message.item()) {
                insert(&mut headers, NAME, item.name());
            }
        }
        headers
    }

    /// For the stream outside any request, or the rest of a broken one.
    pub(super) fn get(&self, after: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.common(&mut headers);
        headers.insert(header::ACCEPT, HeaderValue::from_static(EVENTS));
        if let Some(Ok(after)) = after.map(HeaderValue::from_str) {
            headers.insert(LAST_EVENT, after);
        }
        headers
    }

    /// For the end of a session.
    pub(super) fn delete(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.common(&mut headers);
        headers
    }

    fn common(&self, headers: &mut HeaderMap) {
        if let Some(version) = self.version {
            headers.insert(VERSION, HeaderValue::from_static(version.as_str()));
        }
        if let Some(session) = &self.session {
            headers.insert(SESSION, session.clone());
        }
    }
}

/// Whether a response has the body type `expected`, whatever its parameters.
pub(super) fn is_type(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(expected))
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(&encode(value)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_header_would_not_keep_is_encoded() {
        for plain in ["", "a b", "file:///x?y=%20", "=?base64?"] {
            assert_eq!(encode(plain), plain);
        }
        assert_eq!(encode(" a"), "=?base64?IGE=?=");
        assert_eq!(encode("a\n"), "=?base64?YQo=?=");
        assert_eq!(encode("é"), "=?base64?w6k=?=");
        assert_eq!(encode("=?base64?YQ==?="), "=?base64?PT9iYXNlNjQ/WVE9PT89?=");
    }

    #[test]
    fn the_id_of_a_session_keeps_no_buffer_that_it_was_read_from() {
        let buffer = bytes::Bytes::from(vec![b'a'; 8192]);
        let id = HeaderValue::from_maybe_shared(buffer.slice(100..120)).unwrap();
        let head = Head::agreed(ProtocolVersion::LATEST_SESSION, Some(id.clone()));
        assert_eq!(head.session.as_ref(), Some(&id));
        drop(id);
        assert!(buffer.is_unique());
    }

    #[test]
    fn a_type_is_compared_without_parameters() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_static("Text/Event-Stream; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, value);
        assert!(is_type(&headers, EVENTS));
        assert!(!is_type(&headers, "application/json"));
    }
}
