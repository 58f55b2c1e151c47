//! What modules are given in place of references.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::sync::Arc;

use common::{artifacts, principal};
use mcpo2_artifact::{Artifacts, Passing, ReferenceLayer};
use mcpo2_core::{
    ApprovalState, Call, Decision, Digest, Endpoint, Error, ErrorKind, Fact, Message, Module,
    Obligations, Passed, Principal, Reply, Routed, Target,
};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

const RESULT: &str = r#"{"content":[{"type":"text","text":"some \"text\"\nof Öl"}]}"#;

fn calling(tool: &str, arguments: &str, who: Principal) -> Routed {
    let text = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}", "arguments": {arguments} }}}}"#
    );
    let Message::Request(request) = Message::parse(text).unwrap() else {
        unreachable!()
    };
    let module = Module::builder(
        "reader".parse().unwrap(),
        "data".parse().unwrap(),
        Endpoint::new(()),
    )
    .approval(ApprovalState::Approved)
    .build();
    let permitted = Call::new(request, who).decide(Decision::Allow(Obligations::default()));
    permitted.unwrap().route(Target::module(&module).unwrap())
}

/// What the module hears of the call.
async fn heard(artifacts: &Arc<Artifacts>, config: Value, call: Routed) -> Result<String, Error> {
    let config = serde_json::from_value(config).unwrap();
    let passing = Passing::default()
        .with("reader".parse().unwrap(), config)
        .unwrap();
    let module = service_fn(|routed: Routed| async move {
        Ok::<_, Error>(Reply::complete(routed.request().bytes().clone()))
    });
    let layer = ReferenceLayer::new(Arc::clone(artifacts), Arc::new(passing));
    layer.layer(module).oneshot(call).await.map(common::message)
}

async fn kept() -> (Arc<Artifacts>, String) {
    let artifacts = Arc::new(artifacts(json!({})));
    let stored = artifacts
        .keep(&principal("acme", "ada"), RESULT)
        .await
        .unwrap();
    let uri = stored.reference.uri();
    (artifacts, uri)
}

fn ada() -> Principal {
    principal("acme", "ada")
}

#[tokio::test]
async fn a_module_is_given_what_its_configuration_says_and_all_other_bytes_stay() {
    let (artifacts, uri) = kept().await;
    let arguments = format!(
        r#"{{ "n":12345678901234567890123,"deep":[{{"file":"{uri}"}}],"see":"see {uri}" }}"#
    );
    let base64 = "data:application/json;base64,eyJjb250ZW50IjpbeyJ0eXBlIjoidGV4dCIsInRleHQiOiJzb21lIFwidGV4dFwiXG5vZiDDlmwifV19";
    for (form, given) in [
        ("text", json!("some \"text\"\nof Öl").to_string()),
        ("json", json!(RESULT).to_string()),
        ("data_uri", json!(base64).to_string()),
    ] {
        let config = json!({"tools": ["con*"], "as": form});
        let call = calling("convert", &arguments, ada());
        let heard = heard(&artifacts, config, call).await.unwrap();
        let expected = arguments.replacen(&format!("\"{uri}\""), &given, 1);
        assert!(heard.contains(&expected), "{form}: {heard}");
    }
}

#[tokio::test]
async fn what_was_passed_is_a_fact_of_the_call() {
    let (artifacts, uri) = kept().await;
    let call = calling("convert", &format!(r#"{{"a":"{uri}?bytes=1-10"}}"#), ada());
    let trail = call.call().trail().clone();
    let heard = heard(&artifacts, json!({"tools": ["*"]}), call)
        .await
        .unwrap();
    assert!(heard.contains(r#"{"a":"\"content\""}"#), "{heard}");
    let digest = Digest::of(RESULT.as_bytes());
    let [Fact::Passed(passed)] = &trail.facts()[..] else {
        panic!("not one fact")
    };
    assert_eq!(
        *passed,
        Passed {
            digest,
            range: (1, 10),
            form: "text".into(),
        }
    );
}

#[tokio::test]
async fn a_tool_that_is_not_named_hears_the_reference_alone() {
    let (artifacts, uri) = kept().await;
    let call = calling("other", &format!(r#"{{"a":"{uri}"}}"#), ada());
    let as_sent = String::from_utf8(call.request().bytes().to_vec()).unwrap();
    let heard = heard(&artifacts, json!({"tools": ["convert"]}), call).await;
    assert_eq!(heard.unwrap(), as_sent);
}

#[tokio::test]
async fn a_call_with_a_reference_of_another_or_too_much_fails_and_no_module_hears_of_it() {
    let (artifacts, uri) = kept().await;
    let one = format!(r#"{{"a":"{uri}"}}"#);
    let absent = r#"{"a":"mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA"}"#;
    let many = format!(r#"{{"a":[{}]}}"#, vec![format!("\"{uri}\""); 17].join(","));
    let twice = format!(r#"{{"a":["{uri}","{uri}"]}}"#);
    let enough = RESULT.len();
    for (arguments, who, kind) in [
        (&*one, principal("acme", "eve"), ErrorKind::NotFound),
        (&*one, principal("other", "ada"), ErrorKind::NotFound),
        (absent, ada(), ErrorKind::NotFound),
        (&*many, ada(), ErrorKind::TooLarge),
        (&*twice, ada(), ErrorKind::TooLarge),
    ] {
        let config = json!({"tools": ["*"], "max_bytes": enough});
        let error = heard(&artifacts, config, calling("convert", arguments, who)).await;
        assert_eq!(error.unwrap_err().kind(), kind, "{arguments}");
    }
    let config = json!({"tools": ["*"], "max_bytes": enough});
    assert!(
        heard(&artifacts, config, calling("convert", &one, ada()))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_call_that_fails_at_its_last_reference_has_passed_none() {
    let (artifacts, uri) = kept().await;
    let absent = "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA";
    let arguments = format!(r#"{{"a":["{uri}","{absent}"]}}"#);
    let call = calling("convert", &arguments, ada());
    let trail = call.call().trail().clone();
    let heard = heard(&artifacts, json!({"tools": ["*"]}), call).await;
    assert!(heard.is_err());
    assert!(trail.facts().is_empty());
}

#[test]
fn a_glob_that_is_none_is_refused() {
    let config = serde_json::from_value(json!({"tools": ["[a"]})).unwrap();
    assert!(
        Passing::default()
            .with("reader".parse().unwrap(), config)
            .is_err()
    );
}
