//! What is suspicious, and what is not.
#![allow(clippy::unwrap_used, reason = "tests")]

use mcpo2_policy::{Config, Known, KnownItem, Severity};
use serde_json::{Value, json};

fn config(value: Value) -> Config {
    serde_json::from_value(value).unwrap()
}

fn names(names: &[&str]) -> Option<std::collections::BTreeSet<String>> {
    Some(names.iter().map(ToString::to_string).collect())
}

fn known() -> Known {
    let mut known = Known::default();
    known.tools = Some(vec![
        KnownItem::new("git__log").of("git", "engineering"),
        KnownItem::new("git__push").of("git", "engineering"),
        KnownItem::new("scan__run").of("scan", "security"),
    ]);
    known.prompts = Some(vec![KnownItem::new("git__review")]);
    known.roles = names(&["builder", "analyst"]);
    known.families = names(&["engineering", "security"]);
    known.regions = names(&["eu"]);
    known.modules = names(&["git", "scan"]);
    known.tenants = names(&["acme", "globex"]);
    known.preambles = names(&["careful", "terse"]);
    known
}

/// The codes and paths of what is found, of rules that also compile.
fn found(value: Value) -> Vec<(String, String)> {
    let config = config(value);
    config.clone().compile().unwrap();
    let found = config.lint(&known());
    let found = found.into_iter().map(|one| (one.code.into(), one.path));
    found.collect()
}

fn rule(with: Value) -> Value {
    let mut rule = json!({"id": "r", "effect": "allow"});
    let fields = with.as_object().unwrap().clone();
    rule.as_object_mut().unwrap().extend(fields);
    rule
}

fn of_rules(rules: Value) -> Vec<(String, String)> {
    found(json!({ "rules": rules }))
}

fn of_rule(with: Value) -> Vec<(String, String)> {
    of_rules(json!([rule(with)]))
}

#[track_caller]
fn assert_one(found: Vec<(String, String)>, code: &str, path: &str) {
    assert_eq!(found, [(code.to_owned(), path.to_owned())]);
}

#[track_caller]
fn assert_none(found: Vec<(String, String)>) {
    assert_eq!(found, []);
}

#[test]
fn names_that_are_not_there_are_found_where_they_stand() {
    for (with, code, path) in [
        (
            json!({"modules": ["gti"]}),
            "unknown-module",
            "rules/0/modules/0",
        ),
        (
            json!({"families": ["design"]}),
            "unknown-family",
            "rules/0/families/0",
        ),
        (
            json!({"regions": ["eu", "us"]}),
            "unknown-region",
            "rules/0/regions/1",
        ),
        (
            json!({"tenants": ["acme", "x"]}),
            "unknown-tenant",
            "rules/0/tenants/1",
        ),
        (
            json!({"roles": ["builders"]}),
            "unknown-role",
            "rules/0/roles/0",
        ),
        (
            json!({"unless": [{"roles": ["x"]}]}),
            "unknown-role",
            "rules/0/unless/0/roles/0",
        ),
        (
            json!({"obligations": {"preamble": "x"}}),
            "unknown-profile",
            "rules/0/obligations/preamble",
        ),
        (
            json!({"obligations": {"regions": ["us"]}}),
            "unknown-region",
            "rules/0/obligations/regions/0",
        ),
    ] {
        assert_one(of_rule(with), code, path);
    }
    assert_none(of_rule(json!({
        "modules": ["git"], "families": ["engineering"], "regions": ["eu"], "tenants": ["acme"],
        "roles": ["builder"], "obligations": {"preamble": "careful", "regions": ["eu"]}
    })));
}

#[test]
fn what_is_not_known_is_not_asked_about() {
    let config = config(json!({"rules": [rule(json!({
        "modules": ["x"], "families": ["x"], "roles": ["x"], "tools": ["x"],
        "obligations": {"preamble": "x"}
    }))]}));
    assert_eq!(config.lint(&Known::default()), []);
}

#[test]
fn a_bundle_says_its_position() {
    let found = found(json!({"bundles": [{"id": "b", "rules": [rule(json!({"roles": ["x"]}))]}]}));
    assert_one(found, "unknown-role", "bundles/0/rules/0/roles/0");
}

#[test]
fn globs_that_match_nothing_of_the_catalogue_are_found() {
    let tools = |tools: Value| of_rule(json!({ "tools": tools }));
    assert_none(tools(json!(["git__*", "scan__run"])));
    assert_one(
        tools(json!(["git__*", "svn__*"])),
        "unmatched-glob",
        "rules/0/tools/1",
    );
    assert_one(
        tools(json!(["svn__*", "svn"])),
        "never-matches",
        "rules/0/tools",
    );
    let both = of_rule(json!({"tools": ["svn__*"], "prompts": ["git__review"]}));
    assert_one(both, "unmatched-glob", "rules/0/tools/0");
    let prompts = of_rule(json!({"prompts": ["x"]}));
    assert_one(prompts, "never-matches", "rules/0/prompts");
    assert_none(of_rule(json!({"tools": ["svn__*"], "resources": ["file:///x"]})).split_off(1));
}

#[test]
fn tools_of_other_modules_than_the_rule_says_never_match() {
    let of = |modules: Value| of_rule(json!({"tools": ["git__*"], "modules": modules}));
    assert_one(of(json!(["scan"])), "never-matches", "rules/0/tools");
    assert_none(of(json!(["git", "scan"])));
    let family = of_rule(json!({"tools": ["git__*"], "families": ["security"]}));
    assert_one(family, "never-matches", "rules/0/tools");
    assert_none(of_rule(json!({"tools": ["*"], "families": ["security"]})));
}

#[test]
fn numbers_that_exclude_each_other_never_match() {
    let arguments = |arguments: Value| of_rule(json!({ "arguments": arguments }));
    let of = |one: Value, two: Value| {
        let with = |mut with: Value| {
            with.as_object_mut()
                .unwrap()
                .insert("pointer".into(), "/n".into());
            with
        };
        arguments(json!([with(one), with(two)]))
    };
    for (one, two) in [
        (json!({"at_least": 5}), json!({"at_most": 3})),
        (json!({"at_most": 0.1}), json!({"at_least": 0.2})),
        (json!({"equals": 1}), json!({"equals": 2})),
        (json!({"equals": "a"}), json!({"one_of": ["b", "c"]})),
        (json!({"equals": 1}), json!({"at_least": 2})),
        (json!({"prefix": "a"}), json!({"prefix": "b"})),
        (json!({"prefix": "a"}), json!({"equals": "b"})),
        (json!({"present": false}), json!({"equals": "b"})),
        (json!({"present": false}), json!({"present": true})),
    ] {
        assert_one(of(one, two), "never-matches", "rules/0/arguments/1");
    }
    for (one, two) in [
        (json!({"at_least": 3}), json!({"at_most": 3})),
        (json!({"equals": 1}), json!({"equals": 1.0})),
        (json!({"equals": 1}), json!({"equals": "1"})),
        (json!({"prefix": "a"}), json!({"prefix": "ab"})),
        (json!({"present": true}), json!({"equals": "b"})),
        (json!({"glob": "/a"}), json!({"glob": "/b"})),
        (
            json!({"items": "any", "equals": 1}),
            json!({"items": "any", "equals": 2}),
        ),
    ] {
        assert_none(of(one, two));
    }
    let other = json!([{"pointer": "/a", "equals": 1}, {"pointer": "/b", "equals": 2}]);
    assert_none(arguments(other));
}

#[test]
fn a_deny_with_a_contradiction_still_matches_what_cannot_be_known() {
    let arguments = json!([{"pointer": "/n", "at_least": 5}, {"pointer": "/n", "at_most": 3}]);
    let deny = rule(json!({"effect": "deny", "arguments": arguments}));
    assert_one(
        of_rules(json!([deny])),
        "contradiction",
        "rules/0/arguments/1",
    );
    let exempt = rule(json!({"effect": "deny", "unless": [{"arguments": arguments}]}));
    assert_one(
        of_rules(json!([exempt])),
        "contradiction",
        "rules/0/unless/0/arguments/1",
    );
}

#[test]
fn a_deny_on_an_argument_that_exempts_nothing_is_no_finding() {
    let arguments = json!([{"pointer": "/force", "equals": true}]);
    assert_none(of_rule(
        json!({"effect": "deny", "tools": ["git__push"], "arguments": arguments}),
    ));
}

#[test]
fn callers_over_whom_a_bundle_has_no_say_never_match() {
    let bundle = |rule: Value| {
        found(json!({"bundles": [
            {"id": "b", "level": "tenant", "tenants": ["acme"], "rules": [rule]}]}))
    };
    let of = |tenants: Value| bundle(rule(json!({ "tenants": tenants })));
    assert_one(
        of(json!(["globex"])),
        "never-matches",
        "bundles/0/rules/0/tenants",
    );
    let some = of(json!(["acme", "globex"]));
    assert_one(some, "outside-jurisdiction", "bundles/0/rules/0/tenants/1");
    assert_none(of(json!(["acme"])));
    assert_none(bundle(rule(json!({}))));
}

#[test]
fn an_exception_that_swallows_its_rule_is_found() {
    let of = |exception: Value| {
        of_rule(json!({
            "roles": ["builder"], "tools": ["git__log"], "families": ["engineering"],
            "unless": [exception]
        }))
    };
    let path = "rules/0/unless/0";
    assert_one(
        of(json!({"roles": ["builder", "analyst"]})),
        "never-matches",
        path,
    );
    assert_one(of(json!({"tools": ["git__*"]})), "never-matches", path);
    assert_one(
        of(json!({"families": ["engineering"]})),
        "never-matches",
        path,
    );
    assert_none(of(json!({"roles": ["analyst"]})));
    assert_none(of(json!({"tools": ["git__*"], "regions": ["eu"]})));
}

#[test]
fn an_exception_to_a_deny_must_be_known_to_hold() {
    let of = |exception: Value| {
        of_rule(json!({
            "effect": "deny", "roles": ["builder"], "families": ["engineering"],
            "unless": [exception]
        }))
    };
    assert_one(
        of(json!({"roles": ["builder"]})),
        "never-matches",
        "rules/0/unless/0",
    );
    // Of an unknown module neither is known: the rule matches.
    assert_none(of(json!({"families": ["engineering"]})));
}

#[test]
fn methods_that_address_something_else_never_match() {
    let of = |methods: Value| of_rule(json!({"methods": methods, "tools": ["git__*"]}));
    let path = "rules/0/methods";
    assert_one(of(json!(["prompts/get"])), "never-matches", path);
    assert_one(of(json!(["tools/list"])), "never-matches", path);
    assert_none(of(json!(["prompts/get", "tools/call"])));
    assert_none(of(json!(["vendor/call"])));
    assert_none(of(json!(["t*"])));
}

#[test]
fn arguments_of_methods_that_have_none_never_match() {
    let of = |methods: Value| {
        let arguments = json!([{"pointer": "/a", "equals": 1}]);
        of_rule(json!({"methods": methods, "arguments": arguments}))
    };
    assert_one(
        of(json!(["resources/read"])),
        "never-matches",
        "rules/0/arguments",
    );
    assert_none(of(json!(["resources/read", "tools/call"])));
    assert_none(of(json!(["vendor/x"])));
}

#[test]
fn entries_that_stand_twice_are_found() {
    let twice = of_rule(json!({"tools": ["git__*", "scan__run", "git__*"]}));
    assert_one(twice, "duplicate-entry", "rules/0/tools/2");
    let argument = json!({"pointer": "/a", "glob": "/x/**"});
    let arguments = of_rule(json!({"arguments": [argument, argument]}));
    assert_one(arguments, "duplicate-entry", "rules/0/arguments/1");
    let differ = json!([{"pointer": "/a", "glob": "/x/**"}, {"pointer": "/a", "regex": "/x/.*"}]);
    assert_none(of_rule(json!({ "arguments": differ })));
}

#[test]
fn an_allow_that_a_deny_covers_is_shadowed() {
    let of = |deny: Value, allow: Value| {
        let mut deny = rule(deny);
        deny.as_object_mut().unwrap().extend([
            ("id".to_owned(), json!("no")),
            ("effect".to_owned(), json!("deny")),
        ]);
        of_rules(json!([rule(allow), deny]))
    };
    for (deny, allow) in [
        (json!({}), json!({"tools": ["git__log"]})),
        (json!({"tools": ["git__*"]}), json!({"tools": ["git__log"]})),
        (
            json!({"roles": ["builder"]}),
            json!({"roles": ["builder"], "families": ["security"]}),
        ),
        (json!({"min_tier": 1}), json!({"min_tier": 2})),
        (json!({"methods": ["*"]}), json!({})),
    ] {
        assert_one(of(deny, allow), "shadowed-rule", "rules/0/id");
    }
    for (deny, allow) in [
        (json!({"tools": ["git__log"]}), json!({"tools": ["git__*"]})),
        (
            json!({"roles": ["builder"]}),
            json!({"roles": ["builder", "analyst"]}),
        ),
        (
            json!({"unless": [{"roles": ["builder"]}]}),
            json!({"tools": ["git__log"]}),
        ),
        (json!({"mode": "shadow"}), json!({})),
        (json!({"min_tier": 2}), json!({"min_tier": 1})),
        (json!({"methods": ["tools/call"]}), json!({})),
        (
            json!({"arguments": [{"pointer": "/a", "equals": 1}]}),
            json!({}),
        ),
    ] {
        assert_none(of(deny, allow));
    }
}

#[test]
fn a_deny_of_a_tenant_shadows_nothing_of_the_platform() {
    let deny = json!({"id": "no", "effect": "deny"});
    let bundle = json!({"id": "b", "level": "tenant", "tenants": ["acme"], "rules": [deny]});
    assert_none(found(
        json!({"rules": [rule(json!({}))], "bundles": [bundle]}),
    ));
    let both = json!([deny, rule(json!({}))]);
    let bundle = json!({"id": "b", "level": "tenant", "tenants": ["acme"], "rules": both});
    assert_one(
        found(json!({ "bundles": [bundle] })),
        "shadowed-rule",
        "bundles/0/rules/1/id",
    );
}

#[test]
fn a_rule_that_a_wider_one_repeats_is_redundant() {
    let of = |one: Value, two: Value| {
        let mut two = rule(two);
        two.as_object_mut().unwrap().insert("id".into(), "s".into());
        of_rules(json!([rule(one), two]))
    };
    let wide = json!({"tools": ["git__*"]});
    assert_one(
        of(wide.clone(), json!({"tools": ["git__log"]})),
        "redundant-rule",
        "rules/1/id",
    );
    assert_one(
        of(json!({"tools": ["git__log"]}), wide.clone()),
        "redundant-rule",
        "rules/0/id",
    );
    assert_one(
        of(wide.clone(), wide.clone()),
        "redundant-rule",
        "rules/1/id",
    );
    let obliged = json!({"tools": ["git__log"], "obligations": {"max_result_bytes": 1}});
    assert_none(of(wide.clone(), obliged));
    assert_none(of(wide, json!({"tools": ["git__log", "scan__run"]})));
}

#[test]
fn preambles_that_exclude_each_other_are_found() {
    let of = |one: Value, two: Value| {
        let with = |id: &str, preamble: &str, with: Value| {
            let mut rule = rule(with);
            rule.as_object_mut().unwrap().extend([
                ("id".to_owned(), json!(id)),
                ("obligations".to_owned(), json!({ "preamble": preamble })),
            ]);
            rule
        };
        of_rules(json!([with("a", "careful", one), with("b", "terse", two)]))
    };
    let path = "rules/1/obligations/preamble";
    let roles = json!({"roles": ["builder"]});
    assert_one(
        of(roles.clone(), json!({"families": ["security"]})),
        "preamble-conflict",
        path,
    );
    let covered = of(json!({}), roles.clone());
    assert_one(covered, "preamble-conflict", path);
    assert_none(of(
        json!({"tools": ["git__*"]}),
        json!({"tools": ["scan__run"]}),
    ));
    assert_none(of(
        json!({"tools": ["git__*"]}),
        json!({"families": ["security"]}),
    ));
    assert_none(of(
        json!({"tenants": ["acme"]}),
        json!({"tenants": ["globex"]}),
    ));
    let arguments = json!({"arguments": [{"pointer": "/a", "equals": 1}]});
    assert_none(of(
        arguments,
        json!({"arguments": [{"pointer": "/a", "equals": 2}]}),
    ));
}

#[test]
fn only_what_can_never_be_meant_is_an_error() {
    let config = config(json!({"rules": [
        {"id": "a", "effect": "allow", "obligations": {"preamble": "careful"}},
        {"id": "b", "effect": "allow", "modules": ["git"], "obligations": {"preamble": "terse"}},
        {"id": "c", "effect": "deny", "modules": ["x"], "roles": ["y"]}]}));
    let found = config.lint(&known());
    let errors = found.iter().filter(|one| one.severity == Severity::Error);
    let codes: Vec<&str> = errors.map(|one| one.code).collect();
    assert_eq!(codes, ["unknown-module", "preamble-conflict"]);
    let module = found
        .iter()
        .find(|one| one.code == "unknown-module")
        .unwrap();
    assert_eq!(module.unknown.as_deref(), Some("x"));
}
