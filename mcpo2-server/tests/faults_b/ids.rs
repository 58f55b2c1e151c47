//! B07: clients that choose the same ids.

use mcpo2_server::Mode;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::json;

use crate::support::{
    self, Gateway,
    client::{modern, stateless},
};

/// One pipe for all clients; each is told what it said itself.
const CHILD: &str = r#"
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    method, id = message.get("method"), message.get("id")
    if method == "server/discover":
        result = {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {}, "ttlMs": 0, "cacheScope": "private"}
    elif method == "tools/call":
        result = {"resultType": "complete", "said": message["params"]["arguments"]["who"]}
    else:
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": id, "result": result}), flush=True)
"#;

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|id| id.to_string()),
        Just("1".to_owned()),
        Just(r#""1""#.to_owned()),
        Just(r#""\u0031""#.to_owned()),
        Just("-0".to_owned()),
        Just(r#""""#.to_owned()),
        Just("123456789012345678901234567890".to_owned()),
        "[a-z\u{e4}\u{1f600}]{0,12}".prop_map(|text| serde_json::Value::from(text).to_string()),
    ]
}

#[tokio::test]
async fn b07_clients_with_the_same_ids_get_each_its_own_answer_under_its_own_id() {
    let stdio = json!({ "command": "python3", "args": ["-c", CHILD] });
    let url = "http://127.0.0.1:1";
    let http = format!(r#"http: {{ url: "{url}" }}"#);
    let yaml = support::observed(url, "").replace(&http, &format!("stdio: {stdio}"));
    let gateway = Gateway::start(&yaml, Mode::Observed).await;
    let ask = |id: &str, who: &str| {
        let params = format!(r#""name":"t","arguments":{{"who":"{who}"}}"#);
        modern(gateway.address, stateless(id, "tools/call", &params)).answer()
    };
    let mut runner = TestRunner::deterministic();
    let pairs = (id(), id(), any::<bool>());
    for _ in 0..64 {
        let (mine, other, same) = pairs.new_tree(&mut runner).unwrap().current();
        let other = if same { mine.clone() } else { other };
        let (one, two) = tokio::join!(ask(&mine, "one"), ask(&other, "two"));
        for (answer, id, who) in [(one, &mine, "one"), (two, &other, "two")] {
            let text = answer.text();
            assert!(text.contains(&format!(r#""id": {id},"#)), "{id}: {text}");
            assert!(
                text.contains(&format!(r#""said": "{who}""#)),
                "{id}: {text}"
            );
        }
    }
}

#[tokio::test]
async fn b07_ids_that_the_protocol_does_not_know_are_refused() {
    let bench = crate::bench::Bench::observed().await;
    for id in ["null", "1.5", "1e3", "true", "[1]", "{}", r#"{"a":1}"#] {
        let body = stateless(id, "tools/call", r#""name":"vendor_call""#);
        let answer = modern(bench.address(), body).answer().await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, Some(-32600)),
            "{id}"
        );
    }
    assert!(bench.upstream.log().received.is_empty());
}
