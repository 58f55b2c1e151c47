use std::{borrow::Cow, ops::Range};

use crate::json;

/// Keys of `_meta` that the specification defines and a gateway reads.
pub mod keys {
    /// The protocol revision of a request, since 2026-07-28.
    pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    /// What the client can do, since 2026-07-28.
    pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
    /// Name and version of the client: its own claim, never a basis for a decision.
    pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
    /// The least severe log message that the client wants for this request.
    pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
    /// The subscription that a notification belongs to.
    pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
    /// The token by which progress is reported.
    pub const PROGRESS_TOKEN: &str = "progressToken";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
    /// W3C trace state.
    pub const TRACESTATE: &str = "tracestate";
}

/// The members of `params._meta` that a gateway reads, each as its JSON text; all others pass unread.
///
/// One that is `null` is as one that is not there.
///
/// ```
/// use mcpo2_core::Message;
///
/// let bytes = r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"progressToken":7}}}"#;
/// let Message::Request(request) = Message::parse(bytes).unwrap() else { unreachable!() };
/// assert_eq!(request.meta().progress_token(), Some("7"));
/// assert_eq!(request.meta().traceparent(), None);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    object: &'a [u8],
    places: Places,
}

impl<'a> Meta<'a> {
    /// The protocol revision that this request speaks.
    #[must_use]
    pub fn protocol_version(&self) -> Option<&'a str> {
        self.member(self.places.protocol_version)
    }

    /// The client's capabilities, an object.
    #[must_use]
    pub fn client_capabilities(&self) -> Option<&'a str> {
        self.member(self.places.client_capabilities)
    }

    /// The client's name and version, an object.
    #[must_use]
    pub fn client_info(&self) -> Option<&'a str> {
        self.member(self.places.client_info)
    }

    /// The progress token, a string or an integer.
    #[must_use]
    pub fn progress_token(&self) -> Option<&'a str> {
        self.member(self.places.progress_token)
    }

    /// W3C trace context.
    #[must_use]
    pub fn traceparent(&self) -> Option<&'a str> {
        self.member(self.places.traceparent)
    }

    /// W3C trace state.
    #[must_use]
    pub fn tracestate(&self) -> Option<&'a str> {
        self.member(self.places.tracestate)
    }

    fn member(&self, (start, end): Place) -> Option<&'a str> {
        if end == 0 {
            return None;
        }
        let at = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
        let value = std::str::from_utf8(self.object.get(at)?).ok()?;
        Some(value).filter(|value| *value != "null")
    }

    /// A member that should be a string, decoded.
    #[must_use]
    pub fn text(member: Option<&'a str>) -> Option<Cow<'a, str>> {
        let member = member?;
        let inner = member
            .strip_prefix('"')
            .and_then(|inner| inner.strip_suffix('"'))?;
        match inner.contains('\\') {
            true => serde_json::from_str(member).map(Cow::Owned).ok(),
            false => Some(Cow::Borrowed(inner)),
        }
    }
}

/// A member that a gateway reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    ProtocolVersion,
    ClientCapabilities,
    ClientInfo,
    ProgressToken,
    Traceparent,
    Tracestate,
}

impl Known {
    pub(super) fn of(key: &str) -> Option<Self> {
        Some(match key {
            keys::PROTOCOL_VERSION => Self::ProtocolVersion,
            keys::CLIENT_CAPABILITIES => Self::ClientCapabilities,
            keys::CLIENT_INFO => Self::ClientInfo,
            keys::PROGRESS_TOKEN => Self::ProgressToken,
            keys::TRACEPARENT => Self::Traceparent,
            keys::TRACESTATE => Self::Tracestate,
            _ => return None,
        })
    }
}

/// Where the members that a gateway reads stand, found once and counted from where `_meta` begins.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Places {
    protocol_version: Place,
    client_capabilities: Place,
    client_info: Place,
    progress_token: Place,
    traceparent: Place,
    tracestate: Place,
}

/// Start and end; no value begins where the object does. Short, for it is copied with each request.
type Place = (u32, u32);

impl Places {
    /// Of a text that is checked already: a message is, before anybody reads of it.
    pub(super) fn of(object: &[u8]) -> Self {
        let mut places = Self::default();
        let text = json::text(object).unwrap_or_default();
        for (key, value) in json::members(text) {
            if let Some(known) = Known::of(&key) {
                let start = value.as_ptr().addr() - text.as_ptr().addr();
                places.note(known, start..start + value.len());
            }
        }
        places
    }

    /// Notes where a member stands. No message is so long that a place has no number.
    pub(super) fn note(&mut self, known: Known, at: Range<usize>) {
        if let (Ok(start), Ok(end)) = (u32::try_from(at.start), u32::try_from(at.end)) {
            *self.place(known) = (start, end);
        }
    }

    /// The same places, each so many bytes further on.
    pub(super) fn moved(self, by: impl Fn(u32) -> u32) -> Self {
        let each = |(start, end): Place| match end {
            0 => (0, 0),
            _ => (by(start), by(end)),
        };
        Self {
            protocol_version: each(self.protocol_version),
            client_capabilities: each(self.client_capabilities),
            client_info: each(self.client_info),
            progress_token: each(self.progress_token),
            traceparent: each(self.traceparent),
            tracestate: each(self.tracestate),
        }
    }

    /// The members of this object, whose places these are.
    pub(super) fn meta(self, object: &[u8]) -> Meta<'_> {
        Meta {
            object,
            places: self,
        }
    }

    fn place(&mut self, known: Known) -> &mut Place {
        match known {
            Known::ProtocolVersion => &mut self.protocol_version,
            Known::ClientCapabilities => &mut self.client_capabilities,
            Known::ClientInfo => &mut self.client_info,
            Known::ProgressToken => &mut self.progress_token,
            Known::Traceparent => &mut self.traceparent,
            Known::Tracestate => &mut self.tracestate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_their_names_however_these_are_written() {
        let object: &[u8] =
            br#"{"x":{"traceparent":1}, "progress\u0054oken" : [ 7 ],"traceparent":"a\u0062","tracestate":null}"#;
        let meta = Places::of(object).meta(object);
        assert_eq!(meta.progress_token(), Some("[ 7 ]"));
        assert_eq!(Meta::text(meta.traceparent()).as_deref(), Some("ab"));
        assert_eq!((meta.tracestate(), meta.client_info()), (None, None));
        assert_eq!(Meta::text(meta.progress_token()), None);
        assert_eq!(Meta::text(Some("\"")), None);
    }
}
