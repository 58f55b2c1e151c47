//! What rules ask for and oblige to, through the whole gateway: situations, tenants, public codes,
//! redaction, rates, shadow mode.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::too_many_lines, reason = "tables")]

mod support;

use http::{Method, StatusCode};
use mcpo2_audit::CallRecord;
use mcpo2_testkit::raw::{Answer as Canned, Canned as Vendor, RawUpstream, vendor::Era};
use serde_json::{Value, json};

use self::support::{
    Gateway, calls,
    client::{self, Answer, Ask, bare, in_session, modern, plain, stateless},
    fact, key, vendor as upstream,
};

/// One module before whoever is on this machine; `more` are further keys, and `rules` the rules
/// beside one that allows `vendor_call` and `vendor_stream`.
fn yaml(url: &str, more: &str, rules: &[&str]) -> String {
    let mut text = format!(
        "version: 1\nidentity: {{ anonymous: {{ tenant: local, project: web }} }}\n{more}\nmodules:\n  \
         - {{ id: m, family: general, approval: approved, http: {{ url: \"{url}\" }} }}\n\
         policy:\n  calendars:\n    now: {{ zone: UTC, spans: [{{ from: 2020-01-01, until: 2999-01-01 }}] }}\n    \
         past: {{ zone: UTC, spans: [{{ from: 2020-01-01, until: 2020-01-02 }}] }}\n  rules:\n"
    );
    for rule in rules {
        text += &format!("    - {{ {rule} }}\n");
    }
    text
}

const ALLOW: &str =
    "id: all, effect: allow, modules: [m], tools: [m__vendor_call, m__vendor_stream]";

async fn gateway(upstream: &RawUpstream, more: &str, rules: &[&str]) -> Gateway {
    Gateway::governed(&yaml(&upstream.url(), more, rules)).await
}

fn ask(gateway: &Gateway, tool: &str) -> Ask {
    let name = format!(r#""name":"{tool}""#);
    modern(gateway.address, stateless("1", "tools/call", &name))
}

async fn call(gateway: &Gateway) -> Answer {
    ask(gateway, "m__vendor_call").answer().await
}

fn works(answer: &Answer) -> bool {
    answer.json()["result"].is_object()
}

async fn metrics(gateway: &Gateway) -> String {
    let get = bare(gateway.address, "").method(Method::GET);
    let answer = get.path("/metrics").answer().await;
    answer.text().to_owned()
}

/// The rules by which each call of a tool was decided.
fn rules(records: Vec<mcpo2_audit::Record>) -> Vec<Value> {
    let calls = calls(records).into_iter();
    let calls = calls.filter(|call| &*call.request.method == "tools/call");
    calls
        .map(|call| fact(&call, "decided")["rules"].clone())
        .collect()
}

#[tokio::test]
async fn a_rule_may_ask_from_where_a_call_comes() {
    let upstream = upstream(Era::Modern).await;
    let deny = "id: not-there, effect: deny, tools: [\"*\"], networks: [127.0.0.2/32]";
    let gateway = gateway(&upstream, "", &[ALLOW, deny]).await;
    assert!(works(&call(&gateway).await));
    let from = |last| ask(&gateway, "m__vendor_call").from([127, 0, 0, last]);
    let denied = from(2).answer().await;
    assert_eq!(denied.code(), Some(-32602), "{}", denied.text());
    assert!(works(&from(3).answer().await));
    let list = || modern(gateway.address, stateless("1", "tools/list", ""));
    let shown = async |ask: Ask| {
        let answer = ask.answer().await;
        answer.text().contains("m__vendor_call")
    };
    assert!(shown(list()).await);
    assert!(!shown(list().from([127, 0, 0, 2])).await);
    let rules = rules(gateway.stop().await);
    assert_eq!(
        rules,
        [json!(["all"]), json!(["not-there"]), json!(["all"])]
    );
}

#[tokio::test]
async fn a_rule_may_ask_for_the_environment_the_project_and_the_age_of_a_session() {
    let upstream = upstream(Era::Modern).await;
    let calls = |condition: &str| format!("{ALLOW}, {condition}");
    for (more, condition, allowed) in [
        ("environment: prod", "environments: [prod, staging]", true),
        ("environment: dev", "environments: [prod, staging]", false),
        ("", "environments: [prod]", false),
        ("", "projects: [web]", true),
        ("", "projects: [db]", false),
        ("", "max_request_bytes: 10000", true),
        ("", "max_request_bytes: 10", false),
        ("", "calendars: [now]", true),
        ("", "calendars: [past]", false),
        ("", "max_session_seconds: 3600", false),
    ] {
        let gateway = gateway(&upstream, more, &[&calls(condition)]).await;
        let answer = call(&gateway).await;
        assert_eq!(works(&answer), allowed, "{more} {condition}");
    }
    let young = calls("max_session_seconds: 3600");
    let gateway = gateway(&upstream, "", &[&young]).await;
    let session = client::begin(gateway.address, "{}").await;
    let body = plain("1", "tools/call", r#""name":"m__vendor_call""#);
    let answer = in_session(gateway.address, &session, body).answer().await;
    assert!(works(&answer), "{}", answer.text());
}

#[tokio::test]
async fn a_freeze_denies_but_for_whom_it_excepts() {
    let upstream = upstream(Era::Modern).await;
    let freeze = |calendar: &str, unless: &str| {
        format!("id: freeze, effect: deny, tools: [\"*\"], calendars: [{calendar}]{unless}")
    };
    for (calendar, unless, allowed) in [
        ("now", "", false),
        ("past", "", true),
        ("now", ", unless: [{ projects: [web] }]", true),
        ("now", ", unless: [{ projects: [db] }]", false),
    ] {
        let gateway = gateway(&upstream, "", &[ALLOW, &freeze(calendar, unless)]).await;
        assert_eq!(works(&call(&gateway).await), allowed, "{calendar} {unless}");
    }
}

#[tokio::test]
async fn a_module_of_another_tenant_is_not_there() {
    let (shared, theirs) = (upstream(Era::Legacy).await, upstream(Era::Legacy).await);
    let (ada, ada_entry) = key("ada", "acme");
    let (ben, ben_entry) = key("ben", "globex");
    let gateway = Gateway::governed(&format!(
        "version: 1\nidentity:\n  api_keys:\n    {ada_entry}\n    {ben_entry}\nmodules:\n  \
         - {{ id: m, family: general, approval: approved, http: {{ url: \"{}\" }} }}\n  \
         - {{ id: acmes, family: general, approval: approved, tenants: [acme], http: {{ url: \"{}\" }} }}\n\
         policy: {{ rules: [{{ id: all, effect: allow }}] }}\n",
        shared.url(),
        theirs.url()
    ))
    .await;
    let ask = |key: &str, method: &str, params: &str| {
        modern(gateway.address, stateless("1", method, params)).key(key)
    };
    let sees = async |key: &str, list: &str| {
        let answer = ask(key, list, "").answer().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.text().contains("acmes__")
    };
    for list in ["tools/list", "prompts/list"] {
        assert!(sees(&ada, list).await && !sees(&ben, list).await, "{list}");
    }
    let tool = |name: &str| format!(r#""name":"{name}""#);
    let theirs_of_ben = ask(&ben, "tools/call", &tool("acmes__vendor_call"))
        .answer()
        .await;
    let none_of_ben = ask(&ben, "tools/call", &tool("acmes__vendor_cal_"))
        .answer()
        .await;
    assert_eq!(
        theirs_of_ben.text().replace("vendor_call", "vendor_cal_"),
        none_of_ben.text()
    );
    let of_ada = ask(&ada, "tools/call", &tool("acmes__vendor_call"))
        .answer()
        .await;
    assert!(works(&of_ada), "{}", of_ada.text());
    // A session of another tenant opens no link there.
    let sessions = |upstream: &RawUpstream| upstream.log().of("initialize").count();
    let before = (sessions(&shared), sessions(&theirs));
    let session = client::begin_as(gateway.address, "{}", Some(&ben)).await;
    assert_eq!(
        (sessions(&shared), sessions(&theirs)),
        (before.0 + 1, before.1)
    );
    let list = plain("1", "tools/list", "");
    let listed = in_session(gateway.address, &session, list).key(&ben);
    assert!(!listed.answer().await.text().contains("acmes__"));
    assert_eq!(sessions(&theirs), before.1);
    client::begin_as(gateway.address, "{}", Some(&ada)).await;
    assert_eq!(sessions(&theirs), before.1 + 1);
    let records = gateway.stop().await;
    assert_eq!(rules(records)[0], json!(["sys:tenant"]));
}

#[tokio::test]
async fn a_public_code_reaches_who_sees_the_tool_and_nobody_else() {
    let upstream = upstream(Era::Modern).await;
    let (ada, ada_entry) = key("ada", "acme");
    let (ben, ben_entry) = key("ben", "globex");
    let identity =
        format!("version: 1\nidentity:\n  api_keys:\n    {ada_entry}\n    {ben_entry}\n");
    let rules = [
        "id: adas, effect: allow, tenants: [acme], tools: [m__vendor_call]",
        "id: small, effect: deny, tools: [m__vendor_call], public_code: POLICY_SIZE, \
         arguments: [{ pointer: /n, at_least: 10 }]",
    ];
    let text = yaml(&upstream.url(), "", &rules);
    let rest = text.split_once("\n\n").unwrap().1;
    let gateway = Gateway::governed(&format!("{identity}{rest}")).await;
    let ask = |key: &str, n: u32| {
        let params = format!(r#""name":"m__vendor_call","arguments":{{"n":{n}}}"#);
        modern(gateway.address, stateless("1", "tools/call", &params)).key(key)
    };
    assert!(works(&ask(&ada, 9).answer().await));
    let told = ask(&ada, 10).answer().await.json();
    assert_eq!(
        told["error"]["data"],
        json!({ "policy": "POLICY_SIZE" }),
        "{told}"
    );
    let untold = ask(&ben, 10).answer().await;
    assert_eq!(untold.text(), ask(&ben, 9).answer().await.text());
    assert!(untold.text().contains("Unknown tool"), "{}", untold.text());
}

const MAIL: &str = "ada@example.com";

/// A module that says whom to ask: as JSON, as a stream, at length, and in bytes.
async fn mailing() -> RawUpstream {
    let text = r#"{"type":"text","text":"ask ada\u0040example.com \/ EMP-123456"}"#;
    let result = |more: &str| {
        format!(
            r#"{{"resultType":"complete","content":[{text}{more}],"structuredContent":{{"by":"{MAIL}","n":1E+2}}}}"#
        )
    };
    let long = format!(r#",{{"type":"text","text":"{}{MAIL}"}}"#, "x ".repeat(1000));
    let image = r#",{"type":"image","data":"aGk=","mimeType":"image/png"}"#;
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"$progressToken","progress":1,"message":"to ada@example.com"}}"#;
    let response = format!(r#"{{"jsonrpc":"2.0","id":"$id","result":{}}}"#, result(""));
    let vendor = Vendor::vendor(Era::Modern)
        .with_target("tools/call", "vendor_call", Canned::result(&result("")))
        .with_target("tools/call", "vendor_error", Canned::result(&result(&long)))
        .with_target("tools/call", "vendor_hang", Canned::result(&result(image)))
        .with_target(
            "tools/call",
            "vendor_stream",
            Canned::events([progress.to_owned(), response]),
        );
    RawUpstream::start(vendor).await.unwrap()
}

const REDACT: &str =
    "id: blot, effect: allow, modules: [m], obligations: { redact: [email, employee] }";
const FINDERS: &str = "redact: { finders: { employee: \"EMP-[0-9]{6}\" } }";

#[tokio::test]
async fn what_is_to_be_blotted_out_is_in_no_answer_and_the_rest_is_the_same_to_the_byte() {
    let upstream = mailing().await;
    let open = gateway(&upstream, "", &["id: all, effect: allow, modules: [m]"]).await;
    let gateway = gateway(&upstream, FINDERS, &[REDACT]).await;
    for tool in ["m__vendor_call", "m__vendor_stream"] {
        let with_token = |gateway: &Gateway| {
            let params = format!(
                r#""name":"{tool}","_meta":{{"progressToken":"{MAIL}","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}"#
            );
            let body = plain("1", "tools/call", &params);
            modern(gateway.address, body)
        };
        let (bare, blotted) = (
            with_token(&open).answer().await,
            with_token(&gateway).answer().await,
        );
        let token = format!(r#""progressToken":"{MAIL}""#);
        let expected = bare
            .text()
            .replace(&token, "TOKEN")
            .replace(r"ada\u0040example.com", "[redacted:email]")
            .replace(MAIL, "[redacted:email]")
            .replace("EMP-123456", "[redacted:employee]")
            .replace("TOKEN", &token);
        assert_ne!(bare.text(), expected);
        assert_eq!(blotted.text(), expected);
    }
    let metrics = metrics(&gateway).await;
    for sample in [
        r#"mcpo2_policy_redactions_total{finder="email"} 5"#,
        r#"mcpo2_policy_redactions_total{finder="employee"} 2"#,
    ] {
        assert!(metrics.lines().any(|line| line == sample), "{metrics}");
    }
    let found: Vec<_> = calls(gateway.stop().await)
        .iter()
        .map(|call| fact(call, "redacted")["finders"].clone())
        .collect();
    let streamed = json!({ "email": 3, "employee": 1 });
    assert_eq!(found, [json!({ "email": 2, "employee": 1 }), streamed]);
}

#[tokio::test]
async fn what_is_kept_was_blotted_out_before_and_bytes_are_refused() {
    let upstream = mailing().await;
    let long = "id: long, effect: allow, modules: [m], obligations: { max_result_bytes: 600 }";
    let gateway = gateway(&upstream, FINDERS, &[REDACT, long]).await;
    let answer = ask(&gateway, "m__vendor_error").answer().await;
    let text = answer.text();
    let (_, from) = text.split_once("mcpo2+artifact://r/").unwrap();
    let id = from.split(['"', '?', '\\']).next().unwrap();
    let params = format!(r#""uri":"mcpo2+artifact://r/{id}""#);
    let read = modern(gateway.address, stateless("1", "resources/read", &params));
    let read = read.answer().await;
    for text in [text, read.text()] {
        assert!(
            text.contains("[redacted:email]") && !text.contains("example.com"),
            "{text}"
        );
    }
    let image = ask(&gateway, "m__vendor_hang").answer().await;
    let message = image.json()["error"]["message"].clone();
    assert_eq!(
        message,
        "the result holds bytes that cannot be looked through"
    );
    assert!(!image.text().contains("aGk="));

    let allow = "redact: { blobs: allow, finders: { employee: \"EMP-[0-9]{6}\" } }";
    let gateway = self::gateway(&upstream, allow, &[REDACT]).await;
    let image = ask(&gateway, "m__vendor_hang").answer().await;
    assert!(image.text().contains("aGk=") && !image.text().contains(MAIL));
}

#[tokio::test]
async fn what_was_kept_under_another_rule_is_blotted_out_when_it_is_read() {
    let upstream = mailing().await;
    let rules = [
        "id: long, effect: allow, modules: [m], obligations: { max_result_bytes: 600 }",
        "id: read, effect: allow, methods: [resources/read], obligations: { redact: [email] }",
    ];
    let gateway = gateway(&upstream, "artifact: { preview_bytes: 10 }", &rules).await;
    let answer = ask(&gateway, "m__vendor_error").answer().await;
    let (_, from) = answer.text().split_once("mcpo2+artifact://r/").unwrap();
    let id = from.split(['"', '?', '\\']).next().unwrap();
    let params = format!(r#""uri":"mcpo2+artifact://r/{id}""#);
    let read = modern(gateway.address, stateless("1", "resources/read", &params));
    let read = read.answer().await;
    assert!(read.text().contains("[redacted:email]"), "{}", read.text());
    assert!(!read.text().contains(MAIL), "{}", read.text());
}

#[tokio::test]
async fn what_a_client_fetches_by_resuming_a_stream_is_blotted_out_too() {
    let (url, back) = support::reconnecting().await;
    let rule = "id: blot, effect: allow, modules: [m], obligations: { redact: [done] }";
    let finders = "redact: { finders: { done: \"is done\" } }";
    let gateway = Gateway::governed(&yaml(&url, finders, &[rule])).await;
    let address = gateway.address;
    let session = client::begin(address, "{}").await;
    let body = plain("5", "tools/call", r#""name":"m__test_reconnection""#);
    let mut stream = in_session(address, &session, body).open().await;
    let mut last = None;
    while let Some(event) = stream.event().await {
        last = event.id.or(last);
    }
    let resumed = client::listen(address, &session).with("last-event-id", &last.unwrap());
    let is_answer = |message: &Value| message.get("result").is_some();
    let mut stream = resumed.open().await;
    back.notify_one();
    let answer = stream.message(is_answer).await;
    let text = &answer["result"]["content"][0]["text"];
    assert_eq!(text, "test_reconnection [redacted:done]", "{answer}");
}

#[tokio::test]
async fn a_caller_does_no_more_than_its_rate_class_lets_it() {
    let upstream = upstream(Era::Modern).await;
    let rates = "rates: { classes: { slow: { per_minute: 2, burst: 3 }, fast: { per_minute: 60000, burst: 100 } } }";
    let rules = [
        "id: one, effect: allow, modules: [m], obligations: { rate_class: slow }",
        "id: two, effect: allow, modules: [m], obligations: { rate_class: fast }",
    ];
    let gateway = gateway(&upstream, rates, &rules).await;
    for _ in 0..3 {
        assert!(works(&call(&gateway).await));
    }
    let refused = call(&gateway).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    let said = refused.json();
    assert_eq!(said["error"]["message"], "too many calls in this time");
    let wait = said["error"]["data"]["retryAfterMs"].as_u64().unwrap();
    assert!((1..=30_000).contains(&wait), "{said}");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert_eq!(seconds, wait.div_ceil(1000));
    assert!(!refused.text().contains("slow"));
    // The tool is still there to see.
    let list = modern(gateway.address, stateless("1", "tools/list", ""));
    assert!(list.answer().await.text().contains("m__vendor_call"));
    let metrics = metrics(&gateway).await;
    let sample = r#"mcpo2_policy_rate_refusals_total{class="slow"} 1"#;
    assert!(metrics.lines().any(|line| line == sample), "{metrics}");
    let calls: Vec<CallRecord> = calls(gateway.stop().await);
    let cause = calls
        .iter()
        .find_map(|call| call.end.cause.clone())
        .unwrap();
    assert!(cause.contains("class `slow`"), "{cause}");
}

#[tokio::test]
async fn what_shadow_rules_would_change_is_counted_and_recorded_and_not_done() {
    let upstream = upstream(Era::Modern).await;
    let rules = [
        ALLOW,
        "id: soon, effect: deny, mode: shadow, tools: [m__vendor_call]",
        "id: soon-more, effect: allow, mode: shadow, tools: [m__vendor_error]",
    ];
    let gateway = gateway(&upstream, "", &rules).await;
    assert!(works(&call(&gateway).await));
    assert!(works(&ask(&gateway, "m__vendor_stream").answer().await));
    let denied = ask(&gateway, "m__vendor_error").answer().await;
    assert!(denied.text().contains("Unknown tool"), "{}", denied.text());
    let metrics = metrics(&gateway).await;
    let divergence: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("mcpo2_policy_divergence_total"))
        .collect();
    assert_eq!(divergence.len(), 2, "{divergence:?}");
    for sample in [
        r#"mcpo2_policy_divergence_total{rule="soon",from="allow",to="deny"} 1"#,
        r#"mcpo2_policy_divergence_total{rule="soon-more",from="deny",to="allow"} 1"#,
    ] {
        assert!(divergence.contains(&sample), "{divergence:?}");
    }
    // The ledger is verified as it stops.
    let shadows: Vec<_> = calls(gateway.stop().await)
        .iter()
        .map(|call| fact(call, "decided")["shadow"].clone())
        .collect();
    let deny = json!({ "effect": "deny", "rules": ["soon"] });
    let allow = json!({ "effect": "allow", "rules": ["soon-more"] });
    assert_eq!(shadows, [deny, Value::Null, allow]);
}
