//! B08, B09 and B13: names that look like others, paths that lead out, and what a header would not
//! hold.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mcpo2_testkit::raw::{Answer as Reply, Canned, RawUpstream, vendor::Era};
use serde_json::{Value, json};

use crate::{
    bench::Bench,
    patterns::modules,
    support::{
        self, Gateway,
        client::{bare, modern, post, raw, stateless},
    },
};

fn wrapped(text: &str) -> String {
    format!("=?base64?{}?=", BASE64_STANDARD.encode(text))
}

/// A stateless call of this tool or read of this resource; what no header holds is wrapped.
async fn ask(bench: &Bench, method: &str, member: &str, name: &str) -> (u16, Option<i64>) {
    let json = serde_json::Value::from(name);
    let body = stateless("1", method, &format!(r#""{member}":{json}"#));
    let ask = post(bench.address(), body)
        .with("mcp-protocol-version", "2026-07-28")
        .with("mcp-method", method)
        .with("mcp-name", &wrapped(name));
    let answer = ask.answer().await;
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn b08_a_name_that_looks_like_another_is_another() {
    let bench =
        Bench::governed("    - { id: one, effect: allow, tools: [module__vendor_call] }\n").await;
    assert_eq!(
        ask(&bench, "tools/call", "name", "module__vendor_call")
            .await
            .1,
        None
    );
    for name in [
        "module__vendor_c\u{430}ll",         // Cyrillic
        "module__vendor_\u{ff43}all",        // full width
        "module__vendor\u{200b}_call",       // zero width
        "module__vendor_call\u{200d}",       // joiner
        "\u{202e}module__vendor_call",       // right to left
        "module__vendor_ca\u{301}ll",        // combining
        "module__vendor_call\u{0}",          // a NUL behind
        "module__VENDOR_call",               // case
        "module__vendor_call ",              // a blank behind
        "module__vendor_call\u{feff}",       // byte order mark
        "module\u{ff3f}\u{ff3f}vendor_call", // full-width underscores
        "m\u{43e}dule__vendor_call",         // in the module's id
    ] {
        let (status, code) = ask(&bench, "tools/call", "name", name).await;
        assert_eq!((status, code), (200, Some(-32602)), "{name:?}");
    }
    assert_eq!(bench.reached(), 1);
}

#[tokio::test]
async fn b08_a_name_keeps_its_bytes_on_the_way_to_the_module() {
    let bench = Bench::observed().await;
    for name in [
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{202e}x",
        "a\u{200b}b",
        "\u{1f600}",
    ] {
        assert_eq!(ask(&bench, "tools/call", "name", name).await.0, 200);
        let log = bench.upstream.log();
        let sent = log.of("tools/call").last().unwrap();
        assert_eq!(sent.header("mcp-name"), Some(&*wrapped(name)));
        let body = std::str::from_utf8(&sent.body).unwrap();
        assert!(
            body.contains(&serde_json::Value::from(name).to_string()),
            "{body}"
        );
    }
}

/// Lists what this module lists, and says what operators are told of its names.
async fn told(tools: &[(&str, &str)]) -> (Value, Gateway) {
    let tools = tools.iter();
    let tools =
        tools.map(|(name, title)| json!({ "name": name, "title": title, "inputSchema": {} }));
    let list = json!({
        "resultType": "complete",
        "tools": tools.collect::<Vec<_>>(),
        "ttlMs": 0,
        "cacheScope": "public",
    });
    let canned = Canned::vendor(Era::Modern).with("tools/list", Reply::result(&list.to_string()));
    let upstream = RawUpstream::start(canned).await.unwrap();
    let gateway = Gateway::governed(&support::observed(&upstream.url(), "")).await;
    let listed = modern(gateway.address, stateless("1", "tools/list", ""));
    let listed = listed.answer().await.json();
    // Suspicious is not denied.
    let shown = |list: &Value| list["tools"].as_array().unwrap().len();
    assert_eq!(shown(&listed["result"]), shown(&list));
    let detail = bare(gateway.address, "").method(http::Method::GET);
    let detail = detail.path("/readyz?verbose").answer().await.json();
    (detail["modules"]["module"]["suspicious"].clone(), gateway)
}

#[tokio::test]
async fn b08_names_and_titles_that_readers_take_for_others_are_told_to_operators() {
    let (told, gateway) = told(&[
        ("delete", "Delete a file"),
        ("d\u{435}lete", "Delete"),             // Cyrillic
        ("list", "List \u{202e}selif\u{202c}"), // right to left
        ("list\u{200b}", "List"),               // zero width
        ("paypal", "Pay"),
        ("paypa1", "Pay"),
        ("fine", "\u{41f}\u{43e}\u{438}\u{441}\u{43a} caf\u{e9}"),
    ])
    .await;
    let found = |name: &str, reason: &str| json!({ "name": name, "reason": reason });
    assert_eq!(
        told,
        json!([
            found("d\\u{435}lete", "mixed_scripts"),
            found("d\\u{435}lete", "looks_alike"),
            found("delete", "looks_alike"),
            found("list", "invisible"),
            found("list", "looks_alike"),
            found("list\\u{200b}", "invisible"),
            found("list\\u{200b}", "looks_alike"),
            found("paypa1", "looks_alike"),
            found("paypal", "looks_alike"),
        ])
    );
    let metrics = bare(gateway.address, "").method(http::Method::GET);
    let metrics = metrics.path("/metrics").answer().await;
    let sample = r#"mcpo2_modules_suspicious_names{module="module"} 9"#;
    assert!(metrics.text().lines().any(|line| line == sample));
    let notes = modules(&gateway.records(), "suspicious_names");
    assert_eq!(notes.len(), 1);
    assert_eq!(&*notes[0].detail["count"], "9");
    assert!(notes[0].detail["names"].starts_with(r"d\u{435}lete (mixed_scripts), "));
}

#[tokio::test]
async fn b08_the_names_of_one_who_means_well_are_not_told() {
    let (told, gateway) = told(&[
        ("search_files", "Search"),
        ("search-dirs", "Verzeichnisse für dich"),
        ("x2", "\u{691c}\u{7d22} API"),
    ])
    .await;
    assert_eq!(told, json!([]));
    assert!(modules(&gateway.records(), "suspicious_names").is_empty());
}

#[tokio::test]
async fn b09_no_writing_of_a_path_leads_out_of_what_is_allowed() {
    let bench = Bench::governed(
        r#"    - { id: files, effect: allow, resources: ["file:///srv/**"] }
    - id: paths
      effect: allow
      tools: [module__vendor_call]
      arguments: [{ pointer: /path, glob: "/srv/**" }]
"#,
    )
    .await;
    for uri in [
        "file:///srv/../etc/shadow",
        "file:///srv/..%2fetc/shadow",
        "file:///srv/%2e%2e/etc/shadow",
        "file:///srv/%252e%252e/etc/shadow",
        "file:///srv/..\\etc\\shadow",
        "file:///srv/a/../../etc/shadow",
        "file:///srv/%00/../../etc/shadow",
        "file:////etc/shadow",
        "file://srv/a",
        "file://localhost/etc/shadow",
        "FILE:///etc/shadow",
        "file:/etc/shadow",
        "file:srv/a",
        "/srv/a",
        "file:///srv",
        "file:///srvx/a",
        "mcpo2+artifact://../../etc/shadow",
        "mcpo2+artifact://%2e%2e/ledger/secret",
    ] {
        let (status, code) = ask(&bench, "resources/read", "uri", uri).await;
        assert!(code.is_some(), "{uri}: {status}");
    }
    for path in [
        "/srv/../etc/shadow",
        "/srv/..",
        "/srv/a/../../etc/shadow",
        "/srv/%2e%2e/etc/shadow",
        "/srv/..%2fetc/shadow",
        "/srv\\..\\etc",
        "srv/a",
        "/srvx/a",
        "/srv/\u{0}/../../etc/shadow",
        "file:///etc/shadow",
    ] {
        let path = serde_json::Value::from(path);
        let params = format!(r#""name":"module__vendor_call","arguments":{{"path":{path}}}"#);
        let answer = bench.ask("tools/call", &params).await;
        assert_eq!(answer.code(), Some(-32602), "{path}");
    }
    let log = bench.upstream.log();
    assert_eq!(
        log.of("resources/read").count() + log.of("tools/call").count(),
        0
    );
    let inside = r#""name":"module__vendor_call","arguments":{"path":"/srv/a/./b"}"#;
    assert_eq!(bench.ask("tools/call", inside).await.code(), None);
}

/// Names that would end a header and begin another.
const BREAKS: [&str; 6] = [
    "a\r\nx-injected: 1",
    "a\nx-injected: 1",
    "a\rx-injected: 1",
    "a\u{0}b",
    "a\u{7f}\u{1b}[2J",
    "a\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n",
];

#[tokio::test]
async fn b13_what_a_header_would_not_hold_goes_on_encoded_and_injects_nothing() {
    let bench = Bench::observed().await;
    for name in BREAKS {
        for (method, member) in [
            ("tools/call", "name"),
            ("prompts/get", "name"),
            ("resources/read", "uri"),
        ] {
            let before = bench.upstream.log().received.len();
            assert_eq!(ask(&bench, method, member, name).await.0, 200, "{name:?}");
            let log = bench.upstream.log();
            assert_eq!(log.received.len() - before, if before == 0 { 2 } else { 1 });
            let sent = log.received.last().unwrap();
            assert_eq!(sent.header("mcp-name"), Some(&*wrapped(name)));
            assert_eq!(sent.header("x-injected"), None);
        }
        // Said without the wrapping it is not the same, or no header at all.
        let json = serde_json::Value::from(name);
        let body = stateless("1", "tools/call", &format!(r#""name":{json}"#));
        let plain = modern(bench.address(), body.replace(&json.to_string(), r#""a""#));
        let answer = plain.with_only("mcp-name", &wrapped(name)).answer().await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, Some(-32020)),
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn b13_control_characters_in_headers_are_no_http() {
    let bench = Bench::observed().await;
    let body = stateless("1", "tools/call", r#""name":"vendor_call""#);
    for (name, value) in [
        ("Mcp-Name", "vendor_call\u{0}"),
        ("Mcp-Name", "vendor_call\rx-injected: 1"),
        ("Mcp-Param-Region", "eu\u{0}"),
        ("Mcp-Param-Region", "eu\u{7f}"),
        ("Mcp-Param-\u{0}", "eu"),
        ("Mcp Param", "eu"),
    ] {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMcp-Protocol-Version: 2026-07-28\r\n\
             Mcp-Method: tools/call\r\n{name}: {value}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            bench.address(),
            body.len(),
        );
        let answer = raw(bench.address(), head.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 "),
            "{name}: {value:?}: {answer}"
        );
    }
    assert_eq!(bench.reached(), 0);
}
