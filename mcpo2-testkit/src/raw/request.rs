//! The little that has to be read from a request to find its answer.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A request, or a message without an id or a method.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// The id, as it was written.
    pub(super) id: Option<String>,
    /// The progress token, as it was written.
    pub(super) progress_token: Option<String>,
    pub(super) method: Option<String>,
    /// The name of a tool or prompt, or the URI of a resource.
    pub(super) target: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<String>,
    #[serde(borrow, default)]
    params: Params<'a>,
}

#[derive(Deserialize, Default)]
struct Params<'a> {
    name: Option<String>,
    uri: Option<String>,
    #[serde(borrow, rename = "_meta", default)]
    meta: Meta<'a>,
}

#[derive(Deserialize, Default)]
struct Meta<'a> {
    #[serde(borrow, rename = "progressToken")]
    progress_token: Option<&'a RawValue>,
}

impl Request {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let envelope: Envelope<'_> = serde_json::from_slice(bytes).ok()?;
        let written = |raw: &RawValue| raw.get().to_owned();
        Some(Self {
            id: envelope.id.map(written),
            progress_token: envelope.params.meta.progress_token.map(written),
            method: envelope.method,
            target: envelope.params.name.or(envelope.params.uri),
        })
    }

    /// Puts what this request said into a canned message: its id for `"$id"`, its token for
    /// `"$progressToken"`.
    pub(super) fn fill(&self, message: &[u8]) -> Bytes {
        let id = self.id.as_deref().unwrap_or("null");
        let token = self.progress_token.as_deref().unwrap_or("null");
        let message = replace(message, b"\"$id\"", id.as_bytes());
        replace(&message, b"\"$progressToken\"", token.as_bytes()).into()
    }
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        if let Some(tail) = rest.strip_prefix(from) {
            replaced.extend_from_slice(to);
            rest = tail;
        } else {
            replaced.push(first);
            rest = tail;
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_put_in_as_it_was_written() {
        let request = Request::parse(br#"{"id": "\u0061" ,"method":"ping"}"#).unwrap();
        let filled = request.fill(br#"{"id":"$id","a":["$id","$progressToken"]}"#);
        assert_eq!(filled, r#"{"id":"\u0061","a":["\u0061",null]}"#);
    }

    #[test]
    fn the_target_is_a_name_or_a_uri() {
        let target = |bytes: &str| Request::parse(bytes.as_bytes()).unwrap().target;
        assert_eq!(target(r#"{"params":{"name":"n"}}"#).as_deref(), Some("n"));
        assert_eq!(target(r#"{"params":{"uri":"u"}}"#).as_deref(), Some("u"));
        assert_eq!(target(r#"{"id":1}"#), None);
    }
}
