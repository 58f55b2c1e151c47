//! The JSON-RPC envelope, found in the bytes and kept there.

mod edit;
mod id;
mod list;
mod meta;
mod outline;
mod page;
mod parse;
mod request;
mod response;

pub use id::Id;
pub use list::{Listed, retain};
pub use meta::{Meta, keys};
pub use page::{ListPage, PageEntries};
pub use parse::ParseError;
pub use request::Request;
pub use response::{Outcome, Response, error_response, result_response};

use bytes::Bytes;

/// One JSON-RPC message of MCP, with the bytes it came in.
///
/// ```
/// use mcpo2_core::Message;
///
/// let bytes = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","x":1}}"#;
/// let Message::Request(request) = Message::parse(bytes).unwrap() else { unreachable!() };
/// assert_eq!(request.item().unwrap().name(), "add");
/// assert_eq!(request.bytes(), bytes);
/// ```
#[derive(Debug, Clone)]
pub enum Message {
    /// A request, or a notification where it has no id.
    Request(Request),
    /// The answer to a request: a result or an error.
    Response(Response),
}

impl Message {
    /// Reads one message, and refuses what two readers could read differently.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says whether this was no JSON (`-32700`) or no JSON-RPC message of MCP
    /// (`-32600`), and which id to answer to.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, ParseError> {
        parse::message(bytes.into())
    }

    /// The bytes, as received.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Request(request) => request.bytes(),
            Self::Response(response) => response.bytes(),
        }
    }
}
