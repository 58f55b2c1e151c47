//! One policy in three engines: native, and exported to Cedar and to Rego.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod common;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use mcpo2_core::{
    AuthMethod, Effect, Facts, Family, Item, ItemKind, Method, Principal, PrincipalKind,
};
use mcpo2_policy::{
    CedarEngine, CedarSchema, Config, Engine, Query, Reference, RegoBundle, RegoEngine,
    RegoOptions, Visibility, export,
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

/// The engines that must agree.
struct Engines {
    native: Reference,
    rego: RegoEngine,
    cedar: CedarEngine,
}

fn schema() -> &'static CedarSchema {
    static SCHEMA: OnceLock<CedarSchema> = OnceLock::new();
    SCHEMA.get_or_init(|| CedarSchema::any_tools().unwrap())
}

fn engines(rules: &[Value]) -> Engines {
    let config: Config = serde_json::from_value(json!({ "rules": rules })).unwrap();
    let rego = export::rego(&config).unwrap();
    let bundle = RegoBundle::from_modules([("policy.rego", rego.as_str())]);
    let options = RegoOptions::default().with_time_limit(Duration::from_secs(60));
    let cedar = export::cedar(&config).unwrap();
    Engines {
        rego: RegoEngine::with_options(&bundle, &options).unwrap_or_else(|e| panic!("{e}\n{rego}")),
        cedar: CedarEngine::new(&cedar, schema()).unwrap_or_else(|e| panic!("{e}\n{cedar}")),
        native: Reference::compile(config).unwrap(),
    }
}

type Field = BoxedStrategy<Option<(&'static str, Value)>>;

/// A field that is there now and then, with one of these values.
fn field(name: &'static str, values: Vec<Value>) -> Field {
    prop_oneof![3 => Just(None), 1 => select(values).prop_map(move |value| Some((name, value)))]
        .boxed()
}

fn conditions() -> Vec<Field> {
    vec![
        field(
            "tenants",
            vec![json!(["acme"]), json!(["other"]), json!(["acme", "other"])],
        ),
        field("roles", vec![json!(["analyst"]), json!(["dev", "ops"])]),
        field("principals", vec![json!(["ada"]), json!(["eve", "bob"])]),
        field("projects", vec![json!(["alpha"])]),
        field("scopes", vec![json!(["repo", "gist"])]),
        field("kinds", vec![json!(["user"]), json!(["agent", "service"])]),
        field("auth", vec![json!(["jwt", "api_key"]), json!(["host"])]),
        field("families", vec![json!(["engineering"]), json!(["design"])]),
        field("modules", vec![json!(["github"]), json!(["figma", "x"])]),
        field("regions", vec![json!(["eu"]), json!(["us"])]),
        field("min_tier", vec![json!(0), json!(2), json!(4)]),
        field(
            "methods",
            vec![json!(["tools/call"]), json!(["ping", "prompts/get"])],
        ),
        prop_oneof![1 => Just(None), 2 => tools().prop_map(Some)].boxed(),
        prop_oneof![1 => Just(None), 2 => vec(argument(), 1..3)
            .prop_map(|all| Some(("arguments", json!(all))))]
        .boxed(),
    ]
}

fn tools() -> impl Strategy<Value = (&'static str, Value)> {
    let tools = select(vec![
        json!(["a"]),
        json!(["a*"]),
        json!(["*b"]),
        json!(["*"]),
        json!(["a*b", "c.\"\\*d".replace('\\', "").as_str()]),
        json!(["a*c*b"]),
    ]);
    let prompts = select(vec![json!(["a*"]), json!(["b"])]);
    prop_oneof![
        4 => tools.prop_map(|globs| ("tools", globs)),
        1 => prompts.prop_map(|globs| ("prompts", globs)),
    ]
}

fn argument() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"pointer": "/p", "glob": "/srv/**"}),
        json!({"pointer": "/p", "glob": "/srv/x"}),
        json!({"pointer": "/p", "glob": "https://h/a/**"}),
        json!({"pointer": "/p", "glob": "srv/**"}),
        json!({"pointer": "/p", "prefix": "/s"}),
        json!({"pointer": "/p", "prefix": "*\"é\n"}),
        json!({"pointer": "/p", "equals": "x"}),
        json!({"pointer": "/p", "one_of": ["x", "/srv/x", 7, true]}),
        json!({"pointer": "/n", "at_most": 5}),
        json!({"pointer": "/n", "at_least": -2}),
        json!({"pointer": "/n", "equals": 7}),
        json!({"pointer": "/n", "equals": 6.5}),
        json!({"pointer": "/n", "one_of": [true, 5]}),
        json!({"pointer": "/p", "present": true}),
        json!({"pointer": "/n", "present": false}),
        json!({"pointer": "/l/0", "equals": "x"}),
        json!({"pointer": "/k~1~0", "at_least": 1}),
    ])
}

fn object(fields: Vec<Option<(&'static str, Value)>>) -> serde_json::Map<String, Value> {
    let fields = fields.into_iter().flatten();
    fields
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn rule() -> impl Strategy<Value = Value> {
    let effect = prop_oneof![4 => Just("allow"), 2 => Just("deny"), 1 => Just("require_approval")];
    let exception = conditions()
        .prop_map(object)
        .prop_filter("says something", |it| !it.is_empty());
    let exceptions = prop_oneof![3 => Just(vec![]), 1 => vec(exception, 1..3)];
    (effect, conditions(), exceptions).prop_map(|(effect, fields, exceptions)| {
        let mut rule = object(fields);
        rule.insert("effect".into(), json!(effect));
        if !exceptions.is_empty() {
            rule.insert("unless".into(), json!(exceptions));
        }
        match effect {
            "allow" => rule.insert("obligations".into(), json!({"redact": ["email"]})),
            "deny" => rule.insert("public_code".into(), json!("NO")),
            _ => rule.insert("approval".into(), json!({"group": "g", "quorum": 2})),
        };
        Value::Object(rule)
    })
}

fn rules() -> impl Strategy<Value = Vec<Value>> {
    vec(rule(), 1..6).prop_map(|mut rules| {
        for (at, rule) in rules.iter_mut().enumerate() {
            rule["id"] = json!(format!("r{at}"));
        }
        rules
    })
}

#[derive(Debug, Clone)]
struct Asked {
    method: Method,
    item: Option<Item>,
    caller: Principal,
    facts: Option<Facts>,
    family: Option<Family>,
    arguments: Option<&'static str>,
}

impl Asked {
    fn query(&self) -> Query<'_> {
        let mut query = Query::new(&self.method, self.item.as_ref(), &self.caller)
            .with_facts(self.facts.clone().map(Arc::new));
        if let Some(family) = &self.family {
            query = query.with_family(family);
        }
        match self.arguments {
            Some(arguments) => query.with_arguments(arguments.as_bytes()),
            None => query,
        }
    }
}

fn caller() -> impl Strategy<Value = Principal> {
    let kinds = [
        PrincipalKind::User,
        PrincipalKind::Agent,
        PrincipalKind::Anonymous,
    ];
    let auth = vec![AuthMethod::Host, AuthMethod::Jwt, AuthMethod::None];
    let roles = select(vec![vec!["analyst"], vec!["dev", "x"], vec![]]);
    (
        select(vec!["acme", "acme", "other"]),
        select(vec!["ada", "eve"]),
        select(kinds.to_vec()),
        select(auth),
        roles,
        any::<bool>(),
    )
        .prop_map(|(tenant, id, kind, auth, roles, more)| {
            let caller = Principal::new(tenant.parse().unwrap(), id.parse().unwrap(), auth)
                .with_kind(kind)
                .with_roles(roles);
            match more {
                true => caller.with_project("alpha").with_scopes(["repo"]),
                false => caller,
            }
        })
}

fn facts() -> impl Strategy<Value = Facts> {
    let region = select(vec![Some("eu"), Some("us"), None]);
    (
        select(vec!["github", "figma"]),
        select(vec!["engineering", "design"]),
        region,
        0..5_u8,
    )
        .prop_map(|(module, family, region, tier)| {
            let facts = Facts::new(module.parse().unwrap(), family.parse().unwrap());
            let facts = facts.with_tier(tier);
            match region {
                Some(region) => facts.with_region(region.parse().unwrap()),
                None => facts,
            }
        })
}

const ARGUMENTS: &[&str] = &[
    "{}",
    r#"{"p":"/srv/x","n":5}"#,
    r#"{"p":"/srv/../srv/x/y","n":4.5}"#,
    r#"{"p":"/srv","n":-2}"#,
    r#"{"p":"srv/x","n":-2.5}"#,
    r#"{"p":"/etc/x","n":7.0}"#,
    r#"{"p":"/..","n":6.5}"#,
    r#"{"p":"https://H/a/b?q","n":1e-400}"#,
    r#"{"p":"https://h/b","n":"5"}"#,
    r#"{"p":"x","n":true}"#,
    r#"{"p":7,"n":9007199254740993}"#,
    r#"{"p":null,"n":null}"#,
    r#"{"p":"*\"é\nz","l":["x"],"k/~":1}"#,
    r#"{"l":[],"k/~":0.5}"#,
    r#"{"p":true,"l":{"0":"x"}}"#,
    "[]",
    "null",
    r#"{"p":1,"p":2}"#,
];

fn asked() -> impl Strategy<Value = Asked> {
    let tool = |name: &str| (Method::ToolsCall, Some(Item::new(ItemKind::Tool, name)));
    let prompt = (Method::PromptsGet, Some(Item::new(ItemKind::Prompt, "ab")));
    let file = Item::new(ItemKind::Resource, "file:///srv/x");
    let whats = select(vec![
        tool("a"),
        tool("ab"),
        tool("a-c-b"),
        tool("ab"),
        tool("b"),
        tool("c.\"*d"),
        prompt,
        (Method::ResourcesRead, Some(file)),
        (Method::Ping, None),
        (Method::ToolsList, None),
        (Method::ToolsCall, None),
    ]);
    (
        whats,
        caller(),
        proptest::option::weighted(0.8, facts()),
        select(vec![None, None, Some("engineering"), Some("design")]),
        proptest::option::weighted(0.9, select(ARGUMENTS)),
    )
        .prop_map(|((method, item), caller, facts, family, arguments)| Asked {
            method,
            item,
            caller,
            facts,
            family: family.map(|family| family.parse().unwrap()),
            arguments,
        })
}

fn effect(engine: &dyn Engine, query: &Query<'_>) -> (Effect, Vec<String>) {
    let verdict = engine.decide(query);
    let rules = verdict.decided().rules.iter().map(ToString::to_string);
    // The native engine names what the platform allows beside a rule that does, too.
    let own = |rule: &String| rule != "sys:protocol";
    (verdict.decided().effect, rules.filter(own).collect())
}

proptest! {
    // 64 policies, 40 requests each.
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn exported_policies_decide_as_native_ones(rules in rules(), all in vec(asked(), 40)) {
        let engines = engines(&rules);
        for asked in all {
            let native = effect(&engines.native, &asked.query());
            let rego = effect(&engines.rego, &asked.query());
            let cedar = effect(&engines.cedar, &asked.query());
            prop_assert_eq!(&native, &rego, "rego: {:#?}\n{:?}", json!(rules), asked);
            prop_assert_eq!(&native, &cedar, "cedar: {:#?}\n{:?}", json!(rules), asked);
            let Some(item) = &asked.item else { continue };
            let listed = Query::listed(item, &asked.caller)
                .with_facts(asked.facts.clone().map(Arc::new));
            for engine in [&engines.rego as &dyn Engine, &engines.cedar] {
                let shown = engine.visible(&listed);
                // What a list cannot know is the classifier's guess.
                let hidden = shown == Visibility::Denied && asked.family.is_none();
                prop_assert!(!hidden || native.0 == Effect::Deny, "{:#?}\n{:?}", json!(rules), asked);
                let sure = shown == Visibility::Allowed && asked.family.is_none();
                prop_assert!(!sure || native.0 != Effect::Deny, "{:#?}\n{:?}", json!(rules), asked);
            }
        }
    }
}

#[test]
fn obligations_approvals_and_codes_come_along() {
    let rules = [
        json!({"id": "a", "effect": "allow", "tools": ["a*"], "obligations": {
            "preamble": "p@7", "max_result_bytes": 10, "redact": ["email", "secret"],
            "rate_class": "std", "log_level": "warn", "regions": ["eu", "us"]}}),
        json!({"id": "b", "effect": "allow", "tools": ["ab"], "obligations": {"regions": ["eu"]}}),
        json!({"id": "c", "effect": "require_approval", "tools": ["b"], "reason": "why",
               "approval": {"group": "sre", "quorum": 2, "ttl_seconds": 60, "not_requester": true}}),
        json!({"id": "d", "effect": "deny", "tools": ["c"], "public_code": "NO", "reason": "so"}),
    ];
    let engines = engines(&rules);
    let (caller, facts) = (common::ada(), Arc::new(common::github()));
    for name in ["ab", "a", "b", "c"] {
        let item = common::tool(name);
        let query = Query::new(&Method::ToolsCall, Some(&item), &caller);
        let query = query.with_facts(Some(Arc::clone(&facts)));
        let native = engines.native.decide(&query).into_parts().0;
        for engine in [&engines.rego as &dyn Engine, &engines.cedar] {
            let other = engine.decide(&query).into_parts().0;
            // Only where nobody gave a reason it may read otherwise.
            let plain = |decision: &mcpo2_core::Decision| {
                format!("{decision:?}").replace("allowed by rule", "")
            };
            assert_eq!(plain(&native), plain(&other), "{name}");
        }
    }
}
