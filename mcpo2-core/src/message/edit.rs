//! Edits that leave every byte which they do not name as it was.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use super::{
    Id, Message, Request,
    meta::{Known, Places},
    request::Spans,
};
use crate::{
    Item,
    json::{self, Member, Object, Text, spliced},
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
    let member = Member::trusted(key, value);
    let Some(params) = &request.spans().params else {
        let params = format!(r#","params":{{{member}}}"#);
        let bytes = request.bytes();
        let end = memchr::memrchr(b'}', bytes).unwrap_or_default();
        return reread(request, spliced(bytes, &(end..end), params.as_bytes()));
    };
    let insertion = first(request.params().unwrap_or_default(), &member);
    let at = params.start + 1..params.start + 1;
    let (text, mut spans) = request.spliced(&at, insertion.as_bytes());
    let start = at.start + member.text().len() - value.len();
    let inserted = Some(start..start + value.len());
    match key {
        "_meta" => {
            spans.meta = inserted;
            spans.known = known(&text, &spans);
        }
        "arguments" => spans.arguments = inserted,
        _ => return reread(request, text.whole().clone()),
    }
    settled(request, (text, spans), value)
}

/// Puts a member into `_meta`, in front of all others where none has its name.
pub(super) fn set_meta(request: &Request, member: &Member) -> Request {
    let (Some(at), Some(meta)) = (&request.spans().meta, request.meta_json()) else {
        return insert_param(request, "_meta", &format!("{{{member}}}"));
    };
    let named = member.may_stand_in(meta);
    let old = named
        .then(|| json::find(json::text(meta).ok()?, member.key()))
        .flatten();
    let (within, with) = match &old {
        Some(old) => (old.clone(), member.value()),
        None => (1..1, first(meta, member)),
    };
    let (text, mut spans) = request.spliced_in(at, &offset(&within, at.start), with.as_bytes());
    if member.may_be_deep() {
        return reread(request, text.whole().clone());
    }
    let by = u32::try_from(with.len()).ok().filter(|_| old.is_none());
    match (by, Known::of(member.key())) {
        (Some(by), None) => spans.known = spans.known.moved(|at| at.saturating_add(by)),
        _ => spans.known = known(&text, &spans),
    }
    edited(request, text, spans)
}

/// Takes a member out of `_meta`.
pub(super) fn remove_meta(request: &Request, key: &str) -> Request {
    let (Some(at), Some(meta)) = (&request.spans().meta, request.meta_json()) else {
        return request.clone();
    };
    let object = json::text(meta).ok().and_then(Object::of);
    let Some(gone) = object.and_then(|object| object.member(key)) else {
        return request.clone();
    };
    let (text, mut spans) = request.spliced_in(at, &offset(&gone, at.start), b"");
    spans.known = known(&text, &spans);
    edited(request, text, spans)
}

/// Where the members of `_meta` stand in an edited text.
fn known(text: &Text, spans: &Spans) -> Places {
    let meta = spans.meta.as_ref().and_then(|at| text.get(at));
    meta.map(Places::of).unwrap_or_default()
}

/// The request in new bytes, in which only `value` is new.
///
/// What a caller of this crate gives is read once; an edit that would break the message leaves it
/// as it was.
fn settled(before: &Request, (text, spans): (Text, Spans), value: &str) -> Request {
    if json::may_be_deep(value) {
        return reread(before, text.whole().clone());
    }
    match json::check(value.as_bytes()) {
        Ok(_) => edited(before, text, spans),
        Err(_) => before.clone(),
    }
}

/// The request in new bytes, in which nothing else is new.
fn edited(before: &Request, text: Text, spans: Spans) -> Request {
    let parts = (before.method().clone(), before.item().cloned(), spans);
    Request::new(text, before.id().cloned(), parts)
}

/// Where the value of a member of the message itself stands.
pub(super) fn top_level(bytes: &Bytes, key: &str) -> Option<Range<usize>> {
    Object::of(std::str::from_utf8(bytes).ok()?)?.value(key)
}

/// Puts a member in front of all others of the object at `at`.
pub(super) fn insert_first(bytes: &Bytes, at: &Range<usize>, member: &Member) -> Bytes {
    let insertion = first(bytes.get(at.clone()).unwrap_or_default(), member);
    let start = at.start + 1;
    spliced(bytes, &(start..start), insertion.as_bytes())
}

/// What is inserted behind the bracket of an object for that.
fn first<'a>(object: &[u8], member: &'a Member) -> &'a str {
    let mut inner = object.iter().skip(1);
    match inner.find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'}') => member.text(),
        _ => member.before_others(),
    }
}

/// A string as JSON; to write one cannot fail.
fn string(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).unwrap_or_default()
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
