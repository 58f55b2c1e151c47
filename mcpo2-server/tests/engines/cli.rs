//! What the command line says of engines.

use std::path::Path;

use serde_json::Value;

use crate::{
    house::{CEDAR, REGO, place, yaml},
    support::process::{mcpo2, path},
};

async fn said(dir: &Path, line: &str) -> (Option<i32>, String, String) {
    let words = line.split(' ').map(|word| match word.strip_prefix('@') {
        Some(file) => path(&dir.join(file)),
        None => word.to_owned(),
    });
    let words: Vec<String> = words.collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    mcpo2(&words).await
}

const ENGINES: &str =
    "{ rego: { dir: p }, cedar: { files: [all.cedar] }, opa: { url: \"http://127.0.0.1:9\" } }";

#[tokio::test]
async fn a_request_is_explained_by_all_that_decide() {
    let text = yaml("http://127.0.0.1:9/mcp", ENGINES);
    let dir = place(&[
        ("p/a.rego", REGO),
        ("all.cedar", CEDAR),
        ("mcpo2.yaml", &text),
    ]);
    let explain = "policy explain --file @mcpo2.yaml --tenant local --tool m__vendor_";
    let ask = async |tool: &str| said(dir.path(), &format!("{explain}{tool}")).await;
    let (code, out, err) = ask("call").await;
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("rego   allowed by `rego-others`"), "{out}");
    assert!(out.contains("cedar  allowed by `cedar-all`"), "{out}");
    assert!(err.contains("`engines.opa` was not asked"), "{err}");
    let (code, out, _) = ask("stream").await;
    assert_eq!(code, Some(1));
    assert!(out.starts_with("allowed by `all`\n"), "{out}");
    assert!(
        out.contains("rego   denied by `rego-no-streams`: streams are not looked through"),
        "{out}"
    );
    let (code, out, _) = ask("error --format json").await;
    assert_eq!(code, Some(1));
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&out["effect"], &out["outcome"]),
        (&"allow".into(), &"deny".into())
    );
    assert_eq!(out["engines"][1]["engine"], "cedar");
    assert_eq!(out["engines"][1]["effect"], "deny");
}

#[tokio::test]
async fn who_can_and_what_changes_is_said_with_them() {
    let url = "http://127.0.0.1:9/mcp";
    let (alone, both) = (yaml(url, "{}"), yaml(url, ENGINES));
    let tool = |name: &str| format!("- {{ tool: m__{name}, module: m, family: general }}\n");
    let catalogue = tool("vendor_call") + &tool("vendor_stream") + &tool("vendor_error");
    let dir = place(&[
        ("p/a.rego", REGO),
        ("all.cedar", CEDAR),
        ("alone.yaml", &alone),
        ("mcpo2.yaml", &both),
        ("catalogue.yaml", &catalogue),
        (
            "subjects.yaml",
            "- { name: ada, tenant: local, principal: ada }\n",
        ),
    ]);
    let with = "--catalogue @catalogue.yaml --subjects @subjects.yaml";
    let line = format!("policy diff @alone.yaml @mcpo2.yaml {with}");
    let (code, out, err) = said(dir.path(), &line).await;
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("m__vendor_stream  allowed -> denied"), "{out}");
    assert!(out.contains("m__vendor_error   allowed -> denied"), "{out}");
    assert!(!out.contains("m__vendor_call  allowed -> denied"), "{out}");
    let line = format!("policy who-can --file @mcpo2.yaml {with} m__vendor_stream");
    let (code, out, _) = said(dir.path(), &line).await;
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("ada  denied"), "{out}");
    let line = "policy replay --file @mcpo2.yaml --ledger @ledger --all-tenants";
    let (code, _, err) = said(dir.path(), line).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("replay the rules of a bundle"), "{err}");
}
