//! A message has the parts that `serde_json` finds in it, which reads it several times over.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use mcpo2_core::{Message, Outcome};
use proptest::{collection::vec, prelude::*, sample::select};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    name: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default, rename = "progressToken")]
    token: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ToolResult {
    #[serde(default, rename = "isError")]
    is_error: bool,
}

#[derive(Deserialize)]
struct Failure {
    code: i64,
}

/// A member that is there, even where it is `null`.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_message_has_the_parts_that_a_reader_of_many_passes_finds(text in message()) {
        let envelope: Option<Envelope<'_>> = object(&text);
        match (Message::parse(text.clone()), envelope) {
            (Ok(Message::Request(request)), Some(envelope)) => {
                let params = envelope.params.map(RawValue::get);
                let fields = params.map_or_else(|| Some(Params::default()), object).unwrap();
                prop_assert_eq!(request.id().map(|id| id.as_json()), envelope.id.map(RawValue::get));
                let method: String = serde_json::from_str(envelope.method.unwrap().get()).unwrap();
                prop_assert_eq!(request.method().as_str(), &method);
                let name = fields.name.filter(|_| method == "tools/call");
                let item: Option<String> =
                    name.map(|name| serde_json::from_str(name.get()).unwrap());
                prop_assert_eq!(request.params(), params.map(str::as_bytes));
                prop_assert_eq!(request.item().map(|item| item.name()), item.as_deref());
                let arguments = fields.arguments.map(|raw| raw.get().as_bytes());
                prop_assert_eq!(request.arguments(), arguments);
                let token = fields.meta.unwrap_or_default().token.map(RawValue::get);
                prop_assert_eq!(request.meta().progress_token(), token);
            }
            (Ok(Message::Response(response)), Some(envelope)) => {
                let result = envelope.result.map(|raw| raw.get().as_bytes());
                let error = envelope.error.map(|raw| raw.get().as_bytes());
                prop_assert_eq!((response.result_json(), response.error_json()), (result, error));
                let failed = envelope.result.and_then(|raw| object::<ToolResult>(raw.get()));
                let code = envelope.error.and_then(|raw| object::<Failure>(raw.get()));
                let outcome = match (error, failed) {
                    (Some(_), _) => Outcome::Error { code: code.map_or(-32603, |e| e.code) },
                    (None, Some(ToolResult { is_error: true })) => Outcome::ToolError,
                    (None, _) => Outcome::Result,
                };
                prop_assert_eq!(response.outcome(), outcome);
            }
            (Ok(message), None) => prop_assert!(false, "{message:?}"),
            // What is refused is what `tests/prop.rs` is about.
            (Err(_), _) => {}
        }
    }
}

fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let text = text.trim_ascii();
    text.starts_with('{')
        .then(|| serde_json::from_str(text).ok())?
}

/// Mostly messages: members in any order, their keys escaped or not, with others that look alike.
fn message() -> impl Strategy<Value = String> {
    let body = prop_oneof![
        4 => params().prop_map(|params| vec![
            member(&["method"], vec!["\"tools/call\"", "\"ping\"", "\"tools\\/call\"", "\"x\""]),
            just(&["params"], params),
        ]),
        2 => object_of(vec![
            member(&["isError"], vec!["true", "false", "null", "\"true\"", "{}"]),
            member(&["content", "error"], vec!["[]", "[{\"isError\":true}]"]),
        ]).prop_map(|result| vec![just(&["result"], result)]),
        2 => object_of(vec![
            member(&["code"], vec!["-32601", "1.0", "-0", "99999999999999999999", "\"7\""]),
            member(&["data"], vec!["{\"code\":1}", "[]"]),
        ]).prop_map(|error| vec![just(&["error"], error)]),
        1 => Just(vec![member(&["result", "error"], vec!["7", "[{\"isError\":true}]", "null"])]),
    ];
    body.prop_flat_map(|mut members| {
        members.push(member(&["jsonrpc"], vec!["\"2.0\""]));
        members.push(member(&["id"], vec!["7", "\"a\\u0062\"", "-1", "\"\""]));
        members.push(member(&["x", "Params"], vec!["{\"params\":{}}", "1e400"]));
        object_of(members)
    })
}

fn params() -> impl Strategy<Value = String> {
    let token = member(&["progressToken"], vec!["1", "\"t\""]);
    let meta = object_of(vec![token, member(&["arguments"], vec!["1"])]);
    meta.prop_flat_map(|meta| {
        object_of(vec![
            member(&["name"], vec!["\"a\"", "\"\\u00e4 b\""]),
            member(
                &["arguments"],
                vec!["{\"name\":\"b\"}", "[ ]", "null", "\"}\\\"\""],
            ),
            just(&["_meta"], meta),
            member(&["task", "names"], vec!["{\"_meta\":{}}"]),
        ])
    })
}

type Member = BoxedStrategy<String>;

fn member(keys: &[&str], values: Vec<&'static str>) -> Member {
    (key(keys), select(values))
        .prop_map(|(key, value)| format!("{key} : {value}"))
        .boxed()
}

fn just(keys: &[&str], value: String) -> Member {
    key(keys)
        .prop_map(move |key| format!("{key}:{value}"))
        .boxed()
}

/// A key, its first letter escaped or not.
fn key(keys: &[&str]) -> impl Strategy<Value = String> + use<> {
    let keys = keys.iter().flat_map(|key| {
        let first = key.bytes().next().unwrap();
        let rest = key.get(1..).unwrap();
        let plain = format!("\"{key}\"");
        [plain.clone(), plain, format!("\"\\u00{first:02x}{rest}\"")]
    });
    select(keys.collect::<Vec<_>>())
}

/// Most of these members, in any order.
fn object_of(members: Vec<Member>) -> impl Strategy<Value = String> {
    let kept = vec(prop::bool::weighted(0.9), members.len());
    (members, kept)
        .prop_flat_map(|(members, kept)| {
            let kept = members.into_iter().zip(kept);
            let kept: Vec<_> = kept.filter_map(|(m, kept)| kept.then_some(m)).collect();
            Just(kept).prop_shuffle()
        })
        .prop_map(|members| format!(" {{{}}}", members.join(" ,")))
}
