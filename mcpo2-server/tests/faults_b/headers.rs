//! B05: headers that do not say what the body says, those for arguments above all.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::StatusCode;
use mcpo2_audit::Outcome;
use mcpo2_server::Mode;
use mcpo2_testkit::raw::{Answer, Canned, RawUpstream, vendor::Era};

use crate::support::{
    self, Gateway,
    client::{Ask, modern, post, stateless},
};

const TOOLS: &str = r#"{"resultType":"complete","ttlMs":0,"cacheScope":"public","tools":[
    {"name":"plain","inputSchema":{"type":"object"}},
    {"name":"deploy","inputSchema":{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "count":{"type":"integer","x-mcp-header":"Count"},
        "dry":{"type":"boolean","x-mcp-header":"Dry"},
        "to":{"type":"object","properties":{"team":{"type":"string","x-mcp-header":"Team"}}}}}},
    {"name":"bad_empty","inputSchema":{"type":"object","properties":{"a":{"type":"string","x-mcp-header":""}}}},
    {"name":"bad_twice","inputSchema":{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}},
    {"name":"bad_number","inputSchema":{"type":"object","properties":{"a":{"type":"number","x-mcp-header":"A"}}}},
    {"name":"bad_break","inputSchema":{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A\r\nX-Injected: 1"}}}},
    {"name":"bad_place","inputSchema":{"type":"object","properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}}
]}"#;

fn canned() -> Canned {
    let tools = TOOLS.replace('\n', " ");
    Canned::vendor(Era::Modern).with("tools/list", Answer::result(&tools))
}

async fn bench(canned: Canned) -> (RawUpstream, Gateway) {
    with_rule(canned, "").await
}

/// Everything is allowed but what this rule says.
async fn with_rule(canned: Canned, rule: &str) -> (RawUpstream, Gateway) {
    let upstream = RawUpstream::start(canned).await.unwrap();
    let rules = format!("  rules:\n{rule}");
    let yaml = support::observed(&upstream.url(), "").replace("  rules:\n", &rules);
    let gateway = Gateway::start(&yaml, Mode::Governed).await;
    (upstream, gateway)
}

/// A region that only the body can tell.
const NO_US: &str = "    - { id: no-us, effect: deny, tools: [module__deploy], arguments: [{ pointer: /region, prefix: us }] }\n";

fn deploy(gateway: &Gateway, arguments: &str, headers: &[(&'static str, &str)]) -> Ask {
    let params = format!(r#""name":"module__deploy","arguments":{arguments}"#);
    let ask = modern(gateway.address, stateless("1", "tools/call", &params));
    headers
        .iter()
        .fold(ask, |ask, (name, value)| ask.with(name, value))
}

fn wrapped(text: &str) -> String {
    format!("=?base64?{}?=", BASE64_STANDARD.encode(text))
}

const REGION: &str = "mcp-param-region";
const COUNT: &str = "mcp-param-count";
const DRY: &str = "mcp-param-dry";
const TEAM: &str = "mcp-param-team";

#[tokio::test]
async fn b05_headers_for_arguments_must_say_what_the_body_says() {
    let (upstream, gateway) = bench(canned()).await;
    let eu = wrapped("eu");
    let broken = "=?base64?***?=";
    let right: &[(&str, &[(&'static str, &str)])] = &[
        ("{}", &[]),
        (r#"{"region":null}"#, &[]),
        (r#"{"region":"eu"}"#, &[(REGION, "eu")]),
        (r#"{"region":"eu"}"#, &[(REGION, &eu)]),
        (r#"{"region":"eu"}"#, &[(REGION, "  eu\t")]),
        (r#"{"r\u0065gion":"\u0065u"}"#, &[(REGION, "eu")]),
        (r#"{"region":""}"#, &[(REGION, "")]),
        (r#"{"count":42}"#, &[(COUNT, "42")]),
        (r#"{"dry":false}"#, &[(DRY, "false")]),
        (r#"{"to":{"team":"a b"}}"#, &[(TEAM, "a b")]),
        (r#"{"to":{}}"#, &[]),
        ("{}", &[("mcp-param-unheard-of", "x")]),
        (
            r#"{"region":"eu","count":1,"dry":true,"to":{"team":"x"}}"#,
            &[(REGION, "eu"), (COUNT, "1"), (DRY, "true"), (TEAM, "x")],
        ),
    ];
    for (arguments, headers) in right {
        let answer = deploy(&gateway, arguments, headers).answer().await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::OK, None),
            "{arguments} {headers:?}: {}",
            answer.text()
        );
    }
    let reached = || upstream.log().of("tools/call").count();
    assert_eq!(reached(), right.len());
    let us = wrapped("us");
    let wrong: &[(&str, &[(&'static str, &str)])] = &[
        (r#"{"region":"eu"}"#, &[]),
        (r#"{"region":"eu"}"#, &[(REGION, "")]),
        (r#"{"region":"eu"}"#, &[(REGION, "us")]),
        (r#"{"region":"eu"}"#, &[(REGION, "EU")]),
        (r#"{"region":"eu"}"#, &[(REGION, "eu,us")]),
        (r#"{"region":"eu"}"#, &[(REGION, "e u")]),
        (r#"{"region":"eu"}"#, &[(REGION, &us)]),
        (r#"{"region":"eu"}"#, &[(REGION, broken)]),
        (r#"{"region":"eu"}"#, &[(REGION, "=?base64?/w==?=")]),
        (r#"{"region":"eu"}"#, &[(REGION, "=?base64?ZXU=")]),
        (r#"{"region":"eu"}"#, &[(REGION, "=?BASE64?ZXU=?=")]),
        (r#"{"region":"eu"}"#, &[(REGION, "eu"), (REGION, "eu")]),
        (r#"{"region":"eu"}"#, &[(REGION, "eu"), (REGION, "us")]),
        (r#"{"region":"eu"}"#, &[("mcp-param-regions", "eu")]),
        (r#"{"region":"\u00e4"}"#, &[(REGION, "\u{e4}")]),
        (r#"{"region":null}"#, &[(REGION, "null")]),
        (r#"{"region":null}"#, &[(REGION, "")]),
        ("{}", &[(REGION, "eu")]),
        ("{}", &[(REGION, "")]),
        (r#"{"region":["eu"]}"#, &[(REGION, "eu")]),
        (r#"{"region":{"region":"eu"}}"#, &[(REGION, "eu")]),
        (r#"{"other":"eu"}"#, &[(REGION, "eu")]),
        (r#"{"count":42}"#, &[]),
        (r#"{"count":42}"#, &[(COUNT, "43")]),
        (r#"{"count":42}"#, &[(COUNT, "forty-two")]),
        (r#"{"count":42}"#, &[(COUNT, "0x2a")]),
        (r#"{"count":42}"#, &[(COUNT, "+42")]),
        (
            r#"{"count":9007199254740993}"#,
            &[(COUNT, "9007199254740992")],
        ),
        (r#"{"count":"42"}"#, &[(COUNT, "\"42\"")]),
        (r#"{"dry":true}"#, &[]),
        (r#"{"dry":true}"#, &[(DRY, "1")]),
        (r#"{"dry":true}"#, &[(DRY, "True")]),
        (r#"{"dry":true}"#, &[(DRY, "false")]),
        (r#"{"to":{"team":"a"}}"#, &[]),
        (r#"{"to":{"team":"a"}}"#, &[(TEAM, "b")]),
        (r#"{"team":"a"}"#, &[(TEAM, "a")]),
        (r#"{"region":"eu","count":1}"#, &[(REGION, "eu")]),
        (
            r#"{"region":"eu","count":1}"#,
            &[(REGION, "1"), (COUNT, "eu")],
        ),
    ];
    for (arguments, headers) in wrong {
        let answer = deploy(&gateway, arguments, headers).answer().await;
        let told = (answer.status, answer.code());
        assert_eq!(
            told,
            (StatusCode::BAD_REQUEST, Some(-32020)),
            "{arguments} {headers:?}: {}",
            answer.text()
        );
    }
    assert!(right.len() + wrong.len() >= 40);
    assert_eq!(reached(), right.len());
    // Nothing was decided about them, and each is in the ledger.
    let calls = gateway.calls();
    let refused = calls.iter().filter(|call| {
        call.end.outcome
            == Outcome::Failed {
                kind: "header_mismatch".into(),
            }
    });
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused.len(), wrong.len());
    assert!(
        refused
            .iter()
            .all(|call| support::fact(call, "policy").is_null())
    );
}

#[tokio::test]
async fn b05_the_decision_is_about_the_body_and_the_module_hears_what_the_body_says() {
    let (upstream, gateway) = with_rule(canned(), NO_US).await;
    // The header is what a rule would allow, and the body is not: neither gets through.
    let answer = deploy(&gateway, r#"{"region":"us-1"}"#, &[(REGION, "eu")])
        .answer()
        .await;
    assert_eq!(answer.code(), Some(-32020));
    let answer = deploy(&gateway, r#"{"region":"us-1"}"#, &[(REGION, "us-1")])
        .answer()
        .await;
    assert_eq!(answer.code(), Some(-32602));
    assert_eq!(upstream.log().of("tools/call").count(), 0);
    let text = " \u{e4}\r\nx-injected: 1";
    let arguments = serde_json::json!({ "region": text, "count": 7 }).to_string();
    let answer = deploy(
        &gateway,
        &arguments,
        &[
            (REGION, &wrapped(text)),
            (COUNT, "7"),
            ("mcp-param-other", "x"),
        ],
    );
    assert_eq!(answer.answer().await.code(), None);
    let log = upstream.log();
    let sent = log.of("tools/call").next().unwrap();
    assert_eq!(sent.header(REGION), Some(&*wrapped(text)));
    assert_eq!(sent.header(COUNT), Some("7"));
    assert_eq!(sent.header("mcp-param-other"), Some("x"));
    assert_eq!((sent.header(DRY), sent.header("x-injected")), (None, None));
}

/// A client of a revision without these headers, before a module of the one with them.
#[tokio::test]
async fn b05_for_a_client_without_these_headers_the_gateway_says_them() {
    let (upstream, gateway) = bench(canned()).await;
    let session = support::client::begin(gateway.address, "{}").await;
    let params = r#""name":"module__deploy","arguments":{"region":"eu","dry":true}"#;
    let body = support::client::plain("1", "tools/call", params);
    let ask = support::client::in_session(gateway.address, &session, body);
    let answer = ask.with(REGION, "us").answer().await;
    assert_eq!(answer.code(), None, "{}", answer.text());
    let log = upstream.log();
    let sent = log.of("tools/call").next().unwrap();
    assert_eq!(
        (sent.header(REGION), sent.header(DRY)),
        (Some("eu"), Some("true"))
    );
}

#[tokio::test]
async fn b05_a_tool_with_annotations_that_nobody_can_follow_is_not_there() {
    let (upstream, gateway) = bench(canned()).await;
    let ask = |method: &str, params: &str| {
        modern(gateway.address, stateless("1", method, params)).answer()
    };
    let listed = ask("tools/list", "").await.json();
    let tools = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<_> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["module__plain", "module__deploy"]);
    for tool in [
        "bad_empty",
        "bad_twice",
        "bad_number",
        "bad_break",
        "bad_place",
    ] {
        let params = format!(r#""name":"module__{tool}","arguments":{{"a":"x"}}"#);
        assert_eq!(
            ask("tools/call", &params).await.code(),
            Some(-32602),
            "{tool}"
        );
    }
    assert_eq!(upstream.log().of("tools/call").count(), 0);
}

/// The module wants a header that its list did not tell of when it was read: it is read again, and
/// the call goes out once more, which the module had refused before it did anything.
#[tokio::test]
async fn b05_a_module_that_misses_a_header_is_read_again_and_asked_once_more() {
    let refusal = r#"{"jsonrpc":"2.0","id":"$id","error":{"code":-32020,"message":"missing"}}"#;
    let refusal = Answer::json(refusal).with_status(StatusCode::BAD_REQUEST);
    let canned = canned().with_target("tools/call", "plain", refusal);
    let (upstream, gateway) = bench(canned).await;
    let params = r#""name":"module__plain""#;
    let body = stateless("1", "tools/call", params);
    let answer = modern(gateway.address, body).answer().await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::BAD_REQUEST, Some(-32020))
    );
    let log = upstream.log();
    assert_eq!(log.of("tools/call").count(), 2);
    assert_eq!(log.of("tools/list").count(), 2);
}

/// The headers that every request has, beside those for arguments.
#[tokio::test]
async fn b05_the_headers_of_every_request_must_say_what_the_body_says() {
    let (upstream, gateway) = bench(canned()).await;
    let good = || {
        let body = stateless("1", "tools/call", r#""name":"module__plain""#);
        modern(gateway.address, body)
    };
    let wrong = [
        good().without("mcp-method"),
        good().with_only("mcp-method", "tools/list"),
        good().with_only("mcp-method", "TOOLS/CALL"),
        good().with("mcp-method", "tools/call"),
        good().with_only("mcp-method", &wrapped("tools/call")),
        good().without("mcp-name"),
        good().with_only("mcp-name", "plain"),
        good().with_only("mcp-name", "module__Plain"),
        good().with_only("mcp-name", "module__deploy"),
        good().with("mcp-name", "module__plain"),
        good().with_only("mcp-name", &wrapped("module__deploy")),
        good().with_only("mcp-name", "=?base64?***?="),
        good().without("mcp-protocol-version"),
        good().with_only("mcp-protocol-version", "2025-11-25"),
        good().with("mcp-protocol-version", "2026-07-28"),
    ];
    for (n, ask) in wrong.into_iter().enumerate() {
        let answer = ask.answer().await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, Some(-32020)),
            "{n}"
        );
    }
    for ask in [
        good(),
        good().with_only("mcp-name", " module__plain\t"),
        good().with_only("mcp-name", &wrapped("module__plain")),
    ] {
        assert_eq!(ask.answer().await.code(), None);
    }
    assert_eq!(upstream.log().of("tools/call").count(), 3);
    // One that is no MCP at all is no mismatch.
    assert_eq!(
        post(gateway.address, "{").answer().await.code(),
        Some(-32700)
    );
}
