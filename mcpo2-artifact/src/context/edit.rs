//! Edits of a request that leave every byte which they do not name as it was.

use std::sync::LazyLock;

use mcpo2_core::{
    Error, ErrorKind, Request, Routed,
    json::{self, Member, Needle},
};

use super::{CONTEXT, WORKSPACE, internal};

/// The call without the keys that no module is to have of a caller; the very same where it has none.
pub(super) fn without_keys(routed: Routed) -> Routed {
    static KEYS: LazyLock<[Needle; 2]> = LazyLock::new(|| [WORKSPACE, CONTEXT].map(Needle::new));
    let meta = routed.request().meta_json();
    if !meta.is_some_and(|meta| KEYS.iter().any(|key| key.may_stand_in(meta))) {
        return routed;
    }
    routed.map_request(|request| request.without_meta(WORKSPACE).without_meta(CONTEXT))
}

/// Refuses a request that has this argument.
pub(super) fn refuse_argument(request: &Request, name: &str) -> Result<(), Error> {
    let Some(arguments) = request.arguments() else {
        return Ok(());
    };
    let arguments = object(arguments)?;
    if json::members(arguments).any(|(key, _)| key == name) {
        let message = format!("argument `{name}` is set by the platform");
        return Err(Error::new(ErrorKind::InvalidParams, message));
    }
    Ok(())
}

/// The request with one more argument, a string, before all others. It is not there yet.
pub(super) fn with_argument(request: &Request, name: &str, text: &str) -> Result<Request, Error> {
    let old = object(request.arguments().unwrap_or(b"{}"))?;
    let (name, text) = (quoted(name), quoted(text));
    let rest = old.get(1..).unwrap_or("}");
    let comma = match rest.trim_start().starts_with('}') {
        true => "",
        false => ",",
    };
    Ok(request.with_arguments(&format!("{{{name}:{text}{comma}{rest}")))
}

/// The request with what a module is told in `_meta`.
pub(super) fn with_context(request: &Request, json: &str) -> Result<Request, Error> {
    let member = Member::new(CONTEXT, json);
    let member = member.map_err(|fault| internal().with_source(fault))?;
    Ok(request.with_meta_member(&member))
}

fn object(arguments: &[u8]) -> Result<&str, Error> {
    let text = json::text(arguments).map_err(|fault| internal().with_source(fault))?;
    match text.starts_with('{') {
        true => Ok(text),
        false => Err(Error::new(
            ErrorKind::InvalidParams,
            "`arguments` is not an object",
        )),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
