//! U14: a module that comes back as one of the other era.

use mcpo2_audit::Outcome;
use mcpo2_server::Mode;
use mcpo2_testkit::raw::{Canned, RawUpstream, vendor::Era};

use crate::{
    bench::{Bench, limited},
    support::{
        Gateway,
        client::{Answer, begin, in_session, plain},
        process::path,
        soon,
    },
};

fn only(era: Era) -> Canned {
    Canned::vendor(era).only(era)
}

/// Asks until there is an answer of the module: what is under way when it changes may fail.
async fn answered(mut ask: impl AsyncFnMut() -> Answer) -> usize {
    soon("an answer", async {
        let mut failed = 0;
        loop {
            let answer = ask().await;
            if answer.json()["result"].is_object() {
                return failed;
            }
            failed += 1;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
}

#[tokio::test]
async fn u14_a_module_that_comes_back_as_the_other_era_is_asked_anew_what_it_speaks() {
    for (before, after, greeting) in [
        (Era::Modern, Era::Legacy, "initialize"),
        (Era::Legacy, Era::Modern, "server/discover"),
    ] {
        let bench = Bench::new(only(before), "concurrency: 4").await;
        let call = async || bench.call("vendor_call").answer().await;
        assert_eq!(answered(call).await, 0);
        // What was agreed on is kept.
        assert_eq!(answered(call).await, 0);
        let log = bench.upstream.log();
        assert_eq!(log.of("server/discover").count(), 1);

        let other = RawUpstream::start(only(after)).await.unwrap();
        bench.chaos.lead_to(other.address());
        bench.disconnect().await;
        // One call may tell; the next finds the other era.
        assert!(answered(call).await <= 1, "{before:?}");
        assert_eq!(answered(call).await, 0);
        assert_eq!(other.log().of(greeting).count(), 1);
        let calls = bench.gateway.calls();
        let failed = calls.iter().filter(|call| call.end.outcome != Outcome::Ok);
        assert!(failed.count() <= 1);
    }
}

#[tokio::test]
async fn u14_a_session_goes_on_with_a_module_that_comes_back_as_the_other_era() {
    for (before, after) in [(Era::Legacy, Era::Modern), (Era::Modern, Era::Legacy)] {
        let bench = Bench::new(only(before), "concurrency: 4").await;
        let session = begin(bench.address(), "{}").await;
        let call = async || {
            let body = plain("1", "tools/call", r#""name":"vendor_call""#);
            let ask = in_session(bench.address(), &session, body);
            ask.answer().await
        };
        assert_eq!(answered(call).await, 0);
        let other = RawUpstream::start(only(after)).await.unwrap();
        bench.chaos.lead_to(other.address());
        bench.disconnect().await;
        assert!(answered(call).await <= 1, "{before:?}");
        assert_eq!(answered(call).await, 0);
    }
}

/// A child process that speaks the era that a file names, and ends when it is asked to.
const CHILD: &str = r#"
import json, sys
era = open(sys.argv[1]).read()
for line in sys.stdin:
    message = json.loads(line)
    method, id = message.get("method"), message.get("id")
    if id is None:
        continue
    result = None
    if method == "initialize" and era == "legacy":
        result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "c", "version": "1"}}
    elif method == "server/discover" and era == "modern":
        result = {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {}, "ttlMs": 0, "cacheScope": "private"}
    elif method == "tools/call" and message["params"]["name"] == "end":
        sys.exit(0)
    elif method == "tools/call":
        result = {"content": [{"type": "text", "text": era}]}
    answer = {"jsonrpc": "2.0", "id": id}
    answer.update({"result": result} if result else {"error": {"code": -32601, "message": "no"}})
    print(json.dumps(answer), flush=True)
"#;

#[tokio::test]
async fn u14_a_child_process_that_starts_again_as_the_other_era_is_asked_anew() {
    let dir = tempfile::tempdir().unwrap();
    let era = dir.path().join("era");
    std::fs::write(&era, "legacy").unwrap();
    let stdio = serde_json::json!({ "command": "python3", "args": ["-c", CHILD, path(&era)] });
    let url = "http://127.0.0.1:1";
    let http = format!(r#"http: {{ url: "{url}" }}"#);
    let yaml = limited(url, "concurrency: 4").replace(&http, &format!("stdio: {stdio}"));
    let gateway = Gateway::start(&yaml, Mode::Observed).await;
    for (now, then) in [("legacy", "modern"), ("modern", "legacy")] {
        let call = async || crate::bench::call(gateway.address, "era").answer().await;
        answered(call).await;
        let text = call().await.json()["result"]["content"][0]["text"].clone();
        assert_eq!(text, now);
        std::fs::write(&era, then).unwrap();
        let ended = crate::bench::call(gateway.address, "end").answer().await;
        assert_eq!(ended.code(), crate::bench::UNAVAILABLE, "{}", ended.text());
        answered(call).await;
        let text = call().await.json()["result"]["content"][0]["text"].clone();
        assert_eq!(text, then);
        std::fs::write(&era, then).unwrap();
    }
}
