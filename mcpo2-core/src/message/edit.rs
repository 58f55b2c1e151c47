//! Edits that leave every byte which they do not name as it was.

use std::{collections::BTreeMap, fmt, ops::Range};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    Message, Request,
    parse::{object, span},
};
use crate::json::Splice;

pub(super) fn replace(request: &Request, at: Range<usize>, with: Vec<u8>) -> Request {
    reread(
        request,
        Splice::new(request.bytes()).replace(at, with).finish(),
    )
}

pub(super) fn insert_param(request: &Request, key: &str, value: &str) -> Request {
    let member = member(key, value);
    let bytes = match &request.spans().params {
        Some(params) => insert_first(request.bytes(), params, &member),
        None => {
            let params = [br#","params":{"#.as_slice(), &member, b"}"].concat();
            let end = request
                .bytes()
                .iter()
                .rposition(|&b| b == b'}')
                .unwrap_or_default();
            Splice::new(request.bytes())
                .replace(end..end, params)
                .finish()
        }
    };
    reread(request, bytes)
}

pub(super) fn set_meta(request: &Request, key: &str, value: Option<&str>) -> Request {
    let Some(meta) = &request.spans().meta else {
        return match value {
            Some(value) => insert_param(request, "_meta", &format!("{{{}:{value}}}", quoted(key))),
            None => request.clone(),
        };
    };
    let text = text(request.bytes(), meta);
    let members: BTreeMap<String, &RawValue> = object(text).unwrap_or_default();
    match (members.get(key), value) {
        (Some(old), Some(value)) => {
            let old = offset(&span(text, old), meta.start);
            replace(request, old, value.into())
        }
        (Some(_), None) => match member_span(text, key) {
            Some(gone) => replace(request, offset(&gone, meta.start), Vec::new()),
            None => request.clone(),
        },
        (None, Some(value)) => reread(
            request,
            insert_first(request.bytes(), meta, &member(key, value)),
        ),
        (None, None) => request.clone(),
    }
}

/// Where the value of a member of the message itself stands.
pub(super) fn top_level(bytes: &Bytes, key: &str) -> Option<Range<usize>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let members: BTreeMap<String, &RawValue> = object(text)?;
    members.get(key).map(|raw| span(text, raw))
}

/// Puts a member in front of all others of the object at `at`.
pub(super) fn insert_first(bytes: &Bytes, at: &Range<usize>, member: &[u8]) -> Bytes {
    let inner = bytes.get(at.start + 1..at.end).unwrap_or_default();
    let empty = inner.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'}');
    let mut insertion = member.to_vec();
    if !empty {
        insertion.push(b',');
    }
    Splice::new(bytes)
        .replace(at.start + 1..at.start + 1, insertion)
        .finish()
}

pub(super) fn member(key: &str, value: &str) -> Vec<u8> {
    format!("{}:{value}", quoted(key)).into_bytes()
}

pub(super) fn string(text: &str) -> Vec<u8> {
    quoted(text).into_bytes()
}

/// Where a member of an object stands, with one of the commas that part it from the others.
fn member_span(text: &str, key: &str) -> Option<Range<usize>> {
    let Members(members) = object(text)?;
    let is_it = |(name, _): &(&RawValue, _)| {
        serde_json::from_str::<String>(name.get()).is_ok_and(|name| name == key)
    };
    let at = members.iter().position(is_it)?;
    let (name, value) = members.get(at)?;
    let (start, end) = (span(text, name).start, span(text, value).end);
    if members.len() > at + 1 {
        // Between a value and the next key stand only spaces and the comma.
        let comma = text.get(end..)?.find(',')?;
        return Some(start..end + comma + 1);
    }
    let before = at.checked_sub(1).and_then(|before| members.get(before));
    Some(before.map_or(start, |(_, value)| span(text, value).end)..end)
}

/// The members of an object in order, keys with their quotes and escapes.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        from.deserialize_map(InOrder)
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn text<'a>(bytes: &'a Bytes, at: &Range<usize>) -> &'a str {
    std::str::from_utf8(bytes.get(at.clone()).unwrap_or_default()).unwrap_or_default()
}

fn offset(span: &Range<usize>, by: usize) -> Range<usize> {
    span.start + by..span.end + by
}

/// Finds the parts again; an edit that broke the message would leave it as it was.
fn reread(before: &Request, bytes: Bytes) -> Request {
    match Message::parse(bytes) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Response(_)) | Err(_) => before.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &'static str) -> Request {
        match Message::parse(text).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => unreachable!(),
        }
    }

    #[test]
    fn a_rename_touches_nothing_but_the_name() {
        let before = request(
            r#"{ "vendor":18446744073709551616, "params":{"z":1,"name":"m__add","a":[ 1 ]},"method":"tools/call","id":"7","jsonrpc":"2.0"}"#,
        );
        let after = before.with_item_name("add").with_id(&crate::Id::number(9));
        assert_eq!(
            after.bytes(),
            r#"{ "vendor":18446744073709551616, "params":{"z":1,"name":"add","a":[ 1 ]},"method":"tools/call","id":9,"jsonrpc":"2.0"}"#
        );
        assert_eq!(after.item().unwrap().name(), "add");
    }

    #[test]
    fn meta_is_added_replaced_and_taken_away() {
        let bare = request(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
        let one = bare.with_meta("a", "1");
        assert_eq!(
            one.bytes(),
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"a":1}}}"#
        );
        let two = one.with_meta("b", "[2]").with_meta("a", "3");
        assert_eq!(
            two.bytes(),
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"b":[2],"a":3}}}"#
        );
        let back = two.without_meta("b").without_meta("a");
        assert_eq!(
            back.bytes(),
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{}}}"#
        );
        let empty = request(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{ }}"#);
        assert_eq!(
            empty.with_meta("a", "1").bytes(),
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"a":1} }}"#
        );
    }
}
