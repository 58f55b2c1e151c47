//! Edits that leave every byte which they do not name as it was.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use super::{Id, Message, Request, request::Spans};
use crate::{
    Item,
    json::{self, Object, Splice, Text},
};

/// Addresses the request to `name`; nothing else changes, so nothing is read again.
pub(super) fn rename(request: &Request, at: &Range<usize>, name: Arc<str>) -> Request {
    let (text, spans) = request.spliced(at, &string(&name));
    let item = request.item().map(|item| Item::new(item.kind(), name));
    Request::new(
        text,
        request.id().cloned(),
        (request.method().clone(), item, spans),
    )
}

/// Puts the request under another id, likewise.
pub(super) fn reidentify(request: &Request, at: &Range<usize>, id: &Id) -> Request {
    let (text, spans) = request.spliced(at, id.as_json().as_bytes());
    let parts = (request.method().clone(), request.item().cloned(), spans);
    Request::new(text, Some(id.clone()), parts)
}

/// Puts JSON text in place of what stands at `at`, in which nothing is that a request reads.
pub(super) fn replace(request: &Request, at: &Range<usize>, value: &str) -> Request {
    settled(request, request.spliced(at, value.as_bytes()), value)
}

pub(super) fn insert_param(request: &Request, key: &str, value: &str) -> Request {
    let member = member(key, value);
    let Some(params) = &request.spans().params else {
        let params = [br#","params":{"#.as_slice(), &member, b"}"].concat();
        let end = request
            .bytes()
            .iter()
            .rposition(|&b| b == b'}')
            .unwrap_or_default();
        let bytes = Splice::new(request.bytes())
            .replace(end..end, params)
            .finish();
        return reread(request, bytes);
    };
    let (insertion, at) = first(request.params().unwrap_or_default(), member);
    let at = offset(&at, params.start);
    let (text, mut spans) = request.spliced(&at, &insertion);
    // Behind the key, its quotes and the colon.
    let start = at.start + insertion.iter().position(|&b| b == b':').unwrap_or(0) + 1;
    let inserted = Some(start..start + value.len());
    match key {
        "_meta" => spans.meta = inserted,
        "arguments" => spans.arguments = inserted,
        _ => return reread(request, text.whole().clone()),
    }
    settled(request, (text, spans), value)
}

pub(super) fn set_meta(request: &Request, key: &str, value: Option<&str>) -> Request {
    let (Some(at), Some(meta)) = (&request.spans().meta, request.meta_json()) else {
        return match value {
            Some(value) => insert_param(request, "_meta", &format!("{{{}:{value}}}", quoted(key))),
            None => request.clone(),
        };
    };
    let text = std::str::from_utf8(meta).unwrap_or_default();
    let edit = Splice::new(meta);
    let object = Object::of(text);
    let known = object.as_ref().and_then(|object| object.value(key));
    let edit = match (known, value) {
        (Some(old), Some(value)) => edit.replace(old, value),
        (Some(_), None) => match object.and_then(|object| object.member(key)) {
            Some(gone) => edit.replace(gone, []),
            None => return request.clone(),
        },
        (None, Some(value)) => {
            let (insertion, at) = first(meta, member(key, value));
            edit.replace(at, insertion)
        }
        (None, None) => return request.clone(),
    };
    // As a whole, so that it stands in one piece for those who read it.
    let edited = request.spliced(at, &edit.finish());
    settled(request, edited, value.unwrap_or_default())
}

/// The request in new bytes, in which only `value` is new.
///
/// What a caller of this crate gives is read once; an edit that would break the message leaves it
/// as it was.
fn settled(before: &Request, (text, spans): (Text, Spans), value: &str) -> Request {
    let deep = value.bytes().filter(|b| matches!(b, b'{' | b'[')).count() > SHALLOW;
    if deep {
        return reread(before, text.whole().clone());
    }
    if !value.is_empty() && json::check(value.as_bytes()).is_err() {
        return before.clone();
    }
    let parts = (before.method().clone(), before.item().cloned(), spans);
    Request::new(text, before.id().cloned(), parts)
}

/// So many brackets nest nowhere too deep in a message, however they stand.
const SHALLOW: usize = 64;

/// Where the value of a member of the message itself stands.
pub(super) fn top_level(bytes: &Bytes, key: &str) -> Option<Range<usize>> {
    Object::of(std::str::from_utf8(bytes).ok()?)?.value(key)
}

/// Puts a member in front of all others of the object at `at`.
pub(super) fn insert_first(bytes: &Bytes, at: &Range<usize>, member: Vec<u8>) -> Bytes {
    let (insertion, within) = first(bytes.get(at.clone()).unwrap_or_default(), member);
    let within = offset(&within, at.start);
    Splice::new(bytes).replace(within, insertion).finish()
}

/// What is inserted into an object for that, and where.
fn first(object: &[u8], mut member: Vec<u8>) -> (Vec<u8>, Range<usize>) {
    let mut inner = object.iter().skip(1);
    let is_empty = inner.find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}');
    if !is_empty {
        member.push(b',');
    }
    (member, 1..1)
}

pub(super) fn member(key: &str, value: &str) -> Vec<u8> {
    format!("{}:{value}", quoted(key)).into_bytes()
}

pub(super) fn string(text: &str) -> Vec<u8> {
    quoted(text).into_bytes()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
    use proptest::prelude::*;

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

    /// Members of a request in any order, with spaces and without, some of them left out.
    fn any_request() -> impl Strategy<Value = String> {
        let params = proptest::sample::subsequence(
            vec![
                r#""name":"a""#,
                r#""arguments": { "x":[1,{}], "name":2 }"#,
                r#""_meta":{"k":1, "io/z" : {"a":"}"},"\u0061b":null}"#,
                r#""_meta":{ }"#,
                r#""other":",""#,
            ],
            0..5,
        );
        let params = params.prop_filter("once", |members| {
            members
                .iter()
                .filter(|member| member.starts_with(r#""_meta""#))
                .count()
                < 2
        });
        let members = (params.prop_shuffle(), any::<bool>()).prop_flat_map(|(params, without)| {
            let params = (!without).then(|| format!(r#""params": {{{}}}"#, params.join(" ,")));
            let id = Some(r#""id" :"q7""#.to_owned());
            let rest =
                [r#""jsonrpc":"2.0""#, r#""method":"tools/call""#].map(|m| Some(m.to_owned()));
            let all: Vec<String> = rest.into_iter().chain([id, params]).flatten().collect();
            Just(all).prop_shuffle()
        });
        members.prop_map(|members| format!(" {{ {} }}", members.join(", ")))
    }

    proptest! {
        #[test]
        fn an_edited_request_is_what_its_bytes_say(
            text in any_request(),
            edits in proptest::collection::vec(0..9_u8, 1..5),
        ) {
            let mut request = match Message::parse(text).unwrap() {
                Message::Request(request) => request,
                Message::Response(_) => unreachable!(),
            };
            for edit in edits {
                request = match edit {
                    0 => request.with_item_name("some\"thing"),
                    1 => request.with_id(&Id::number(123_456)),
                    2 => request.with_arguments(r#"{"y":{}}"#),
                    3 => request.with_meta("k", r#""value""#),
                    4 => request.with_meta("ab", "[1]"),
                    5 => request.with_meta("new/key", "{}"),
                    6 => request.without_meta("k"),
                    7 => request.without_meta("ab"),
                    // What is no JSON, or nests too deep, changes nothing.
                    _ => request.with_meta("bad", "{").with_arguments(&"[".repeat(200)),
                };
                let Ok(Message::Request(read)) = Message::parse(request.bytes().clone()) else {
                    return Err(TestCaseError::fail(format!("{request:?}")));
                };
                prop_assert_eq!(format!("{request:?}"), format!("{read:?}"));
            }
        }
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
