use std::borrow::Cow;

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
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meta<'a> {
    /// The protocol revision that this request speaks.
    pub protocol_version: Option<&'a str>,
    /// The client's capabilities, an object.
    pub client_capabilities: Option<&'a str>,
    /// The client's name and version, an object.
    pub client_info: Option<&'a str>,
    /// The progress token, a string or an integer.
    pub progress_token: Option<&'a str>,
    /// W3C trace context.
    pub traceparent: Option<&'a str>,
    /// W3C trace state.
    pub tracestate: Option<&'a str>,
}

impl<'a> Meta<'a> {
    /// Of a text that is checked already: a message is, before anybody reads of it.
    pub(super) fn read(object: &'a [u8]) -> Self {
        let mut meta = Self::default();
        for (key, value) in json::members(json::text(object).unwrap_or_default()) {
            let member = match &*key {
                keys::PROTOCOL_VERSION => &mut meta.protocol_version,
                keys::CLIENT_CAPABILITIES => &mut meta.client_capabilities,
                keys::CLIENT_INFO => &mut meta.client_info,
                keys::PROGRESS_TOKEN => &mut meta.progress_token,
                keys::TRACEPARENT => &mut meta.traceparent,
                keys::TRACESTATE => &mut meta.tracestate,
                _ => continue,
            };
            // One that says nothing is as one that is not there.
            *member = Some(value).filter(|value| *value != "null");
        }
        meta
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_their_names_however_these_are_written() {
        let meta = Meta::read(
            br#"{"x":{"traceparent":1}, "progress\u0054oken" : [ 7 ],"traceparent":"a\u0062","tracestate":null}"#,
        );
        assert_eq!(meta.progress_token, Some("[ 7 ]"));
        assert_eq!(Meta::text(meta.traceparent).as_deref(), Some("ab"));
        assert_eq!((meta.tracestate, meta.client_info), (None, None));
        assert_eq!(Meta::text(meta.progress_token), None);
        assert_eq!(Meta::text(Some("\"")), None);
    }
}
