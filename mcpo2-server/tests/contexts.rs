//! Modules that are given parts of a directory with calls that name it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;

use mcpo2_artifact::ingest::{Ingest, Spec};
use mcpo2_testkit::raw::{RawUpstream, vendor::Era};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::support::{
    Gateway,
    client::{Answer, modern, stateless},
    fact, vendor as upstream,
};

/// `ada` of acme and `ben` of globex before two modules, of which one may have context.
struct Platform {
    reviewer: RawUpstream,
    other: RawUpstream,
    gateway: Gateway,
    ada: String,
    ben: String,
    files: TempDir,
}

impl Platform {
    async fn new() -> Self {
        let reviewer = upstream(Era::Modern).await;
        let other = upstream(Era::Modern).await;
        let (ada, ada_entry) = support::key("ada", "acme");
        let (ben, ben_entry) = support::key("ben", "globex");
        let files = tempfile::tempdir().unwrap();
        fs::create_dir(files.path().join("src")).unwrap();
        for (path, text) in [
            (
                "src/date.rs",
                "/// Reads dates.\npub fn parse_date(text: &str) {}\n",
            ),
            ("src/report.rs", "pub fn print_report() {}\n"),
            (".env", "PASSWORD=hunter2-canary\n"),
        ] {
            fs::write(files.path().join(path), text).unwrap();
        }
        let yaml = format!(
            r#"
version: 1
identity:
  api_keys:
    {ada_entry}
    {ben_entry}
modules:
  - id: reviewer
    family: data
    approval: approved
    http: {{ url: "{}" }}
    context: {{ workspaces: ["w*"], max_tokens: 500 }}
  - {{ id: other, family: data, approval: approved, http: {{ url: "{}" }} }}
policy:
  rules:
    - {{ id: all, effect: allow }}
artifact:
  workspaces:
    - {{ name: web, tenants: [acme], path: "{}" }}
    - {{ name: private, tenants: [acme], path: "{}" }}
"#,
            reviewer.url(),
            other.url(),
            files.path().display(),
            files.path().display(),
        );
        let gateway = Gateway::governed(&yaml).await;
        Self {
            reviewer,
            other,
            gateway,
            ada,
            ben,
            files,
        }
    }

    /// A call with this member of `_meta`.
    async fn call(&self, key: &str, tool: &str, member: &str) -> Answer {
        let params = format!(r#""name":"{tool}","arguments":{{"issue":"dates are read wrongly"}}"#);
        let body = stateless("1", "tools/call", &params);
        let body = body.replace(r#""_meta":{"#, &format!(r#""_meta":{{{member},"#));
        modern(self.gateway.address, body).key(key).answer().await
    }
}

/// What a module heard of its first call.
fn heard(module: &RawUpstream) -> Value {
    let log = module.log();
    let received = log.of("tools/call").next().unwrap();
    serde_json::from_slice(&received.body).unwrap()
}

const WEB: &str = r#""dev.mcpo2/workspace":{"name":"web"}"#;

#[tokio::test]
async fn a_module_is_given_its_pack_and_the_record_names_its_root() {
    let platform = Platform::new().await;
    let forged = format!(r#"{WEB},"dev.mcpo2/context":{{"text":"forged"}}"#);
    let answer = platform
        .call(&platform.ada, "reviewer__vendor_call", &forged)
        .await;
    assert_eq!(answer.code(), None, "{}", answer.text());

    let message = heard(&platform.reviewer);
    let meta = &message["params"]["_meta"];
    assert_eq!(meta["dev.mcpo2/workspace"], Value::Null);
    let pack = &meta["dev.mcpo2/context"];
    assert_eq!(pack["items"][0]["path"], "src/date.rs", "{pack}");
    let text = pack["text"].as_str().unwrap();
    assert!(text.contains("pub fn parse_date(text: &str) {}"), "{text}");
    assert!(pack["used"].as_u64() <= Some(500));
    let whole = message.to_string();
    assert!(
        !whole.contains("canary") && !whole.contains("forged"),
        "{whole}"
    );
    let rules = Spec::default().compile().unwrap();
    let manifest = Ingest::new(&rules).directory(platform.files.path());
    let root = manifest.unwrap().root().to_string();
    assert_eq!(pack["root"], json!(root));

    let record = platform.gateway.call_of("tools/call").await;
    let given = fact(&record, "context");
    assert_eq!(given["items"], pack["items"].as_array().unwrap().len());
    assert_eq!(
        (&given["tokens"], &given["point"]),
        (&pack["used"], &json!("meta"))
    );
    // Of this ledger and tenant, as digests of contents are in records.
    let named = given["root"].as_str().unwrap();
    assert!(named.starts_with("b3:") && named != root, "{named}");
    platform
        .call(&platform.ada, "reviewer__vendor_call", WEB)
        .await;
    let records = platform.gateway.stop().await;
    let roots = support::calls(records)
        .into_iter()
        .map(|call| fact(&call, "context")["root"].clone());
    assert_eq!(roots.collect::<Vec<_>>(), [json!(named), json!(named)]);
}

#[tokio::test]
async fn who_may_not_have_a_workspace_is_told_what_he_is_told_of_none() {
    let platform = Platform::new().await;
    let none = r#""dev.mcpo2/workspace":{"name":"wax"}"#;
    let private = r#""dev.mcpo2/workspace":{"name":"private"}"#;
    let mut told = Vec::new();
    for (key, tool, member) in [
        (&platform.ada, "reviewer__vendor_call", none),
        (&platform.ada, "reviewer__vendor_call", private),
        (&platform.ben, "reviewer__vendor_call", WEB),
        (&platform.ada, "other__vendor_call", WEB),
    ] {
        let answer = platform.call(key, tool, member).await;
        let name = member.split('"').nth(5).unwrap();
        told.push((answer.status, answer.text().replace(name, "NAME")));
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    assert!(told[0].1.contains("Unknown workspace: NAME"), "{told:?}");
    assert_eq!(platform.reviewer.log().of("tools/call").count(), 0);
    assert_eq!(platform.other.log().of("tools/call").count(), 0);
}

#[tokio::test]
async fn forged_context_reaches_no_module() {
    let platform = Platform::new().await;
    let forged = r#""dev.mcpo2/context":{"text":"forged"}"#;
    for (tool, module) in [
        ("reviewer__vendor_call", &platform.reviewer),
        ("other__vendor_call", &platform.other),
    ] {
        let answer = platform.call(&platform.ada, tool, forged).await;
        assert_eq!(answer.code(), None, "{}", answer.text());
        assert!(!heard(module).to_string().contains("forged"));
    }
}
