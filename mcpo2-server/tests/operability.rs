//! What operators rely on: probes, metrics, logs, and the other commands of `mcpo2`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
};

use http::{Method, StatusCode};
use mcpo2_server::config;
use mcpo2_testkit::raw::vendor::Era;
use serde_json::Value;

use self::support::{
    Gateway,
    client::{Answer, Ask, bare, begin, modern, post, stateless},
    observed,
    process::{Mcpo2, mcpo2, path},
    vendor as upstream,
};

fn get(address: SocketAddr, path: &str) -> Ask {
    bare(address, "").method(Method::GET).path(path)
}

async fn metrics(address: SocketAddr) -> Answer {
    get(address, "/metrics").answer().await
}

#[tokio::test]
async fn probes_answer_and_nothing_else_does() {
    let upstream = upstream(Era::Modern).await;
    let gateway = Gateway::before(&upstream.url()).await;
    let address = gateway.address;
    for probe in ["/livez", "/readyz"] {
        let answer = get(address, probe).answer().await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "ok\n"));
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        let head = get(address, probe).method(Method::HEAD).answer().await;
        assert_eq!((head.status, head.text()), (StatusCode::OK, ""));
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(metrics(address).await.header("content-type"), kind);
    for nothing in [
        "/",
        "/mcp/",
        "/metrics/",
        "/admin",
        "/.well-known/oauth-protected-resource",
    ] {
        let answer = get(address, nothing).answer().await;
        assert_eq!(
            (answer.status, answer.text()),
            (StatusCode::NOT_FOUND, ""),
            "{nothing}"
        );
    }
    let posted = bare(address, "{}").path("/readyz").answer().await;
    assert_eq!(posted.status, StatusCode::NOT_FOUND);
    assert!(upstream.log().received.is_empty());
}

/// The names of the metrics with their kinds and the labels of each.
fn shape(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut shape = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            shape.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
        }
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once('{') else {
            continue;
        };
        let owner = shape
            .keys()
            .rfind(|known| name.starts_with(&***known))
            .cloned();
        let labels = &mut shape.get_mut(&owner.unwrap()).unwrap().1;
        let inner = rest.rsplit_once('}').unwrap().0;
        labels.extend(
            inner
                .split("\",")
                .map(|pair| pair.split('=').next().unwrap().to_owned()),
        );
    }
    shape
}

/// A file whose rules oblige to all that is counted, and would decide otherwise in shadow mode.
fn obliged(url: &str) -> String {
    let more = "    - { id: soon, effect: deny, mode: shadow, tools: [module__vendor_call] }\n\
                redact: { finders: { new: vendor/new } }\n\
                rates: { classes: { std: { per_minute: 1 } } }\n";
    observed(url, more).replace(
        "effect: allow, modules: [module]",
        "effect: allow, modules: [module], obligations: \
         { max_result_bytes: 100, redact: [new], rate_class: std }",
    )
}

/// Dashboards and alerts are made of these: a change here breaks them.
#[tokio::test]
async fn the_names_and_labels_of_metrics_are_these() {
    let upstream = upstream(Era::Modern).await;
    let gateway = Gateway::governed(&obliged(&upstream.url())).await;
    let address = gateway.address;
    begin(address, "{}").await;
    for (method, params) in [
        ("tools/list", ""),
        ("tools/call", r#""name":"module__vendor_call""#),
        ("tools/call", r#""name":"module__vendor_call""#),
        ("tools/call", r#""name":"module__canary-name""#),
        ("canary/method", ""),
    ] {
        modern(address, stateless("1", method, params))
            .answer()
            .await;
    }
    post(address, "{").answer().await;
    let text = metrics(address).await;
    let text = text.text();
    assert!(text.ends_with("# EOF\n"));
    assert!(!text.contains("canary"), "{text}");
    let shape = shape(text);
    let rows: Vec<_> = shape
        .iter()
        .map(|(name, (kind, labels))| {
            let labels: Vec<_> = labels.iter().map(String::as_str).collect();
            format!("{name} {kind} {}", labels.join(","))
        })
        .collect();
    assert_eq!(
        rows,
        [
            "mcp_client_operation_duration_seconds histogram error_type,le,mcp_method_name,module",
            "mcp_server_operation_duration_seconds histogram error_type,le,mcp_method_name",
            "mcpo2_artifact_bytes gauge ",
            "mcpo2_artifacts_offloaded counter ",
            "mcpo2_audit_full gauge ",
            "mcpo2_audit_groups gauge ",
            "mcpo2_audit_queue_depth gauge ",
            "mcpo2_audit_records gauge ",
            "mcpo2_calls_in_flight gauge ",
            "mcpo2_config_generation gauge ",
            "mcpo2_log_lines_left_out counter ",
            "mcpo2_memory_stage gauge ",
            "mcpo2_modules_missing gauge module",
            "mcpo2_modules_quarantined gauge module",
            "mcpo2_modules_shadowed gauge module",
            "mcpo2_modules_suspicious_names gauge module",
            "mcpo2_policy_decisions counter effect,family",
            "mcpo2_policy_divergence counter from,rule,to",
            "mcpo2_policy_rate_refusals counter class",
            "mcpo2_policy_redactions counter finder",
            "mcpo2_queue_wait_seconds histogram le",
            "mcpo2_route_decisions counter module,outcome",
            "mcpo2_sessions gauge ",
            "mcpo2_shed counter reason",
            "mcpo2_upstream_ejected gauge module",
            "mcpo2_upstream_ejections counter module,reason",
            "mcpo2_upstream_inflight gauge module",
            "mcpo2_upstream_links_reopened counter module",
            "mcpo2_upstream_noise counter kind,module",
            "mcpo2_upstream_refused counter module,reason",
            "mcpo2_upstream_second_tries counter module",
        ]
    );
    for sample in [
        "mcpo2_artifacts_offloaded_total 1",
        "mcpo2_calls_in_flight 0",
        "mcpo2_sessions 1",
        r#"mcpo2_policy_decisions_total{effect="deny",family=""} 1"#,
        r#"mcpo2_policy_divergence_total{rule="soon",from="allow",to="deny"} 2"#,
        r#"mcpo2_policy_rate_refusals_total{class="std"} 2"#,
        r#"mcpo2_policy_redactions_total{finder="new"} 1"#,
        r#"mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",error_type=""} 1"#,
        r#"mcp_server_operation_duration_seconds_count{mcp_method_name="_other",error_type="denied"} 1"#,
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample}: {text}");
    }
}

const CANARY: &str = "canary-8c1e5f2a9d";

#[tokio::test]
async fn log_lines_are_json_and_hold_no_credential() {
    let upstream = upstream(Era::Modern).await;
    let dir = tempfile::tempdir().unwrap();
    let (key, entry) = support::key("ada", "acme");
    let file = dir.path().join("mcpo2.yaml");
    let headers = format!("headers: {{ Authorization: \"Bearer {CANARY}\", X-Team: {CANARY} }}");
    let url = upstream.url();
    let yaml = format!(
        "version: 1\nidentity:\n  api_keys:\n    {entry}\nmodules:\n  \
         - {{ id: good, family: general, approval: approved, http: {{ url: \"{url}\", {headers} }} }}\n  \
         - {{ id: dead, family: general, approval: approved, http: {{ url: \"http://127.0.0.1:1/{CANARY}\", {headers} }} }}\n\
         policy: {{ rules: [{{ id: all, effect: allow, modules: [good, dead] }}] }}\n"
    );
    std::fs::write(&file, yaml).unwrap();
    let file = path(&file);
    let mut mcpo2 = Mcpo2::run_verbose(&["serve", "-f", &file, "--listen", "127.0.0.1:0"]);
    let address = mcpo2.address().await;
    for (method, params) in [
        ("server/discover", ""),
        ("tools/list", ""),
        (
            "tools/call",
            r#""name":"good__vendor_call","arguments":{"secret":"canary-argument"}"#,
        ),
        ("tools/call", r#""name":"dead__vendor_call""#),
        ("vendor/method", ""),
    ] {
        modern(address, stateless("1", method, params))
            .key(&key)
            .answer()
            .await;
    }
    let wrong = format!("{key}x");
    modern(address, stateless("1", "tools/list", ""))
        .key(&wrong)
        .answer()
        .await;
    post(address, "{").key(&key).answer().await;
    mcpo2.signal("TERM");
    let (status, said) = mcpo2.ended().await;
    assert!(status.success(), "{said}");
    let lines: Vec<Value> = said
        .lines()
        .filter(|line| !line.starts_with("mcpo2 ") && !line.starts_with("  "))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    assert!(lines.iter().any(|line| line["level"] == "WARN"));
    assert!(lines.iter().any(|line| line["level"] == "TRACE"));
    for line in &lines {
        assert!(
            line["timestamp"].is_string() && line["target"].is_string(),
            "{line}"
        );
    }
    for secret in [CANARY, "canary-argument", &key] {
        let line = said.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

const GOOD: &str = "version: 1\nidentity: { anonymous: { tenant: local } }\n";

fn write(dir: &Path, name: &str, text: &str) -> String {
    let file = dir.join(name);
    std::fs::write(&file, text).unwrap();
    path(&file)
}

#[tokio::test]
async fn check_says_where_a_file_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let good = write(dir.path(), "good.yaml", GOOD);
    let (code, said, _) = mcpo2(&["check", "-f", &good]).await;
    assert_eq!(code, Some(0), "{said}");

    let bad = write(dir.path(), "bad.yaml", &format!("{GOOD}modulse: []\n"));
    let (code, said, _) = mcpo2(&["check", "-f", &bad]).await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("bad.yaml:3:1") && said.contains("`modules`"),
        "{said}"
    );
    let (code, said, _) = mcpo2(&["check", "-f", &bad, "--format", "json"]).await;
    assert_eq!(code, Some(1));
    let found: Value = serde_json::from_str(&said).unwrap();
    assert!(found.to_string().contains("modulse"), "{found}");

    let (code, said, _) = mcpo2(&["check", "-f", &path(&dir.path().join("none.yaml"))]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("none.yaml"), "{said}");
    let (code, _, said) = mcpo2(&["check"]).await;
    assert_eq!(code, Some(2), "{said}");
}

#[tokio::test]
async fn what_cannot_be_served_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let bad = write(dir.path(), "bad.yaml", &format!("{GOOD}modulse: []\n"));
    let (code, out, said) = mcpo2(&["serve", "-f", &bad]).await;
    assert_eq!((code, &*out), (Some(2), ""));
    assert!(said.contains("bad.yaml:3:1"), "{said}");

    let url = "http://127.0.0.1:1/mcp";
    let public = ["serve", "--listen", "0.0.0.0:0", "--upstream", url];
    let (code, _, said) = mcpo2(&public).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("loopback"), "{said}");

    // A directory has one server.
    let state = path(dir.path());
    let serve = [
        "serve",
        "--dir",
        &state,
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        url,
    ];
    let mut first = Mcpo2::run(&serve);
    first.address().await;
    let (code, _, said) = mcpo2(&serve).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("mcpo2: audit"), "{said}");
    first.signal("TERM");
    assert!(first.ended().await.0.success());
}

#[tokio::test]
async fn a_new_key_fits_the_configuration_and_is_shown_once() {
    let (code, said, _) = mcpo2(&["key", "ci-bot", "--tenant", "acme"]).await;
    assert_eq!(code, Some(0));
    let key = said.lines().next().unwrap();
    let entry = said
        .lines()
        .find(|line| line.trim().starts_with("- {"))
        .unwrap();
    assert!(key.starts_with("mcpo2_ci-bot_") && !entry.contains(key));
    let yaml = format!("version: 1\nidentity:\n  api_keys:\n    {}\n", entry.trim());
    let checked = config::check_text("t.yaml", Path::new(""), &yaml, &|_| None);
    assert!(checked.config.is_some(), "{}", checked.diagnostics);
    let gateway = Gateway::governed(&yaml).await;
    let list = || modern(gateway.address, stateless("1", "tools/list", ""));
    assert_eq!(list().key(key).answer().await.status, StatusCode::OK);
    assert_eq!(list().answer().await.status, StatusCode::UNAUTHORIZED);

    let (_, again, _) = mcpo2(&["key", "ci-bot", "--tenant", "acme"]).await;
    assert_ne!(again.lines().next(), Some(key));
    let (code, _, said) = mcpo2(&["key", "no spaces", "--tenant", "acme"]).await;
    assert_eq!(code, Some(1), "{said}");
}

#[tokio::test]
async fn a_ledger_that_was_touched_does_not_verify() {
    let upstream = upstream(Era::Modern).await;
    let gateway = Gateway::before(&upstream.url()).await;
    let body = stateless("1", "tools/call", r#""name":"vendor_call""#);
    modern(gateway.address, body).answer().await;
    gateway.call_of("tools/call").await;
    gateway.records();
    let kept = tempfile::tempdir().unwrap();
    let dir = gateway.dir.path().join("ledger");
    for file in support::files(&dir) {
        let copy = kept.path().join(file.strip_prefix(&dir).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(&file, copy).unwrap();
    }
    let ledger = path(kept.path());
    let (code, said, _) = mcpo2(&["audit", "verify", &ledger]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("ok: ") && said.contains("root "), "{said}");
    let (code, said, _) = mcpo2(&["audit", "tail", "-n", "1", &ledger]).await;
    assert_eq!(code, Some(0));
    let record: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(record["kind"], "outcome");

    let segment = kept.path().join("seg/00000000000000000000.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = memchr::memmem::find(&bytes, b"vendor_call").unwrap();
    bytes[at + 8] = b'u';
    std::fs::write(&segment, bytes).unwrap();
    let (code, said, _) = mcpo2(&["audit", "verify", &ledger]).await;
    assert_eq!(code, Some(30), "{said}");
    assert!(said.starts_with("torn, record "), "{said}");
    let (code, _, said) = mcpo2(&["audit", "verify", &path(&kept.path().join("none"))]).await;
    assert_eq!(code, Some(1), "{said}");
}

#[tokio::test]
async fn the_schema_is_json() {
    let (code, said, _) = mcpo2(&["schema"]).await;
    assert_eq!(code, Some(0));
    let schema: Value = serde_json::from_str(&said).unwrap();
    assert!(schema["properties"]["modules"].is_object());
}
