//! Which revision a POST speaks, and whether its headers say what its body says.

use http::HeaderMap;
use mcpo2_core::{Message, Meta, Method, ProtocolVersion, Request};

use super::headers::{METHOD, NAME, SESSION, VERSION, decoded, single};
use crate::{edge::wanted_version, refusal::Refusal};

/// How a message is to be taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Era<'a> {
    /// It begins a session.
    Initialize,
    /// It belongs to the session of this id.
    Session(&'a str),
    /// It stands for itself.
    Stateless,
}

/// Tells how a message is to be taken, or why its headers forbid to take it at all.
pub(super) fn of<'a>(headers: &'a HeaderMap, message: &Message) -> Result<Era<'a>, Refusal> {
    let version = single(headers, VERSION)?;
    let Message::Request(request) = message else {
        return session(headers, version);
    };
    let id = request.id();
    let fault = |refusal: Refusal| refusal.with_id(id);
    let claimed = Meta::text(request.meta().protocol_version());
    if *request.method() == Method::Initialize && claimed.is_none() {
        return initialize(headers, version, request).map_err(fault);
    }
    let stateless = version == Some(ProtocolVersion::LATEST.as_str());
    if claimed.is_some() || stateless || *request.method() == Method::Discover {
        if id.is_none() && claimed.is_none() && !stateless {
            return session(headers, version).map_err(fault);
        }
        agree(headers, version, claimed.as_deref(), request).map_err(fault)?;
        return Ok(Era::Stateless);
    }
    session(headers, version).map_err(fault)
}

/// The handshake may come without headers, but those that come must not say otherwise.
fn initialize<'a>(
    headers: &'a HeaderMap,
    version: Option<&str>,
    request: &Request,
) -> Result<Era<'a>, Refusal> {
    let asked = wanted_version(request);
    if version.is_some() && asked.is_some() && version != asked.as_deref() {
        return Err(Refusal::invalid(
            "header_mismatch",
            "the header `mcp-protocol-version` does not match `params.protocolVersion`",
        ));
    }
    if single(headers, METHOD)?.is_some_and(|method| method != "initialize") {
        return Err(mismatch(METHOD));
    }
    Ok(Era::Initialize)
}

fn session<'a>(headers: &'a HeaderMap, version: Option<&str>) -> Result<Era<'a>, Refusal> {
    if version.is_some_and(|version| version.parse::<ProtocolVersion>().is_err()) {
        return Err(Refusal::invalid(
            "unsupported_version",
            "unsupported protocol version",
        ));
    }
    match single(headers, SESSION)? {
        Some(id) => Ok(Era::Session(id)),
        None => Err(Refusal::invalid(
            "session_missing",
            "the header `mcp-session-id` is missing",
        )),
    }
}

/// Since 2026-07-28 a request says in `_meta` what it speaks, and in headers what it is.
fn agree(
    headers: &HeaderMap,
    version: Option<&str>,
    claimed: Option<&str>,
    request: &Request,
) -> Result<(), Refusal> {
    // A notification carries no metadata of its own.
    if request.id().is_some() {
        metadata(version, claimed, request)?;
    }
    match single(headers, METHOD)? {
        Some(method) if method == request.method().as_str() => {}
        Some(_) => return Err(mismatch(METHOD)),
        None => return Err(missing(METHOD)),
    }
    let named = matches!(
        request.method(),
        Method::ToolsCall
            | Method::PromptsGet
            | Method::ResourcesRead
            | Method::TasksGet
            | Method::TasksUpdate
            | Method::TasksCancel
    );
    match (named, single(headers, NAME)?, request.item()) {
        (true, Some(name), Some(item)) if decoded(name).as_deref() == Some(item.name()) => Ok(()),
        (true, Some(_), _) => Err(mismatch(NAME)),
        (true, None, _) => Err(missing(NAME)),
        (false, _, _) => Ok(()),
    }
}

fn metadata(
    version: Option<&str>,
    claimed: Option<&str>,
    request: &Request,
) -> Result<(), Refusal> {
    let invalid = |message: String| {
        Refusal::new(
            http::StatusCode::BAD_REQUEST,
            -32602,
            "metadata_missing",
            message,
        )
    };
    let Some(claimed) = claimed else {
        return Err(invalid(
            "`_meta` says no `io.modelcontextprotocol/protocolVersion`".into(),
        ));
    };
    let Some(version) = version else {
        return Err(missing(VERSION));
    };
    if version != claimed {
        return Err(mismatch(VERSION));
    }
    if !claimed.parse().is_ok_and(ProtocolVersion::is_stateless) {
        let supported = ProtocolVersion::ALL.map(ProtocolVersion::as_str);
        let data = serde_json::json!({ "supported": supported, "requested": claimed });
        return Err(Refusal::new(
            http::StatusCode::BAD_REQUEST,
            -32022,
            "unsupported_version",
            "unsupported protocol version",
        )
        .with_data(data.to_string()));
    }
    let capabilities = request.meta().client_capabilities();
    if !capabilities.is_some_and(|object| object.starts_with('{')) {
        return Err(invalid(
            "`_meta` says no `io.modelcontextprotocol/clientCapabilities`".into(),
        ));
    }
    Ok(())
}

fn missing(header: &str) -> Refusal {
    Refusal::mismatch(format!("the header `{header}` is missing"))
}

fn mismatch(header: &str) -> Refusal {
    Refusal::mismatch(format!("the header `{header}` does not match the body"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_nobody_can_hold_does_not_hide_a_header_that_disagrees() {
        let text = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","vendor":1e400}}"#;
        let message = Message::parse(text).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(VERSION, "2025-11-25".parse().unwrap());
        assert_eq!(of(&headers, &message).unwrap(), Era::Initialize);
        headers.insert(VERSION, "2025-03-26".parse().unwrap());
        assert_eq!(
            of(&headers, &message).unwrap_err().reason(),
            "header_mismatch"
        );
    }
}
