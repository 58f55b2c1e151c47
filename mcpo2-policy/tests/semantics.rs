//! What rules mean. The first tests are named after bugs that other gateways have.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::{sync::Arc, time::Duration};

use common::*;
use mcpo2_core::{Decision, Effect, Item, ItemKind, Method};
use mcpo2_policy::{Config, Engine, Policy, Query, Verdict, Visibility};
use serde_json::{Value, json};

const ALLOW: Effect = Effect::Allow;
const DENY: Effect = Effect::Deny;

#[test]
fn a_decision_is_never_reused_for_other_arguments() {
    let policy = policy(json!([
        {"id": "files", "effect": "allow", "tools": ["files__*"]},
        {"id": "etc", "effect": "deny", "tools": ["files__write"],
         "arguments": [{"pointer": "/path", "glob": "/etc/**"}]},
    ]));
    for _ in 0..2 {
        assert_eq!(
            call_tool(&policy, "files__write", r#"{"path":"/srv/a"}"#),
            ALLOW
        );
        assert_eq!(
            call_tool(&policy, "files__write", r#"{"path":"/etc/a"}"#),
            DENY
        );
    }
}

#[test]
fn a_tool_that_no_rule_names_is_denied() {
    let policy = policy(json!([{"id": "a", "effect": "allow", "tools": ["github__get_*"]}]));
    assert_eq!(call_tool(&policy, "github__get_issue", "{}"), ALLOW);
    assert_eq!(call_tool(&policy, "github__delete_repo", "{}"), DENY);
    let unmapped = Item::new(ItemKind::Prompt, "github__get_issue");
    assert_eq!(listed(&policy, &unmapped), Visibility::Denied);
}

#[test]
fn no_rules_allow_nobody() {
    let policy = policy(json!([]));
    assert!(!policy.is_uniform());
    assert_eq!(call_tool(&policy, "any", "{}"), DENY);
    assert_eq!(read(&policy, "test://any"), DENY);
    assert_eq!(ask(&policy, "vendor/echo"), DENY);
    assert_eq!(listed(&policy, &tool("any")), Visibility::Denied);
}

#[test]
fn rules_that_only_deny_allow_nobody() {
    let policy = policy(json!([{"id": "a", "effect": "deny", "tools": ["b"]}]));
    assert_eq!(call_tool(&policy, "c", "{}"), DENY);
}

#[test]
fn the_order_of_rules_does_not_matter() {
    let (deny, allow) = (
        json!({"id": "a-deny", "effect": "deny", "tools": ["x"]}),
        json!({"id": "z-allow", "effect": "allow", "tools": ["x"], "principals": ["ada"]}),
    );
    for rules in [json!([deny, allow]), json!([allow, deny])] {
        let policy = policy(rules);
        assert_eq!(
            call_tool(&policy, "x", "{}"),
            DENY,
            "a narrower allow beats no deny"
        );
    }
}

#[test]
fn approval_beats_allow_and_deny_beats_approval() {
    let approve = json!({"id": "b", "effect": "require_approval", "tools": ["*delete*"],
        "approval": {"group": "sre"}, "reason": "four eyes"});
    let asking = policy(json!([{"id": "a", "effect": "allow"}, approve]));
    assert_eq!(call_tool(&asking, "get", "{}"), ALLOW);
    let (item, ada) = (tool("delete"), ada());
    let verdict = asking.decide(&Query::new(&Method::ToolsCall, Some(&item), &ada));
    let Decision::Ask(approval) = verdict.decision() else {
        panic!("{verdict:?}")
    };
    assert_eq!(approval.groups().collect::<Vec<_>>(), ["sre"]);
    assert_eq!(&*verdict.decided().reason, "four eyes");
    let denying = policy(json!([approve, {"id": "c", "effect": "deny", "tools": ["delete"]}]));
    assert_eq!(call_tool(&denying, "delete", "{}"), DENY);
}

/// An engine whose evaluation fails: there is nothing that it could return but a denial.
struct Broken;

impl Engine for Broken {
    fn decide(&self, _query: &Query<'_>) -> Verdict {
        Verdict::eval_error("out of memory", self.digest())
    }

    fn visible(&self, _query: &Query<'_>) -> Visibility {
        Visibility::Denied
    }

    fn digest(&self) -> mcpo2_core::Digest {
        mcpo2_core::Digest::of(b"broken")
    }
}

#[test]
fn an_engine_error_denies() {
    let verdict = Arc::new(Broken).decide(&Query::new(&Method::Ping, None, &ada()));
    assert!(matches!(verdict.decision(), Decision::Deny(_)));
    assert_eq!(verdict.decided().rules[0].as_str(), "sys:eval-error");
}

#[test]
fn a_misspelt_key_fires_when_the_policy_is_read_and_not_never() {
    for rule in [
        json!({"id": "a", "effect": "deny", "tool": ["x"]}),
        json!({"id": "a", "effect": "allow", "obligations": {"redacts": ["email"]}}),
        json!({"id": "a", "effect": "deny", "arguments": [{"pointer": "/a", "globs": "x"}]}),
        json!({"id": "a", "effect": "shadow"}),
        json!({"effect": "deny"}),
        json!({"id": "a", "effect": "deny", "tools": null}),
    ] {
        let read = serde_json::from_value::<Config>(json!({"rules": [rule]}));
        assert!(read.is_err(), "{rule}");
    }
}

#[test]
fn obligations_reach_the_call_the_stricter_of_each() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow", "obligations": {"preamble": "eng", "max_result_bytes": 9}},
        {"id": "b", "effect": "allow", "obligations": {"max_result_bytes": 5}},
        {"id": "c", "effect": "allow", "tools": ["x"], "obligations": {"preamble": "other"}},
    ]));
    let (item, ada) = (tool("y"), ada());
    let verdict = policy.decide(&Query::new(&Method::ToolsCall, Some(&item), &ada));
    let Decision::Allow(obligations) = verdict.decision() else {
        panic!("{verdict:?}")
    };
    assert_eq!(obligations.preamble.as_deref(), Some("eng"));
    assert_eq!(obligations.max_result_bytes.unwrap().get(), 5);
    let item = tool("x");
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada);
    assert_eq!(effect(&policy, &query), DENY);
    assert_eq!(rules(&policy, &query), ["sys:preamble-conflict"]);
}

#[test]
fn approvals_of_several_rules_join() {
    let policy = policy(json!([
        {"id": "a", "effect": "require_approval", "approval": {"group": "sre", "ttl_seconds": 900}},
        {"id": "b", "effect": "require_approval",
         "approval": {"group": "legal", "quorum": 2, "ttl_seconds": 60, "not_requester": true}},
    ]));
    let (item, ada) = (tool("x"), ada());
    let verdict = policy.decide(&Query::new(&Method::ToolsCall, Some(&item), &ada));
    let Decision::Ask(approval) = verdict.decision() else {
        panic!("{verdict:?}")
    };
    assert!(approval.groups().eq(["legal", "sre"]));
    assert_eq!(approval.quorum().get(), 2);
    assert_eq!(approval.ttl(), Some(Duration::from_secs(60)));
    assert!(approval.excludes_requester());
    assert_eq!(approval.rules().len(), 2);
}

#[test]
fn callers_are_matched_on_what_authentication_says() {
    for (condition, holds) in [
        (json!({"tenants": ["acme"]}), true),
        (json!({"tenants": ["acm*"]}), false),
        (json!({"roles": ["x", "analyst"]}), true),
        (json!({"roles": ["admin"]}), false),
        (json!({"principals": ["ada"]}), true),
        (json!({"principals": ["bob"]}), false),
    ] {
        let mut rule = json!({"id": "a", "effect": "allow"});
        rule.as_object_mut()
            .unwrap()
            .extend(condition.as_object().unwrap().clone());
        let expected = if holds { ALLOW } else { DENY };
        assert_eq!(
            call_tool(&policy(json!([rule])), "x", "{}"),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn the_registry_tells_the_module_and_an_unknown_one_is_never_allowed() {
    let conditions = [
        (json!({"modules": ["github"]}), json!({"modules": ["jira"]})),
        (
            json!({"families": ["engineering"]}),
            json!({"families": ["design"]}),
        ),
        (json!({"regions": ["eu"]}), json!({"regions": ["us"]})),
        (json!({"min_tier": 2}), json!({"min_tier": 3})),
    ];
    let (item, ada) = (tool("x"), ada());
    let query = || Query::new(&Method::ToolsCall, Some(&item), &ada);
    let with = |effect: &str, condition: &Value| {
        let mut rule = json!({"id": "a", "effect": effect});
        rule.as_object_mut()
            .unwrap()
            .extend(condition.as_object().unwrap().clone());
        policy(
            json!([rule, {"id": "b", "effect": if effect == "deny" { "allow" } else { "deny" },
            "tools": if effect == "deny" { json!(["*"]) } else { json!(["never"]) }}]),
        )
    };
    for (holds, fails) in conditions {
        let known = || query().with_facts(Some(Arc::new(github())));
        assert_eq!(effect(&with("allow", &holds), &known()), ALLOW);
        assert_eq!(effect(&with("allow", &fails), &known()), DENY);
        assert_eq!(effect(&with("deny", &holds), &known()), DENY);
        assert_eq!(effect(&with("deny", &fails), &known()), ALLOW);
        // Nobody knows the module.
        assert_eq!(effect(&with("allow", &holds), &query()), DENY);
        assert_eq!(effect(&with("deny", &fails), &query()), DENY);
    }
}

#[test]
fn the_classified_family_counts_only_where_the_registry_knows_nothing() {
    let allow = policy(json!([{"id": "a", "effect": "allow", "families": ["design"]}]));
    let deny = policy(json!([
        {"id": "a", "effect": "allow"},
        {"id": "b", "effect": "deny", "families": ["security"]},
    ]));
    let (item, ada, design) = (tool("x"), ada(), "design".parse().unwrap());
    let query = || Query::new(&Method::ToolsCall, Some(&item), &ada).with_family(&design);
    assert_eq!(effect(&allow, &query()), ALLOW);
    assert_eq!(
        effect(&allow, &query().with_facts(Some(Arc::new(github())))),
        DENY
    );
    assert_eq!(
        effect(&deny, &query()),
        DENY,
        "words get nobody past a deny"
    );
}

#[test]
fn methods_of_the_protocol_pass_unless_a_rule_names_them() {
    let closed = policy(json!([{"id": "a", "effect": "deny"}]));
    for method in [
        "initialize",
        "notifications/initialized",
        "ping",
        "server/discover",
        "tools/list",
        "logging/setLevel",
        "subscriptions/listen",
        "notifications/progress",
    ] {
        assert_eq!(ask(&closed, method), ALLOW, "{method}");
    }
    let named = policy(json!([
        {"id": "a", "effect": "deny", "methods": ["logging/*"]},
        {"id": "b", "effect": "deny", "methods": ["*"], "modules": ["github"]},
        {"id": "c", "effect": "deny", "methods": ["*"], "tools": ["x"]},
    ]));
    assert_eq!(ask(&named, "logging/setLevel"), DENY);
    assert_eq!(
        ask(&named, "ping"),
        ALLOW,
        "rules about modules and items are not about it"
    );
    assert_eq!(
        rules(&named, &Query::new(&Method::Ping, None, &ada())),
        ["sys:protocol"]
    );
}

#[test]
fn methods_that_the_protocol_does_not_know_pass_only_by_name() {
    let silent = policy(json!([{"id": "a", "effect": "allow"}]));
    let named = policy(json!([{"id": "a", "effect": "allow", "methods": ["vendor/*"]}]));
    let all = policy(json!([{"id": "a", "effect": "allow", "methods": ["*"]}]));
    for method in ["vendor/echo", "notifications/vendor", "tasks/list"] {
        assert_eq!(ask(&silent, method), DENY, "{method}");
        assert_eq!(ask(&all, method), ALLOW, "{method}");
    }
    assert_eq!(ask(&named, "vendor/echo"), ALLOW);
    assert_eq!(ask(&named, "other/echo"), DENY);
}

#[test]
fn tasks_and_completions_are_decided_by_rules() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow", "prompts": ["greet"]},
        {"id": "b", "effect": "allow", "resources": ["file:///srv/**"]},
        {"id": "c", "effect": "allow", "methods": ["tasks/*"], "principals": ["bob"]},
    ]));
    let ada = ada();
    let complete = |kind, name: &str| {
        let item = Item::new(kind, name);
        effect(&policy, &Query::new(&Method::Complete, Some(&item), &ada))
    };
    assert_eq!(complete(ItemKind::Prompt, "greet"), ALLOW);
    assert_eq!(complete(ItemKind::Prompt, "other"), DENY);
    assert_eq!(complete(ItemKind::Template, "file:///srv/{name}"), ALLOW);
    assert_eq!(complete(ItemKind::Template, "file:///{name}"), DENY);
    let task = Item::new(ItemKind::Task, "7");
    assert_eq!(
        effect(&policy, &Query::new(&Method::TasksGet, Some(&task), &ada)),
        DENY
    );
}

#[test]
fn of_a_completion_the_arguments_are_unknown_and_of_a_module_perhaps_the_region() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow"},
        {"id": "b", "effect": "deny", "prompts": ["greet"],
         "arguments": [{"pointer": "/name", "equals": "root"}]},
        {"id": "c", "effect": "deny", "tools": ["x"], "regions": ["us"]},
    ]));
    let (prompt, ada) = (Item::new(ItemKind::Prompt, "greet"), ada());
    let complete = Query::new(&Method::Complete, Some(&prompt), &ada);
    assert_eq!(effect(&policy, &complete), DENY);
    let nowhere = mcpo2_core::Facts::new("m".parse().unwrap(), "design".parse().unwrap());
    let item = tool("x");
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada);
    assert_eq!(
        effect(&policy, &query.with_facts(Some(Arc::new(nowhere)))),
        DENY
    );
}

#[test]
fn own_references_are_readable_unless_a_rule_denies() {
    let uri = "mcpo2+artifact://b3/abc?range=0-9";
    let silent = policy(json!([
        {"id": "a", "effect": "deny", "modules": ["github"]},
        {"id": "b", "effect": "deny", "resources": ["file:///**"]},
    ]));
    assert_eq!(read(&silent, uri), ALLOW);
    assert_eq!(listed(&silent, &resource(uri)), Visibility::Allowed);
    let denied = policy(json!([{"id": "a", "effect": "deny", "principals": ["ada"]}]));
    assert_eq!(read(&denied, uri), DENY);
    assert_eq!(read(&silent, "mcpo2+artifactx://b3/abc"), DENY);
}

#[test]
fn resources_are_matched_in_their_one_reading() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow", "resources": ["file:///srv/**", "test://plain"]},
        {"id": "b", "effect": "deny", "resources": ["file:///srv/secret"]},
        {"id": "all", "effect": "allow", "resources": ["**"], "principals": ["root"]},
    ]));
    for uri in [
        "file:///srv/a",
        "FILE:///srv/x/../a",
        "file:///srv/%61",
        "test://plain",
    ] {
        assert_eq!(read(&policy, uri), ALLOW, "{uri}");
    }
    for uri in [
        "file:///srv/../etc/passwd",
        "file:///srv/%2e%2e/etc",
        "file:///srv/a%2fb",
        "file:///srv/%2573ecret",
        "file:///srv/secret",
        "file:///srv/x/../secret",
        "file:///srv/secret?v=1",
        "file:///srv/secret#x",
        "file:/srv/secret",
        "/srv/a",
        "file:///srv",
    ] {
        assert_eq!(read(&policy, uri), DENY, "{uri}");
    }
}

#[test]
fn a_resource_without_a_single_reading_is_denied_whatever_the_rules() {
    let policy = policy(json!([{"id": "a", "effect": "allow"}]));
    assert_eq!(read(&policy, "file:///srv/a"), ALLOW);
    for uri in ["file:///..", "file:///a%5cb", "no-scheme", "http://a@b/"] {
        assert_eq!(read(&policy, uri), DENY, "{uri}");
        assert_eq!(listed(&policy, &resource(uri)), Visibility::Denied, "{uri}");
    }
}

/// What each predicate says of arguments: as the condition of an allow, and of a deny.
fn both(condition: &Value, arguments: &str) -> (bool, bool) {
    let allow = json!([{"id": "a", "effect": "allow", "arguments": condition}]);
    let deny = json!([{"id": "a", "effect": "allow"},
        {"id": "b", "effect": "deny", "arguments": condition}]);
    (
        call_tool(&policy(allow), "x", arguments) == ALLOW,
        call_tool(&policy(deny), "x", arguments) == DENY,
    )
}

const HOLDS: (bool, bool) = (true, true);
const FAILS: (bool, bool) = (false, false);
const UNKNOWN: (bool, bool) = (false, true);

fn check(cases: impl IntoIterator<Item = (Value, Vec<(&'static str, (bool, bool))>)>) {
    for (condition, given) in cases {
        for (arguments, expected) in given {
            let found = both(&json!([condition]), arguments);
            assert_eq!(found, expected, "{condition} on {arguments}");
        }
    }
}

#[test]
fn globs_on_arguments_hold_fail_or_are_unknown() {
    check([
        (
            json!({"pointer": "/p", "glob": "/srv/data/**"}),
            vec![
                (r#"{"p":"/srv/data/x/y"}"#, HOLDS),
                (r#"{"p":"/srv//data/./x"}"#, HOLDS),
                (r#"{"p":"/srv/\u0064ata/x"}"#, HOLDS),
                (r#"{"p":"/srv/data/../x"}"#, FAILS),
                (r#"{"p":"/srv/datax"}"#, FAILS),
                (r#"{"p":"/srv/data"}"#, UNKNOWN),
                (r#"{"p":"srv/data/x"}"#, UNKNOWN),
                (r#"{"p":"/../srv/data/x"}"#, UNKNOWN),
                (r#"{"p":"/srv/%64ata/x"}"#, UNKNOWN),
                (r#"{"p":"\\srv\\data\\x"}"#, UNKNOWN),
                (r#"{"p":"/srv/data/x\u0000"}"#, UNKNOWN),
                (r#"{"p":"file:///srv/data/x"}"#, UNKNOWN),
                (r#"{"p":["/srv/data/x"]}"#, UNKNOWN),
                (r#"{"p":null}"#, UNKNOWN),
                ("{}", UNKNOWN),
                ("[]", UNKNOWN),
                ("{", UNKNOWN),
                (r#"{"p":"/srv/data/x","p":"/etc"}"#, UNKNOWN),
            ],
        ),
        (
            json!({"pointer": "/p", "glob": "**/*.pem"}),
            vec![
                (r#"{"p":"a/b.pem"}"#, HOLDS),
                (r#"{"p":"/a/b.pem"}"#, HOLDS),
                (r#"{"p":"https://h/b.pem?x"}"#, UNKNOWN),
                (r#"{"p":"/a/b.txt"}"#, FAILS),
            ],
        ),
        (
            json!({"pointer": "/p", "glob": "https://Evil.example/**"}),
            vec![
                (r#"{"p":"https://EVIL.example/a"}"#, HOLDS),
                (r#"{"p":"https://evil.example"}"#, UNKNOWN),
                (r#"{"p":"https://good.example/a"}"#, FAILS),
                (r#"{"p":"https://good.example@evil.example/a"}"#, UNKNOWN),
            ],
        ),
    ]);
}

#[test]
fn predicates_on_texts_and_numbers_hold_fail_or_are_unknown() {
    check([
        (
            json!({"pointer": "/o/s/0", "prefix": "ab"}),
            vec![
                (r#"{"o":{"s":["abc"]}}"#, HOLDS),
                (r#"{"o":{"s":["ba"]}}"#, FAILS),
                (r#"{"o":{"s":[1]}}"#, UNKNOWN),
            ],
        ),
        (
            json!({"pointer": "/a~1b", "regex": "[a-z]+|x"}),
            vec![
                (r#"{"a/b":"abc"}"#, HOLDS),
                (r#"{"a/b":"abc; rm"}"#, FAILS),
                (r#"{"a/b":"abc\n"}"#, FAILS),
                ("{}", UNKNOWN),
            ],
        ),
        (
            json!({"pointer": "/v", "one_of": ["a", "b"]}),
            vec![
                (r#"{"v":"b"}"#, HOLDS),
                (r#"{"v":"c"}"#, FAILS),
                (r#"{"v":1}"#, UNKNOWN),
            ],
        ),
        (
            json!({"pointer": "/v", "equals": true}),
            vec![
                (r#"{"v":true}"#, HOLDS),
                (r#"{"v":false}"#, FAILS),
                (r#"{"v":"true"}"#, UNKNOWN),
            ],
        ),
        (
            json!({"pointer": "/v", "equals": 1}),
            vec![
                (r#"{"v":1.0}"#, HOLDS),
                (r#"{"v":10e-1}"#, HOLDS),
                (r#"{"v":2}"#, FAILS),
                (r#"{"v":1.00000000000000000001}"#, UNKNOWN),
            ],
        ),
        (
            json!({"pointer": "/v", "at_most": 100}),
            vec![
                (r#"{"v":100}"#, HOLDS),
                (r#"{"v":-1e3}"#, HOLDS),
                (r#"{"v":100.5}"#, FAILS),
                (r#"{"v":100.00000000000000001}"#, UNKNOWN),
                (r#"{"v":18446744073709551617}"#, UNKNOWN),
                (r#"{"v":"7"}"#, UNKNOWN),
            ],
        ),
        (
            json!({"pointer": "/v", "at_least": 0.1}),
            vec![(r#"{"v":0.1}"#, HOLDS), (r#"{"v":0.09}"#, FAILS)],
        ),
        (
            json!({"pointer": "/v", "present": true}),
            vec![
                (r#"{"v":null}"#, HOLDS),
                (r#"{"w":1}"#, FAILS),
                ("[]", UNKNOWN),
            ],
        ),
        (
            json!({"pointer": "/v", "present": false}),
            vec![(r#"{"v":null}"#, FAILS), (r#"{"w":1}"#, HOLDS)],
        ),
    ]);
}

#[test]
fn all_conditions_on_arguments_must_hold() {
    let condition = json!([
        {"pointer": "/force", "present": true},
        {"pointer": "/force", "equals": true},
    ]);
    assert_eq!(both(&condition, r#"{"force":true}"#), HOLDS);
    assert_eq!(both(&condition, r#"{"force":false}"#), FAILS);
    assert_eq!(
        both(&condition, "{}"),
        FAILS,
        "the first exempts what is not there"
    );
}

#[test]
fn arguments_count_only_where_a_method_has_them() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow"},
        {"id": "b", "effect": "deny", "arguments": [{"pointer": "/path", "glob": "/etc/**"}]},
    ]));
    assert_eq!(read(&policy, "file:///srv/a"), ALLOW);
    let smuggled = call(
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/read",
            "params":{"uri":"file:///a","arguments":{"path":"/etc/a"}}}"#,
    );
    assert_eq!(Query::call(&smuggled).arguments(), None);
}

#[test]
fn lists_show_what_is_allowed_or_depends_on_arguments() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow", "tools": ["free", "gone", "mixed"]},
        {"id": "b", "effect": "allow", "tools": ["bound"],
         "arguments": [{"pointer": "/p", "glob": "/srv/**"}]},
        {"id": "c", "effect": "deny", "tools": ["gone"]},
        {"id": "d", "effect": "deny", "tools": ["mixed"],
         "arguments": [{"pointer": "/p", "glob": "/etc/**"}]},
        {"id": "e", "effect": "require_approval", "tools": ["asks"], "approval": {"group": "g"}},
        {"id": "f", "effect": "allow", "tools": ["elsewhere"], "modules": ["github"]},
        {"id": "g", "effect": "allow", "resources": ["file:///srv/**", "test://x/y"]},
        {"id": "h", "effect": "deny", "resources": ["file:///srv/secret/**"]},
    ]));
    use Visibility::{Allowed, Denied, DependsOnArguments};
    for (name, expected) in [
        ("free", Allowed),
        ("bound", DependsOnArguments),
        ("gone", Denied),
        ("mixed", DependsOnArguments),
        ("asks", Allowed),
        ("elsewhere", Denied),
        ("other", Denied),
    ] {
        assert_eq!(listed(&policy, &tool(name)), expected, "{name}");
    }
    for (template, expected) in [
        ("file:///srv/a/{x}", Allowed),
        ("file:///srv/{x}", DependsOnArguments),
        ("file:///srv/secret/{x}", Denied),
        ("file:///{+path}", DependsOnArguments),
        ("{+uri}", DependsOnArguments),
        ("test://x/{y}", DependsOnArguments),
        ("test://z/{y}", Denied),
        ("file:///srv/../{x}", Denied),
    ] {
        let item = Item::new(ItemKind::Template, template);
        assert_eq!(listed(&policy, &item), expected, "{template}");
    }
}

#[test]
fn exceptions_are_asked_of_each_entry_of_a_list() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow", "tools": ["x*"], "unless": [{"tools": ["xb", "xc"]}]},
        {"id": "b", "effect": "allow", "tools": ["xc"]},
    ]));
    let (ada, items) = (ada(), ["xa", "xb", "xc", "xa", "y"].map(tool));
    let query = |item| Query::listed(item, &ada);
    use Visibility::{Allowed, Denied};
    let shown = policy.visible_of(&mut items.iter(), &query);
    assert_eq!(shown, [Allowed, Denied, Allowed, Allowed, Denied]);
    let shown = policy.visible_of(&mut items.iter().rev(), &query);
    assert_eq!(shown, [Denied, Allowed, Allowed, Denied, Allowed]);
}

#[test]
fn arguments_of_their_own_count_for_each_of_many_items() {
    let policy = policy(json!([{"id": "a", "effect": "allow", "tools": ["x*"],
        "arguments": [{"pointer": "/p", "prefix": "a"}]}]));
    let (ada, items) = (ada(), ["xa", "xb", "xa"].map(tool));
    let shown = policy.visible_of(&mut items.iter(), &|item| {
        let arguments: &[u8] = match item.name() {
            "xa" => br#"{"p":"a"}"#,
            _ => br#"{"p":"b"}"#,
        };
        Query::listed(item, &ada).with_arguments(arguments)
    });
    use Visibility::{Allowed, Denied};
    assert_eq!(shown, [Allowed, Denied, Allowed]);
}

#[test]
fn allow_all_allows_all_and_says_so() {
    let policy = Policy::allow_all();
    assert!(policy.is_uniform());
    for (method, item) in [
        (Method::ToolsCall, Some(tool("x"))),
        (Method::ResourcesRead, Some(resource("no uri at all"))),
        (Method::from("vendor/x"), None),
    ] {
        let ada = ada();
        let query = Query::new(&method, item.as_ref(), &ada);
        assert_eq!(effect(&policy, &query), ALLOW);
        assert_eq!(rules(&policy, &query), ["sys:allow-all"]);
    }
}

#[test]
fn the_same_rules_have_the_same_digest_in_any_form() {
    let read = |text: &str| {
        serde_json::from_str::<Config>(text)
            .unwrap()
            .compile()
            .unwrap()
    };
    let one =
        read(r#"{"rules":[{"id":"a","effect":"deny"},{"id":"b","effect":"allow","min_tier":1}]}"#);
    let two = read(
        r#"{ "rules": [ {"min_tier":1, "effect":"allow", "id":"b"},
        {"effect":"deny","id":"a"} ] }"#,
    );
    let other =
        read(r#"{"rules":[{"id":"a","effect":"deny"},{"id":"b","effect":"allow","min_tier":2}]}"#);
    assert_eq!(one.digest(), two.digest());
    assert_ne!(one.digest(), other.digest());
    assert_ne!(one.digest(), Policy::allow_all().digest());
    let verdict = one.decide(&Query::new(&Method::Ping, None, &ada()));
    assert_eq!(verdict.decided().bundle, one.digest());
}

#[test]
fn explanations_name_the_condition_that_failed() {
    let policy = policy(json!([
        {"id": "a", "effect": "allow", "tools": ["x"], "tenants": ["other"]},
        {"id": "b", "effect": "deny", "tools": ["x"], "regions": ["eu"]},
        {"id": "c", "effect": "allow", "tools": ["x"], "arguments": [{"pointer": "/p", "prefix": "a"}]},
    ]));
    let (item, ada) = (tool("x"), ada());
    let explained = policy.explain(&Query::new(&Method::ToolsCall, Some(&item), &ada));
    let explained = serde_json::to_value(&explained).unwrap();
    let part = |name: &str| explained[name].clone();
    assert_eq!(part("effect"), "deny");
    assert_eq!(part("rules"), json!(["b"]));
    assert_eq!(part("level"), "platform");
    assert_eq!(
        part("matched"),
        json!([{"rule": "b", "effect": "deny", "level": "platform", "shadow": false, "missed": [], "unknown": ["regions"]}])
    );
    assert_eq!(
        part("near"),
        json!([
            {"rule": "a", "effect": "allow", "level": "platform", "shadow": false,
             "missed": [{"field": "tenants", "truth": "false"}], "unknown": []},
            {"rule": "c", "effect": "allow", "level": "platform", "shadow": false,
             "missed": [{"field": "arguments /p", "truth": "unknown"}], "unknown": ["arguments /p"]},
        ])
    );
}
