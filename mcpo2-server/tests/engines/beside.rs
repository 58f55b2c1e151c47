//! What engines in this process decide, through the whole gateway.

use mcpo2_testkit::raw::{Answer, Canned, RawUpstream, vendor::Era};
use serde_json::json;

use crate::house::{CEDAR, House, REGO, decided};

const BOTH: &str = "{ rego: { dir: policies }, cedar: { files: [all.cedar] } }";
const FILES: [(&str, &str); 2] = [("policies/policy.rego", REGO), ("all.cedar", CEDAR)];

#[tokio::test]
async fn all_must_allow() {
    let house = House::with(&FILES, BOTH).await;
    assert!(house.works("vendor_call").await);
    let denied = house.call("vendor_stream", "{}").await;
    // Who may not see it learns nothing of it.
    assert_eq!(denied.code(), Some(-32602), "{}", denied.text());
    assert!(denied.json()["error"]["data"].is_null());
    let denied = house.call("vendor_error", "{}").await;
    assert_eq!(denied.code(), Some(-32602), "{}", denied.text());
    // Neither is shown; what the engines know nothing of is.
    assert!(house.shows("vendor_call").await);
    assert!(!house.shows("vendor_stream").await && !house.shows("vendor_error").await);
    assert_eq!(house.upstream.log().of("tools/call").count(), 1);
    let decided = decided(house.stop().await);
    let rules: Vec<_> = decided.iter().map(|(_, rules, _)| rules.clone()).collect();
    assert_eq!(
        rules,
        [
            json!(["all", "rego-others", "cedar-all"]),
            json!(["rego-no-streams"]),
            json!(["cedar-no-errors"]),
        ]
    );
    assert!(decided.iter().all(|(_, _, bundle)| *bundle == decided[0].2));
}

/// A rule that allows is not enough for one who says nothing, and none that allows beside it helps a
/// call that no rule allows.
#[tokio::test]
async fn an_engine_that_says_nothing_denies_and_one_that_allows_grants_nothing() {
    let nothing = "package mcpo2.policy\n\ndecision if false\n";
    let house = House::with(&[("p/a.rego", nothing)], "{ rego: { dir: p } }").await;
    assert!(!house.works("vendor_call").await);
    house.stop().await;
    let all = "package mcpo2.policy\n\ndecision := true\n";
    let house = House::with(&[("p/a.rego", all)], "{ rego: { dir: p } }").await;
    assert!(house.works("vendor_call").await);
    let yaml = std::fs::read_to_string(house.dir.path().join("mcpo2.yaml")).unwrap();
    house.write("mcpo2.yaml", &yaml.replace("effect: allow", "effect: deny"));
    let trigger = mcpo2_server::reload::Trigger::Host;
    house.reloader.reload(trigger).await.unwrap();
    assert!(!house.works("vendor_call").await);
    house.stop().await;
}

#[tokio::test]
async fn what_cannot_be_decided_is_denied() {
    for decision in [
        // No answer has such a member.
        r#"{"allow": true, "permit": true}"#,
        // Arguments that have none of this are an error, and so no permission.
        r#"{"allow": object.get(input.args, "n", "x") + 1 > 0}"#,
        // Nobody sees to this.
        r#"{"allow": true, "obligations": {"levitate": true}}"#,
        // It takes for ever.
        r#"{"allow": count([1 | numbers.range(1, 30000)[_] == numbers.range(1, 30000)[_]]) > 0}"#,
    ] {
        let text = format!("package mcpo2.policy\n\ndecision := {decision}\n");
        let house = House::with(&[("p/a.rego", &text)], "{ rego: { dir: p } }").await;
        assert!(!house.works("vendor_call").await, "{decision}");
        let decided = decided(house.stop().await);
        assert_eq!(decided[0].1, json!(["sys:eval-error"]), "{decision}");
    }
}

#[tokio::test]
async fn what_an_engine_obliges_to_is_done() {
    let text =
        r#"{"resultType":"complete","content":[{"type":"text","text":"to ada@example.com"}]}"#;
    let vendor = Canned::vendor(Era::Modern);
    let vendor = vendor.with_target("tools/call", "vendor_call", Answer::result(text));
    let upstream = RawUpstream::start(vendor).await.unwrap();
    let rego = "package mcpo2.policy\n\ndecision := {\"allow\": true, \"obligations\": {\"redact\": [\"email\"]}}\n";
    let house = House::before(upstream, &[("p/a.rego", rego)], "{ rego: { dir: p } }").await;
    let answer = house.call("vendor_call", "{}").await;
    assert!(
        answer.text().contains("to [redacted:email]"),
        "{}",
        answer.text()
    );
    house.stop().await;
}
