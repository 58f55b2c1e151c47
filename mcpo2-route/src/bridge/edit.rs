//! Parts of messages that one era has and the other has not, taken out or put in as spans, so
//! that every other byte stays.

use bytes::Bytes;
use mcpo2_core::{Digest, Message, Method, Request, Response, json::Object, message::keys};
use serde_json::value::RawValue;

/// The members of `params` by which a client comes back with what was asked.
pub(super) const INPUT: [&str; 2] = ["inputResponses", "requestState"];

/// A request of the stateless revision without what only that revision knows.
pub(super) fn without_stateless_parts(request: &Request) -> Request {
    let known = [
        keys::PROTOCOL_VERSION,
        keys::CLIENT_CAPABILITIES,
        keys::CLIENT_INFO,
        keys::LOG_LEVEL,
    ];
    let bare = known
        .into_iter()
        .fold(request.clone(), |request, key| request.without_meta(key));
    // A task is not for a client of this revision to ask for.
    let gone: &[&str] = match request.method() {
        Method::ToolsCall => &[INPUT[0], INPUT[1], "task"],
        _ => &INPUT,
    };
    match bare.params() {
        Some(params) => with_params(&bare, &without(params, gone)),
        None => bare,
    }
}

/// The same request with a member more in its `params`.
pub(super) fn with_param(request: &Request, key: &str, value: &str) -> Request {
    let Some(params) = request.params() else {
        return request.clone();
    };
    let params = with_members(params, &[key], &format!("\"{key}\":{value}"));
    with_params(request, params.as_bytes())
}

/// The same request without a member of its `params`.
pub(super) fn without_param(request: &Request, key: &str) -> Request {
    match request.params() {
        Some(params) => with_params(request, &without(params, &[key])),
        None => request.clone(),
    }
}

/// An object (JSON text) with these members (JSON text, parted by commas) before its own, of which
/// those that are `gone` go; all other bytes stay.
pub(super) fn with_members(object: &[u8], gone: &[&str], members: &str) -> String {
    let rest = without(object, gone);
    let rest = String::from_utf8_lossy(&rest);
    let inner = rest.trim_start().strip_prefix('{').unwrap_or("}");
    let is_alone = members.is_empty() || inner.trim_start().starts_with('}');
    let comma = if is_alone { "" } else { "," };
    format!("{{{members}{comma}{inner}")
}

/// A result without what only the stateless revision says around it.
pub(super) fn session_result(response: &Response) -> Bytes {
    match response.result_json() {
        Some(result) => {
            response.with_result(&without(result, &["resultType", "ttlMs", "cacheScope"]))
        }
        None => response.bytes().clone(),
    }
}

/// A digest of what a request asks for, whatever its spaces and the order of its members:
/// `params` without `_meta` and without what only a later round has.
pub(super) fn digest(request: &Request) -> Digest {
    let params = request.params().unwrap_or(b"{}");
    let asked = without(params, &["_meta", "inputResponses", "requestState"]);
    let mut canonical = Vec::with_capacity(asked.len());
    if let Ok(text) = std::str::from_utf8(&asked) {
        write_canonical(text.trim(), &mut canonical);
    }
    Digest::of(&canonical)
}

/// Numbers keep their digits: two that differ in text are two.
fn write_canonical(text: &str, out: &mut Vec<u8>) {
    if text.starts_with('{')
        && let Some(object) = Object::of(text)
    {
        let mut members: Vec<_> = object.iter().collect();
        members.sort_by(|(one, _), (two, _)| one.cmp(two));
        out.push(b'{');
        for (key, value) in members {
            out.extend_from_slice(serde_json::Value::from(&*key).to_string().as_bytes());
            out.push(b':');
            write_canonical(value, out);
            out.push(b',');
        }
        out.push(b'}');
    } else if text.starts_with('[')
        && let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(text)
    {
        out.push(b'[');
        for entry in entries {
            write_canonical(entry.get(), out);
            out.push(b',');
        }
        out.push(b']');
    } else if let Ok(string) = serde_json::from_str::<String>(text) {
        out.extend_from_slice(serde_json::Value::from(string).to_string().as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

fn with_params(request: &Request, params: &[u8]) -> Request {
    let Some(old) = request.params() else {
        return request.clone();
    };
    let bytes = request.bytes();
    let start = old.as_ptr().addr().saturating_sub(bytes.as_ptr().addr());
    let before = bytes.get(..start).unwrap_or_default();
    let behind = bytes.get(start + old.len()..).unwrap_or_default();
    match Message::parse([before, params, behind].concat()) {
        Ok(Message::Request(edited)) => edited,
        Ok(Message::Response(_)) | Err(_) => request.clone(),
    }
}

/// An object (JSON text) without these members; all other bytes stay.
pub(super) fn without(object: &[u8], keys: &[&str]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(object).into_owned();
    for key in keys {
        if let Some(gone) = Object::of(&text).and_then(|object| object.member(key)) {
            text.replace_range(gone, "");
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        match Message::parse(text.to_owned()) {
            Ok(Message::Request(request)) => request,
            other => unreachable!("{other:?}"),
        }
    }

    fn call(params: &str) -> Request {
        request(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#
        ))
    }

    #[test]
    fn what_only_the_stateless_revision_knows_goes_and_the_rest_stays() {
        let call = call(
            r#"{"requestState":"s", "name":"n","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","v":1e400},"inputResponses":{"a":{}}}"#,
        );
        assert_eq!(
            without_stateless_parts(&call).params().unwrap(),
            br#"{ "name":"n","_meta":{"v":1e400}}"#
        );
    }

    #[test]
    fn a_member_is_put_in_over_an_old_one() {
        let once = with_param(&call(r#"{"name":"n"}"#), "requestState", "\"a\"");
        let twice = with_param(&once, "requestState", "\"b\"");
        assert_eq!(
            twice.params().unwrap(),
            br#"{"requestState":"b","name":"n"}"#
        );
    }

    #[test]
    fn a_digest_is_of_what_is_asked_and_of_nothing_else() {
        let one = digest(&call(r#"{"name":"n","arguments":{"a":1,"b":[ "x" ]}}"#));
        let same = call(
            r#"{"_meta":{"progressToken":1},"requestState":"s","arguments":{ "b":["\u0078"],"a":1},"name":"n"}"#,
        );
        assert_eq!(one, digest(&same));
        for other in [
            r#"{"name":"m","arguments":{"a":1,"b":["x"]}}"#,
            r#"{"name":"n","arguments":{"a":1.0,"b":["x"]}}"#,
            r#"{"name":"n","arguments":{"a":1,"b":["x",1]}}"#,
            r#"{"name":"n"}"#,
        ] {
            assert_ne!(one, digest(&call(other)), "{other}");
        }
    }
}
