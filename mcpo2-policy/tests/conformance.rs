//! Our engines keep what engines promise; one that does not is found out.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mcpo2_core::{Digest, Obligations};
use mcpo2_policy::{
    All, Config, Engine, Policy, Query, Reference, Verdict, Visibility,
    conformance::{self, Broken},
};
use serde_json::json;

#[test]
fn the_policy_conforms() {
    conformance::check_rules(|config: &Config| config.clone().compile().unwrap()).unwrap();
    conformance::check(&Policy::allow_all(), &conformance::samples()).unwrap();
}

#[test]
fn a_policy_with_situations_and_resources_conforms() {
    let policy = common::policy(json!([
        {"id": "a", "effect": "allow", "environments": ["prod"], "tools": ["allowed"]},
        {"id": "b", "effect": "allow", "networks": ["10.0.0.1"], "resources": ["file:///srv/**"]},
        {"id": "c", "effect": "deny", "times": [{"zone": "UTC", "from": "08:00", "until": "18:00"}]},
        {"id": "d", "effect": "allow", "max_session_seconds": 60, "prompts": ["*"]},
        {"id": "e", "effect": "allow", "max_request_bytes": 60, "tools": ["by-path"]},
    ]));
    conformance::check(&policy, &conformance::samples()).unwrap();
}

#[test]
fn the_reference_conforms() {
    conformance::check_rules(|config: &Config| Reference::compile(config.clone()).unwrap())
        .unwrap();
}

#[test]
fn engines_together_conform() {
    let engine = |config: &Config| Arc::new(config.clone().compile().unwrap()) as Arc<dyn Engine>;
    conformance::check_rules(|config: &Config| {
        All::of(vec![
            engine(config),
            Arc::new(Policy::allow_all()),
            engine(config),
        ])
    })
    .unwrap();
    conformance::check(&All::of(Vec::new()), &conformance::samples()).unwrap();
}

#[cfg(feature = "rego")]
#[test]
fn rego_conforms() {
    use std::time::Duration;

    use mcpo2_policy::{RegoBundle, RegoEngine, RegoOptions, export};

    let load = |text: &str| {
        let options = RegoOptions::default().with_time_limit(Duration::from_secs(60));
        let bundle = RegoBundle::from_modules([("policy.rego", text)]);
        RegoEngine::with_options(&bundle, &options).unwrap()
    };
    conformance::check_rules(|config: &Config| load(&export::rego(config).unwrap())).unwrap();
    for text in [
        "decision := true",
        "default decision := false",
        "decision := 1",
    ] {
        let engine = load(&format!("package mcpo2.policy\n\n{text}\n"));
        conformance::check(&engine, &conformance::samples()).unwrap();
    }
}

#[cfg(feature = "cedar")]
#[test]
fn cedar_conforms() {
    use mcpo2_policy::{CedarEngine, CedarSchema, export};

    let schema = CedarSchema::any_tools().unwrap();
    conformance::check_rules(|config: &Config| {
        CedarEngine::new(&export::cedar(config).unwrap(), &schema).unwrap()
    })
    .unwrap();
    let input = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let schema = CedarSchema::of_tools([("by-path", &input)]).unwrap();
    let text = r#"@id("a") permit (principal, action, resource)
        when { resource.name != "by-path" };
        @id("b") permit (principal, action == Mcpo2::Action::"by-path", resource)
        when { context.input has path && context.input.path like "/srv/*" };"#;
    let engine = CedarEngine::new(text, &schema).unwrap();
    conformance::check(&engine, &conformance::samples()).unwrap();
}

/// An engine with one fault.
struct Faulty(&'static str, AtomicU64);

impl Engine for Faulty {
    fn decide(&self, _query: &Query<'_>) -> Verdict {
        let rules = match self.0 {
            "silent" => Vec::new(),
            _ => vec!["r".parse().unwrap()],
        };
        let bundle = match self.0 {
            "digest" => Digest::of(b"other"),
            _ => self.digest(),
        };
        if self.0 == "changes" {
            let count = self.1.fetch_add(1, Ordering::Relaxed);
            return Verdict::eval_error(count.to_string(), bundle);
        }
        Verdict::allow(rules, "r", Obligations::default(), bundle)
    }

    fn visible(&self, query: &Query<'_>) -> Visibility {
        match self.0 {
            "hides" => Visibility::Denied,
            "keys" if query.situation().environment() == Some("dev") => {
                Visibility::DependsOnArguments
            }
            _ => Visibility::Allowed,
        }
    }

    fn digest(&self) -> Digest {
        Digest::of(b"faulty")
    }

    fn visible_of<'q>(
        &self,
        items: &mut dyn Iterator<Item = &'q mcpo2_core::Item>,
        _query: &dyn Fn(&'q mcpo2_core::Item) -> Query<'q>,
    ) -> Vec<Visibility> {
        let shown = match self.0 {
            "lists" => Visibility::DependsOnArguments,
            _ => Visibility::Allowed,
        };
        items.map(|_| shown).collect()
    }

    fn situation_key(&self, _query: &Query<'_>) -> Option<Box<[u8]>> {
        Some(Box::default())
    }
}

#[test]
fn faults_are_found() {
    let faulty = |fault| Faulty(fault, AtomicU64::new(0));
    let check = |fault| conformance::check(&faulty(fault), &conformance::samples());
    let law = |fault| {
        check(fault)
            .map_err(|broken: Broken| broken.law())
            .unwrap_err()
    };
    check("none").unwrap();
    assert_eq!(
        law("silent"),
        "what is allowed or asked for is so by a rule"
    );
    assert_eq!(law("digest"), "a verdict names the digest of the engine");
    assert_eq!(law("changes"), "the same is decided each time");
    assert_eq!(
        law("hides"),
        "a list hides nothing that some arguments get allowed"
    );
    assert_eq!(
        law("keys"),
        "a list is the same in situations that have the same key"
    );
    assert_eq!(law("lists"), "a list shows what is visible one by one");
    let open = |_: &Config| faulty("none");
    let broken = conformance::check_rules(open).unwrap_err();
    assert_eq!(broken.law(), "a method that nobody knows is denied");
}
