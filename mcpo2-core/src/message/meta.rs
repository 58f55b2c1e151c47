use serde::Deserialize;
use serde_json::value::RawValue;

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

/// The members of `params._meta` that a gateway reads; all others pass unread.
#[derive(Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Meta<'a> {
    /// The protocol revision that this request speaks.
    #[serde(borrow, default, rename = "io.modelcontextprotocol/protocolVersion")]
    pub protocol_version: Option<&'a RawValue>,
    /// The client's capabilities, an object.
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientCapabilities")]
    pub client_capabilities: Option<&'a RawValue>,
    /// The client's name and version, an object.
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientInfo")]
    pub client_info: Option<&'a RawValue>,
    /// The progress token, a string or an integer.
    #[serde(borrow, default, rename = "progressToken")]
    pub progress_token: Option<&'a RawValue>,
    /// W3C trace context.
    #[serde(borrow, default)]
    pub traceparent: Option<&'a RawValue>,
    /// W3C trace state.
    #[serde(borrow, default)]
    pub tracestate: Option<&'a RawValue>,
}

impl<'a> Meta<'a> {
    pub(super) fn read(object: &'a [u8]) -> Self {
        serde_json::from_slice(object).unwrap_or_default()
    }

    /// A member that should be a string, decoded.
    #[must_use]
    pub fn text(member: Option<&RawValue>) -> Option<String> {
        serde_json::from_str(member?.get()).ok()
    }
}
