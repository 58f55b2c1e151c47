//! Laws of the bytes: what is refused, and what an edit leaves as it was.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed test may panic"
)]

use std::{collections::HashSet, ops::Range};

use bytes::Bytes;
use mcpo2_core::{
    Id, Message, Request,
    json::{self, MAX_DEPTH},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_generated_passes_to_the_letter(text in value()) {
        prop_assert_eq!(json::check(text.as_bytes()), Ok(text.as_str()));
    }

    #[test]
    fn what_passes_is_what_serde_json_reads_in_one_way(text in mutated()) {
        let expected = std::str::from_utf8(&text).is_ok_and(|text| reads_one_way(text, 0));
        prop_assert_eq!(json::check(&text).is_ok(), expected, "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn depth_is_bounded_where_serde_json_bounds_it(
        brackets in vec(select(vec![("[", "]"), (r#"{"k":"#, "}")]), MAX_DEPTH - 3..MAX_DEPTH + 4),
    ) {
        let opening: String = brackets.iter().map(|(open, _)| *open).collect();
        let closing: String = brackets.iter().rev().map(|(_, close)| *close).collect();
        let text = format!("{opening}0{closing}");
        let read = serde_json::from_str::<serde_json::Value>(&text);
        prop_assert_eq!(json::check(text.as_bytes()).is_ok(), read.is_ok());
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in vec(any::<u8>(), 0..256), text in mutated()) {
        let _ = Message::parse(bytes);
        let _ = Message::parse(text);
    }

    #[test]
    fn no_mutation_of_a_message_makes_it_panic(
        (message, edits) in (tool_call(), vec(edit(), 0..4)),
    ) {
        if let Ok(message) = Message::parse(apply(message.text.into_bytes(), &edits)) {
            let bytes = message.bytes().clone();
            if let Message::Request(request) = message {
                let _ = (request.meta(), request.params(), request.arguments());
                let _ = request.with_meta("k", "1").without_meta("k").with_item_name("n");
            }
            prop_assert!(json::check(&bytes).is_ok());
        }
    }

    #[test]
    fn ids_stay_to_the_letter(call in tool_call()) {
        let request = parse(&call.text);
        prop_assert_eq!(request.id().unwrap().as_json(), &call.text[call.id.clone()]);
        prop_assert_eq!(request.bytes(), call.text.as_bytes());
    }

    #[test]
    fn another_id_leaves_all_other_bytes(call in tool_call(), other in string()) {
        let id = Id::string(&other);
        let after = parse(&call.text).with_id(&id);
        prop_assert_eq!(after.bytes(), &spliced(&call.text, &call.id, id.as_json()));
        prop_assert_eq!(after.id(), Some(&id));
    }

    #[test]
    fn another_name_leaves_all_other_bytes(call in tool_call(), other in string()) {
        let after = parse(&call.text).with_item_name(other.as_str());
        let name = serde_json::to_string(&other).unwrap();
        prop_assert_eq!(after.bytes(), &spliced(&call.text, &call.name, &name));
        prop_assert_eq!(after.item().unwrap().name(), other);
    }

    #[test]
    fn a_new_member_of_meta_leaves_all_other_bytes(call in tool_call(), value in value()) {
        let value = value.trim();
        let after = parse(&call.text).with_meta("io.example/new", value);
        prop_assert_eq!(removed(after.bytes(), &format!(r#""io.example/new":{value}"#)), call.text);
    }

    #[test]
    fn a_member_of_meta_that_is_replaced_leaves_all_other_bytes(call in tool_call(), value in value()) {
        for (key, span) in &call.meta {
            let after = parse(&call.text).with_meta(key, value.trim());
            prop_assert_eq!(after.bytes(), &spliced(&call.text, span, value.trim()));
        }
    }

    #[test]
    fn a_member_of_meta_that_is_taken_away_leaves_all_other_bytes(call in tool_call()) {
        let before = members(&call.text, call.meta_object.clone());
        for gone in 0..call.meta.len() {
            let after = parse(&call.text).without_meta(&call.meta[gone].0);
            let after = std::str::from_utf8(after.bytes()).unwrap();
            let cut = call.text.len() - after.len();
            let meta = call.meta_object.start..call.meta_object.end - cut;
            let mut expected = before.clone();
            expected.remove(gone);
            prop_assert_eq!(members(after, meta.clone()), expected);
            prop_assert_eq!(&after[..meta.start], &call.text[..meta.start]);
            prop_assert_eq!(&after[meta.end..], &call.text[call.meta_object.end..]);
        }
    }

    #[test]
    fn what_is_added_to_meta_and_taken_away_again_was_never_there(call in tool_call()) {
        let request = parse(&call.text);
        let back = request.with_meta("io.example/new", "[1]").without_meta("io.example/new");
        prop_assert_eq!(back.bytes(), request.bytes());
    }
}

fn parse(text: &str) -> Request {
    match Message::parse(text.to_owned()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    }
}

fn spliced(text: &str, at: &Range<usize>, with: &str) -> Bytes {
    format!("{}{with}{}", &text[..at.start], &text[at.end..]).into()
}

/// The text without a member, and without the comma that parts it from the next.
fn removed(bytes: &[u8], member: &str) -> String {
    let text = std::str::from_utf8(bytes).unwrap();
    let with_comma = format!("{member},");
    let gone = if text.contains(&with_comma) {
        &with_comma
    } else {
        member
    };
    text.replacen(gone, "", 1)
}

/// The text of the members of an object, in order, keys with their quotes and escapes.
fn members(text: &str, at: Range<usize>) -> Vec<(String, String)> {
    object(&text[at])
        .unwrap()
        .into_iter()
        .map(|(k, v)| (k.into(), v.into()))
        .collect()
}

/// The oracle: `serde_json` takes it, no key stands twice, and it is not too deep.
fn reads_one_way(text: &str, depth: usize) -> bool {
    let Ok(raw) = serde_json::from_str::<&RawValue>(text) else {
        return false;
    };
    let (open, inner) = match raw.get().as_bytes().first() {
        Some(b'{') => {
            let Some(members) = object(raw.get()) else {
                return false;
            };
            let keys: Option<HashSet<String>> = members
                .iter()
                .map(|(key, _)| serde_json::from_str(key).ok())
                .collect();
            if keys.is_none_or(|keys| keys.len() != members.len()) {
                return false;
            }
            (true, members.into_iter().map(|(_, value)| value).collect())
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap();
            (true, items.into_iter().map(RawValue::get).collect())
        }
        _ => (false, Vec::new()),
    };
    !(open && depth >= MAX_DEPTH) && inner.into_iter().all(|part| reads_one_way(part, depth + 1))
}

fn object(text: &str) -> Option<Vec<(&str, &str)>> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(&'de str, &'de str)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                members.push((key.get(), value.get()));
            }
            Ok(members)
        }
    }

    serde_json::Deserializer::from_str(text)
        .deserialize_map(Members)
        .ok()
}

/// A `tools/call`, and where its parts stand.
#[derive(Debug, Clone)]
struct ToolCall {
    text: String,
    id: Range<usize>,
    name: Range<usize>,
    meta_object: Range<usize>,
    meta: Vec<(String, Range<usize>)>,
}

fn tool_call() -> impl Strategy<Value = ToolCall> {
    let id = prop_oneof![literal(), "-?(0|[1-9][0-9]{0,40})"];
    let meta = vec((space(), value()), 0..5);
    let vendor = value();
    (
        id,
        literal(),
        meta,
        vendor,
        space(),
        select(vec![false, true]),
    )
        .prop_map(|(id, name, meta, vendor, space, meta_first)| {
            let mut text =
                format!(r#"{space}{{"vendor":{vendor},"jsonrpc":{space}"2.0","id":{space}"#);
            let id = append(&mut text, &id);
            text += r#" ,"method":"tools/call","params":{"#;
            let (mut name_at, mut object, mut members) = (0..0, 0..0, Vec::new());
            for write_meta in [meta_first, !meta_first] {
                if text.ends_with(['}', '"']) {
                    text += ",";
                }
                if write_meta {
                    text += r#""_meta":"#;
                    let start = text.len();
                    members = write_members(&mut text, &meta);
                    object = start..text.len();
                } else {
                    text += r#" "name" : "#;
                    name_at = append(&mut text, &name);
                }
            }
            text += &format!("{space}}}}}{space}");
            ToolCall {
                text,
                id,
                name: name_at,
                meta_object: object,
                meta: members,
            }
        })
}

fn append(text: &mut String, part: &str) -> Range<usize> {
    let start = text.len();
    *text += part;
    start..text.len()
}

/// Keys descend, and one has an escape, so that an edit that sorts or decodes them shows.
fn write_members(text: &mut String, members: &[(String, String)]) -> Vec<(String, Range<usize>)> {
    text.push('{');
    let mut spans = Vec::new();
    for (n, (space, value)) in members.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        let key = ["z", "y/\u{e9}", "x", "w", "v"][n];
        let written = ["\\u007a", "y\\/\u{e9}", "x", "w", "v"][n];
        *text += &format!("{space}\"{written}\"{space}:{space}");
        let (start, value) = (text.len(), value.trim_matches([' ', '\t', '\n', '\r']));
        *text += value;
        spans.push((key.to_owned(), start..text.len()));
        *text += space;
    }
    text.push('}');
    spans
}

fn space() -> impl Strategy<Value = String> + Clone {
    "[ \t\r\n]{0,2}"
}

fn string() -> impl Strategy<Value = String> {
    "\\PC{0,8}"
}

/// A string of JSON, escaped in one of the ways that the grammar allows.
fn literal() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-z0-9_é☃𝄞 /{}\\[\\]:,]",
        1 => select(vec!["\\\"", "\\\\", "\\/", "\\n", "\\u0041", "\\u00e9", "\\ud834\\udd1e"])
            .prop_map(str::to_owned),
    ];
    vec(part, 0..8).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec!["null", "true", "false", "1e999", "-0", "{}", "[ ]"]).prop_map(str::to_owned),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        literal(),
    ];
    leaf.prop_recursive(5, 48, 16, |inner| {
        prop_oneof![
            (vec(inner.clone(), 0..5), space()).prop_map(|(items, space)| format!(
                "{space}[{}]",
                items.join(&format!("{space},"))
            )),
            (vec((literal(), inner), 0..16), space()).prop_map(|(members, space)| {
                let mut seen = HashSet::new();
                let members: Vec<_> = members
                    .into_iter()
                    .filter(|(key, _)| seen.insert(serde_json::from_str::<String>(key).unwrap()))
                    .map(|(key, value)| format!("{space}{key}{space}:{value}{space}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

#[derive(Debug, Clone)]
enum Edit {
    Remove(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    /// Repeats a piece elsewhere: how keys come to stand twice.
    Copy(
        prop::sample::Index,
        prop::sample::Index,
        prop::sample::Index,
    ),
}

fn edit() -> impl Strategy<Value = Edit> {
    let pieces: Vec<&[u8]> = vec![
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\\u",
        b"\\ud800",
        b"0",
        b"-",
        b".",
        b"e",
        b"null",
        b" ",
        b"\x0c",
        b"\x00",
        b"\xff",
        b"\xc3",
        b"\xef\xbb\xbf",
        b"\"k\":1,",
        b",\"k\":1",
        b"{\"k\":1,\"\\u006b\":2}",
        b"{\"\\ud800\":1}",
    ];
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Edit::Remove),
        (any::<prop::sample::Index>(), select(pieces))
            .prop_map(|(at, p)| Edit::Insert(at, p.into())),
        any::<[prop::sample::Index; 3]>().prop_map(|[a, b, to]| Edit::Copy(a, b, to)),
    ]
}

fn apply(mut text: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        match edit {
            Edit::Remove(at) if !text.is_empty() => drop(text.remove(at.index(text.len()))),
            Edit::Remove(_) => {}
            Edit::Insert(at, piece) => {
                let at = at.index(text.len() + 1);
                text.splice(at..at, piece.iter().copied());
            }
            Edit::Copy(one, two, to) => {
                let (one, two) = (one.index(text.len() + 1), two.index(text.len() + 1));
                let piece = text[one.min(two)..one.max(two)].to_vec();
                let to = to.index(text.len() + 1);
                text.splice(to..to, piece);
            }
        }
    }
    text
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    (value(), vec(edit(), 0..4)).prop_map(|(text, edits)| apply(text.into_bytes(), &edits))
}
