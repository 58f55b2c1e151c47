//! Policies in Cedar: what they see, what their annotations mean, and what is not loaded.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod common;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use common::{ada, github, tool};
use mcpo2_core::{ApprovalState, Decision, Effect, Facts, Method, Principal};
use mcpo2_policy::{
    CedarEngine, CedarError, CedarErrorKind, CedarSchema, Engine, Query, Situation, Verdict,
    Visibility,
};
use serde_json::{Value, json};

fn load(policies: &str) -> Result<CedarEngine, CedarError> {
    CedarEngine::new(policies, &CedarSchema::any_tools().unwrap())
}

fn engine(policies: &str) -> CedarEngine {
    load(policies).unwrap_or_else(|error| panic!("{error}"))
}

fn call(engine: &CedarEngine, name: &str, arguments: &str) -> Verdict {
    decide(engine, name, arguments, &ada(), &github())
}

fn decide(engine: &CedarEngine, name: &str, args: &str, who: &Principal, of: &Facts) -> Verdict {
    let item = tool(name);
    let query = Query::new(&Method::ToolsCall, Some(&item), who).with_arguments(args.as_bytes());
    engine.decide(&query.with_facts(Some(Arc::new(of.clone()))))
}

fn rules(verdict: &Verdict) -> Vec<String> {
    verdict
        .decided()
        .rules
        .iter()
        .map(ToString::to_string)
        .collect()
}

const ALL: &str = "@id(\"all\") permit (principal, action, resource);";

#[test]
fn groups_of_callers_actions_and_resources_are_known() {
    for (scope, effect) in [
        (
            r#"principal in Mcpo2::Role::"analyst", action, resource"#,
            Effect::Allow,
        ),
        (
            r#"principal in Mcpo2::Role::"dev", action, resource"#,
            Effect::Deny,
        ),
        (
            r#"principal in Mcpo2::Tenant::"acme", action, resource"#,
            Effect::Allow,
        ),
        (
            r#"principal == Mcpo2::User::"ada", action, resource"#,
            Effect::Allow,
        ),
        (
            r#"principal is Mcpo2::Agent, action, resource"#,
            Effect::Deny,
        ),
        (
            r#"principal, action in Mcpo2::Action::"invoke", resource"#,
            Effect::Allow,
        ),
        (
            r#"principal, action in Mcpo2::Action::"protocol", resource"#,
            Effect::Deny,
        ),
        (
            r#"principal, action, resource == Mcpo2::Tool::"t""#,
            Effect::Allow,
        ),
        (
            r#"principal, action, resource in Mcpo2::Module::"github""#,
            Effect::Allow,
        ),
        (
            r#"principal, action, resource in Mcpo2::Family::"engineering""#,
            Effect::Allow,
        ),
        (
            r#"principal, action, resource in Mcpo2::Region::"us""#,
            Effect::Deny,
        ),
    ] {
        let engine = engine(&format!("@id(\"x\") permit ({scope});"));
        assert_eq!(call(&engine, "t", "{}").decided().effect, effect, "{scope}");
    }
}

#[test]
fn the_situation_is_in_the_context() {
    let engine = engine(
        r#"@id("x") permit (principal, action, resource)
           when { context has source && context.source.isInRange(ip("10.0.0.0/8")) }
           when { context has time && context.time < datetime("2026-12-01") }
           when { context has environment && context.environment == "prod" };"#,
    );
    let (item, ada) = (tool("t"), ada());
    let situation = Situation::default()
        .at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000))
        .in_environment("prod")
        .from_source("10.1.2.3".parse().unwrap());
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada);
    assert_eq!(engine.decide(&query).decided().effect, Effect::Deny);
    let query = query.with_situation(&situation);
    assert_eq!(engine.decide(&query).decided().effect, Effect::Allow);
    assert_eq!(
        engine.visible(&Query::listed(&item, &ada)),
        Visibility::DependsOnArguments
    );
}

#[test]
fn annotations_oblige_and_ask() {
    let text = r#"@id("b") @oblige("redact:email max_result_bytes:9") permit (principal, action, resource);
        @id("a") @oblige("redact:secret") permit (principal, action, resource);"#;
    let verdict = call(&engine(text), "t", "{}");
    assert_eq!(rules(&verdict), ["a", "b"]);
    let Decision::Allow(owed) = verdict.into_parts().0 else {
        panic!()
    };
    assert_eq!(
        (owed.redact.len(), owed.max_result_bytes.unwrap().get()),
        (2, 9)
    );
    let asks = r#"@id("ask") @approve("sre:2") @approve_ttl("60") @approve_by("another")
        permit (principal, action, resource);"#;
    let Decision::Ask(approval) = call(&engine(&format!("{text}{asks}")), "t", "{}")
        .into_parts()
        .0
    else {
        panic!()
    };
    assert_eq!(
        (approval.quorum().get(), approval.ttl()),
        (2, Some(Duration::from_secs(60)))
    );
    assert!(approval.excludes_requester());
    let forbids = r#"@id("no") @public_code("NO") forbid (principal, action, resource);"#;
    let Decision::Deny(denial) = call(&engine(&format!("{asks}{forbids}")), "t", "{}")
        .into_parts()
        .0
    else {
        panic!()
    };
    assert_eq!(denial.public_code(), Some("NO"));
    let conflict = r#"@id("b") @oblige("preamble:a") permit (principal, action, resource);
        @id("a") @oblige("preamble:b") permit (principal, action, resource);"#;
    assert_eq!(
        rules(&call(&engine(conflict), "t", "{}")),
        ["sys:preamble-conflict"]
    );
    let elsewhere = r#"@id("b") @oblige("regions:us") permit (principal, action, resource);"#;
    assert_eq!(rules(&call(&engine(elsewhere), "t", "{}")), ["sys:region"]);
}

#[test]
fn what_is_wrong_is_not_loaded() {
    let permit = "permit (principal, action, resource)";
    let bad = [
        (CedarErrorKind::Parse, "permit (principal".to_owned()),
        (
            CedarErrorKind::Parse,
            format!(
                "{} @id(\"x\") permit (principal == ?principal, action, resource);",
                ALL
            ),
        ),
        (
            CedarErrorKind::Validation,
            format!("@id(\"x\") {permit} when {{ resource.colour == \"red\" }};"),
        ),
        (
            CedarErrorKind::Validation,
            format!("@id(\"x\") {permit} when {{ resource.tier > 1 }};"),
        ),
        (
            CedarErrorKind::Validation,
            "@id(\"x\") permit (principal, action == Mcpo2::Action::\"tools/cal\", resource);"
                .into(),
        ),
        (CedarErrorKind::Annotation, format!("{permit};")),
        (
            CedarErrorKind::Annotation,
            format!("@id(\"sys:x\") {permit};"),
        ),
        (
            CedarErrorKind::Annotation,
            format!("{ALL} @id(\"all\") {permit};"),
        ),
        (
            CedarErrorKind::Annotation,
            format!("@id(\"x\") @aprove(\"sre\") {permit};"),
        ),
        (
            CedarErrorKind::Annotation,
            format!("@id(\"x\") @approve(\"sre:0\") {permit};"),
        ),
        (
            CedarErrorKind::Annotation,
            format!("@id(\"x\") @approve_ttl(\"9\") {permit};"),
        ),
        (
            CedarErrorKind::Annotation,
            format!("@id(\"x\") @oblige(\"shred\") {permit};"),
        ),
        (
            CedarErrorKind::Annotation,
            format!("@id(\"x\") @oblige(\"shred:1\") {permit};"),
        ),
        (
            CedarErrorKind::Annotation,
            "@id(\"x\") @approve(\"sre\") forbid (principal, action, resource);".into(),
        ),
        (
            CedarErrorKind::Annotation,
            format!("@id(\"x\") @public_code(\"X\") {permit};"),
        ),
    ];
    for (kind, text) in bad {
        let error = load(&text).err().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(error.kind(), kind, "{text}: {error}");
    }
}

#[test]
fn an_error_denies_where_cedar_would_leave_the_policy_out() {
    let overflows = r#"@id("x") forbid (principal, action, resource)
        when { context.arguments.hasTag("/n") && context.arguments.getTag("/n") has floor
            && context.arguments.getTag("/n").floor * 2 > 4 };"#;
    let engine = engine(&format!("{ALL}{overflows}"));
    assert_eq!(rules(&call(&engine, "t", r#"{"n":1}"#)), ["all"]);
    assert_eq!(rules(&call(&engine, "t", r#"{"n":3}"#)), ["x"]);
    assert_eq!(rules(&call(&engine, "t", r#"{"n":1e18}"#)), ["x"]);
    assert_eq!(
        rules(&call(&engine, "t", r#"{"n":9e18}"#)),
        ["sys:eval-error"]
    );
}

#[test]
fn what_the_platform_denies_is_not_asked() {
    let engine = engine(ALL);
    let suspended = github().with_state(ApprovalState::Suspended);
    assert_eq!(
        rules(&decide(&engine, "t", "{}", &ada(), &suspended)),
        ["sys:module-state"]
    );
    let ada = ada();
    let none = self::engine("");
    assert_eq!(
        rules(&none.decide(&Query::new(&Method::Ping, None, &ada))),
        ["sys:protocol"]
    );
    assert_eq!(call(&none, "t", "{}").decided().effect, Effect::Deny);
    let unknown = Method::from("vendor/x");
    let verdict = engine.decide(&Query::new(&unknown, None, &ada));
    assert_eq!(rules(&verdict), ["sys:eval-error"]);
}

fn catalogue() -> Value {
    json!({"type": "object", "required": ["path"], "properties": {
        "path": {"type": "string"},
        "depth": {"type": "integer"},
        "force": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "options": {"type": "object", "properties": {"deep": {"type": "boolean"}}},
        "ratio": {"type": "number"},
        "a \"b\"": {"type": "string"},
    }})
}

#[test]
fn the_arguments_of_a_known_tool_have_types() {
    let (input, free) = (catalogue(), json!({}));
    let schema = CedarSchema::of_tools([("files__list", &input), ("free", &free)]).unwrap();
    let text = r#"@id("x") permit (principal, action == Mcpo2::Action::"files__list", resource)
        when { context.input.path like "/srv/*" }
        when { if context.input has depth then context.input.depth < 3 else true }
        when { if context.input has tags then context.input.tags.contains("ok") else true }
        when { if context.input has options && context.input.options has deep
            then !context.input.options.deep else true };
        @id("y") permit (principal, action in Mcpo2::Action::"tools/call", resource)
        when { resource == Mcpo2::Tool::"other" };"#;
    let engine = CedarEngine::new(text, &schema).unwrap_or_else(|error| panic!("{error}"));
    for (arguments, by) in [
        (r#"{"path":"/srv/x"}"#, "x"),
        (
            r#"{"path":"/srv/x","depth":2,"tags":["a","ok"],"ratio":0.5,"more":{}}"#,
            "x",
        ),
        (r#"{"path":"/srv/x","options":{"deep":false,"x":1}}"#, "x"),
        (r#"{"path":"/etc/x"}"#, ""),
        (r#"{"path":"/srv/x","depth":3}"#, ""),
        (r#"{"path":"/srv/x","options":{"deep":true}}"#, ""),
        (r#"{"path":"/srv/x","depth":2.5}"#, "sys:eval-error"),
        (r#"{"path":7}"#, "sys:eval-error"),
        (r#"{"path":"/srv/x","tags":"ok"}"#, "sys:eval-error"),
        (r#"{}"#, "sys:eval-error"),
        (r#"[]"#, "sys:eval-error"),
    ] {
        assert_eq!(
            rules(&call(&engine, "files__list", arguments)).concat(),
            by,
            "{arguments}"
        );
    }
    // It is one of `tools/call` too, and a tool that nobody knows is only that.
    assert_eq!(rules(&call(&engine, "other", "{}")), ["y"]);
    let wrong = r#"@id("x") permit (principal, action == Mcpo2::Action::"files__list", resource)
        when { context.input.path > 3 };"#;
    let error = CedarEngine::new(wrong, &schema).unwrap_err();
    assert_eq!(error.kind(), CedarErrorKind::Validation);
}

#[test]
fn tools_that_make_no_schema_are_refused() {
    let any = json!({});
    for tools in [
        vec![("tools/call", &any)],
        vec![("invoke", &any)],
        vec![("a", &any), ("a", &any)],
    ] {
        let error = CedarSchema::of_tools(tools).unwrap_err();
        assert_eq!(error.kind(), CedarErrorKind::Schema);
    }
    CedarSchema::of_tools([("we\"ird\n\\", &any)]).unwrap();
}

#[test]
fn a_list_hides_what_no_arguments_could_get_permitted() {
    let engine = engine(
        r#"@id("a") permit (principal, action, resource == Mcpo2::Tool::"a");
        @id("b") permit (principal, action, resource) when { resource.name == "b" }
        when { context.arguments.hasTag("/p") };
        @id("c") permit (principal, action, resource) when { resource.name like "c*" };
        @id("d") forbid (principal, action, resource) when { resource.name == "cd" };"#,
    );
    let ada = ada();
    let shown = |name: &str| engine.visible(&Query::listed(&tool(name), &ada));
    assert_eq!(shown("a"), Visibility::Allowed);
    assert_eq!(shown("b"), Visibility::DependsOnArguments);
    assert_eq!(shown("c"), Visibility::Allowed);
    assert_eq!(shown("cd"), Visibility::Denied);
    assert_eq!(shown("x"), Visibility::Denied);
}
