//! The messages that the gateway itself says to a module, and what it reads of the answers.

use bytes::Bytes;
use mcpo2_core::{
    Error, ErrorKind, Id, Message, Method, ProtocolVersion, Request, Response,
    message::{error_response, keys, result_response},
};
use serde::Deserialize;
use serde_json::json;

use super::{ClientInfo, fault};

/// Ends the handshake of the revisions with sessions.
pub(crate) const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// The id of the gateway's own request number `n`.
pub(crate) fn id(n: u64) -> Id {
    Id::string(&format!("mcpo2-{n}"))
}

/// A request of the gateway; `params` is JSON text.
pub(crate) fn request(id: &Id, method: &str, params: &[u8]) -> Result<Request, Error> {
    let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":"#);
    let text = [head.as_bytes(), params, b"}"].concat();
    match Message::parse(text) {
        Ok(Message::Request(request)) => Ok(request),
        Ok(Message::Response(_)) => Err(fault::protocol("a request is no response")),
        Err(error) => Err(Error::new(
            ErrorKind::InvalidParams,
            "the parameters of `initialize` are not valid",
        )
        .with_source(error)),
    }
}

/// The parameters of an `initialize` in the gateway's own name.
pub(crate) fn initialize(client: &ClientInfo) -> String {
    json!({
        "protocolVersion": ProtocolVersion::LATEST_SESSION,
        "capabilities": {},
        "clientInfo": client.json(),
    })
    .to_string()
}

/// The parameters of a `server/discover`.
pub(crate) fn discover(client: &ClientInfo) -> String {
    json!({ "_meta": {
        keys::PROTOCOL_VERSION: ProtocolVersion::LATEST,
        keys::CLIENT_INFO: client.json(),
        keys::CLIENT_CAPABILITIES: {},
    }})
    .to_string()
}

/// Tells the module that nobody waits for the answer any more.
pub(crate) fn cancelled(id: &Id) -> Bytes {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
    )
    .into()
}

/// The answer to a module that asks for a client where there is none.
pub(crate) fn refusal(request: &Request) -> Bytes {
    match (request.method(), request.id()) {
        (Method::Ping, Some(id)) => result_response(id, "{}"),
        (_, id) => error_response(id, -32601, "Method not found", None),
    }
}

/// The revision that the answer to `initialize` agrees on.
pub(crate) fn agreed(response: &Response) -> Result<ProtocolVersion, Error> {
    #[derive(Deserialize)]
    struct Initialized {
        #[serde(rename = "protocolVersion")]
        version: String,
    }
    let Some(result) = response.result_json() else {
        let error = String::from_utf8_lossy(response.error_json().unwrap_or_default());
        return Err(fault::protocol(format!(
            "`initialize` was refused: {error}"
        )));
    };
    let result: Initialized = serde_json::from_slice(result).map_err(fault::protocol)?;
    let version: ProtocolVersion = result.version.parse().map_err(fault::protocol)?;
    if version.is_stateless() {
        return Err(fault::protocol(
            "`initialize` agreed on a revision without it",
        ));
    }
    Ok(version)
}

/// Whether the answer to `server/discover` says that the module speaks the stateless revision.
pub(crate) fn is_stateless(response: &Response) -> bool {
    #[derive(Deserialize)]
    struct Discovered {
        #[serde(rename = "supportedVersions")]
        versions: Vec<String>,
    }
    let result = response.result_json().unwrap_or_default();
    serde_json::from_slice(result).is_ok_and(|Discovered { versions }| {
        versions
            .iter()
            .any(|version| version == ProtocolVersion::LATEST.as_str())
    })
}

/// The result of a response, on its own.
pub(crate) fn result(response: &Response) -> Bytes {
    Bytes::copy_from_slice(response.result_json().unwrap_or_default())
}
