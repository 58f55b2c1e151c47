//! B01, B02, B04 and B06: what is no message, too deep, or two messages in one.

use mcpo2_core::{Message, json};
use mcpo2_testkit::raw::vendor::Era;
use serde_json::Value;

use crate::{
    bench::Bench,
    support::{
        self, Gateway,
        client::{begin, in_session, plain, post, stateless},
        rejects,
    },
};

fn call() -> String {
    stateless(
        "1",
        "tools/call",
        r#""name":"vendor_call","arguments":{"q":"é"}"#,
    )
}

#[tokio::test]
async fn b01_no_beginning_of_a_message_is_one_and_each_leaves_one_record() {
    let bench = Bench::observed().await;
    let good = call();
    let cut = (0..good.len()).step_by(7);
    let mut sent = 0;
    for at in cut {
        let body = good.as_bytes()[..at].to_vec();
        let ask = post(bench.address(), body)
            .with("mcp-protocol-version", "2026-07-28")
            .with("mcp-method", "tools/call")
            .with("mcp-name", "vendor_call");
        let answer = ask.answer().await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, Some(-32700)),
            "cut at {at}"
        );
        sent += 1;
    }
    // In the middle of a letter of two bytes.
    let at = good.find('é').unwrap() + 1;
    let broken = [&good.as_bytes()[..at], b"\"}}}"].concat();
    let answer = post(bench.address(), broken).answer().await;
    assert_eq!(answer.code(), Some(-32700));
    sent += 1;
    assert!(bench.upstream.log().received.is_empty());
    let records = bench.gateway.stop().await;
    assert!(support::calls(records.clone()).is_empty());
    let refused = rejects(records);
    assert_eq!(refused.len(), sent);
    assert!(refused.iter().all(|reject| reject.reason == "parse_error"));
}

/// The parser keeps no frame of the stack for a level, and stops where `serde_json` would.
#[test]
fn b02_a_bomb_of_brackets_needs_no_stack() {
    let bombs = || {
        let arrays = "[".repeat(100_000);
        let objects = r#"{"a":"#.repeat(100_000);
        let closed = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let params =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{closed}}}"#);
        [arrays, objects, closed, params]
    };
    let on = |size| std::thread::Builder::new().stack_size(size);
    // What just fits.
    let deep = json::MAX_DEPTH - 3;
    let fits = format!("{}1{}", "[".repeat(deep), "]".repeat(deep));
    let fits = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","arguments":{fits}}}}}"#
    );
    let message = fits.clone();
    let checked = on(256 * 1024).spawn(move || {
        for bomb in bombs() {
            assert!(json::check(bomb.as_bytes()).is_err());
            assert!(Message::parse(bomb).is_err());
        }
        assert!(Message::parse(message).is_ok());
    });
    checked.unwrap().join().unwrap();
    // Decoded by serde_json it needs more, without optimization most of all: half of what a thread has.
    let decoded = on(1 << 20).spawn(move || serde_json::from_str::<Value>(&fits).is_ok());
    assert!(decoded.unwrap().join().unwrap());
}

#[tokio::test]
async fn b02_a_bomb_of_brackets_is_refused_and_others_are_served() {
    let bench = Bench::observed().await;
    for bomb in ["[".repeat(100_000), r#"{"a":"#.repeat(100_000)] {
        let answer = post(bench.address(), bomb).answer().await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, Some(-32700)));
    }
    assert!(bench.upstream.log().received.is_empty());
    assert!(bench.still_serves().await);
}

/// What one reader takes of two members of one name, and what another.
fn readings(text: &str) -> [Option<(String, String)>; 2] {
    fn name_and_target(value: &Value) -> (String, String) {
        let params = &value["params"];
        (
            value["method"].to_string(),
            format!("{} {}", params["name"], params["arguments"]),
        )
    }
    // The last wins here; where everything is read from behind, the first does.
    let last = serde_json::from_str::<Value>(text).ok();
    let first = first_wins(text);
    [
        last.as_ref().map(name_and_target),
        first.as_ref().map(name_and_target),
    ]
}

fn first_wins(text: &str) -> Option<Value> {
    struct First;
    impl<'de> serde::de::DeserializeSeed<'de> for First {
        type Value = Value;
        fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
            from.deserialize_any(self)
        }
    }
    impl<'de> serde::de::Visitor<'de> for First {
        type Value = Value;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("JSON")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
            let mut all = serde_json::Map::new();
            while let Some(key) = map.next_key::<String>()? {
                let value = map.next_value_seed(First)?;
                all.entry(key).or_insert(value);
            }
            Ok(Value::Object(all))
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
            let mut all = Vec::new();
            while let Some(value) = seq.next_element_seed(First)? {
                all.push(value);
            }
            Ok(Value::Array(all))
        }
        fn visit_str<E>(self, text: &str) -> Result<Value, E> {
            Ok(text.into())
        }
        fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
            Ok(value.into())
        }
        fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
            Ok(value.into())
        }
        fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
            Ok(value.into())
        }
        fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
            Ok(value.into())
        }
        fn visit_unit<E>(self) -> Result<Value, E> {
            Ok(Value::Null)
        }
    }
    let mut from = serde_json::Deserializer::from_str(text);
    serde::de::DeserializeSeed::deserialize(First, &mut from).ok()
}

#[tokio::test]
async fn b04_what_two_readers_read_differently_reaches_no_module() {
    let bench = Bench::governed(
        r#"    - id: one
      effect: allow
      tools: [module__vendor_call]
      arguments: [{ pointer: /path, prefix: "/srv/" }]
"#,
    )
    .await;
    let call = |params: &str| stateless("1", "tools/call", params);
    let good = call(r#""name":"module__vendor_call","arguments":{"path":"/srv/a"}"#);
    let mut bodies = vec![good.clone()];
    for (from, to) in [
        (r#""name":"#, r#""name":"module__vendor_error","name":"#),
        (
            r#""name":"#,
            r#""n\u0061me":"module__vendor_error","name":"#,
        ),
        (r#""path":"#, r#""path":"/etc/shadow","path":"#),
        (r#""path":"#, r#""p\u0061th":"/etc/shadow","path":"#),
        (
            r#""path":"#,
            r#""\u0070\u0061\u0074\u0068":"/etc/shadow","path":"#,
        ),
        (
            r#""arguments":"#,
            r#""arguments":{"path":"/etc/shadow"},"arguments":"#,
        ),
        (r#""method":"#, r#""method":"resources/read","method":"#),
        (
            r#""params":"#,
            r#""params":{"name":"module__vendor_error"},"params":"#,
        ),
        (r#""id":1"#, r#""id":1,"id":2"#),
        (r#""jsonrpc":"#, r#""jsonrpc":"1.0","jsonrpc":"#),
        (r#""_meta":{"#, r#""_meta":{"a":{"b":1,"\u0062":2},"#),
        (
            r#""path":"/srv/a""#,
            r#""path":"/srv/a","deep":[{"x":1,"x":2}]"#,
        ),
    ] {
        // Whichever comes first.
        bodies.push(good.replacen(from, to, 1));
        let (key, other) = to.rsplit_once(',').unwrap_or((to, ""));
        if other == from {
            let value = key.strip_suffix(',').unwrap_or(key);
            let behind = format!("{value},{from}");
            bodies.push(good.replacen(from, &behind, 1));
        }
    }
    let (mut passed, mut refused) = (0, 0);
    for body in &bodies {
        let before = bench.reached();
        let ask = post(bench.address(), body.clone())
            .with("mcp-protocol-version", "2026-07-28")
            .with("mcp-method", "tools/call")
            .with("mcp-name", "module__vendor_call");
        let answer = ask.answer().await;
        match answer.status.as_u16() {
            200 => {
                let [first, last] = readings(body);
                assert_eq!(first, last, "{body}");
                assert_eq!(bench.reached(), before + 1);
                passed += 1;
            }
            status => {
                assert_eq!((status, answer.code()), (400, Some(-32700)), "{body}");
                assert_eq!(bench.reached(), before, "{body}");
                refused += 1;
            }
        }
    }
    assert_eq!(passed, 1);
    assert_eq!(refused, bodies.len() - 1);
    // What was decided on is what was sent on, but for the name that the module knows.
    let log = bench.upstream.log();
    let sent = log.of("tools/call").next().unwrap();
    let wanted = good.replacen("module__vendor_call", "vendor_call", 1);
    assert_eq!(std::str::from_utf8(&sent.body).unwrap(), wanted);
    let recorded = bench.gateway.call_of("tools/call").await;
    let name = recorded.request.item.unwrap().name;
    assert_eq!(name.as_deref(), Some("module__vendor_call"));
}

#[tokio::test]
async fn b06_batches_and_answers_of_clients_go_nowhere() {
    let upstream = support::vendor(Era::Legacy).await;
    let gateway = Gateway::before(&upstream.url()).await;
    let session = begin(gateway.address, "{}").await;
    let heard = upstream.wait_for(|log| log.of("notifications/initialized").next().is_some());
    let before = support::soon("the handshake", heard).await.received.len();
    let list = plain("1", "tools/list", "");
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let error = r#"{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"no"}}"#;
    let bodies = [
        "[]".to_owned(),
        format!("[{list}]"),
        format!("[{list},{list}]"),
        format!("[{answer}]"),
        format!(" \n[ {list} ]"),
        answer.to_owned(),
        error.to_owned(),
    ];
    for body in &bodies {
        for ask in [
            post(gateway.address, body.clone()),
            post(gateway.address, body.clone()).with("mcp-protocol-version", "2026-07-28"),
            in_session(gateway.address, &session, body.clone()),
        ] {
            let told = ask.answer().await;
            assert_eq!(
                (told.status.as_u16(), told.code()),
                (400, Some(-32600)),
                "{body}"
            );
        }
    }
    assert_eq!(upstream.log().received.len(), before);
    assert_eq!(rejects(gateway.stop().await).len(), 3 * bodies.len());
}
