//! Engines together: the strictest decides.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod common;

use std::{num::NonZeroU64, sync::Arc};

use common::{ada, github, policy, tool};
use mcpo2_core::{Decision, Digest, Effect, Method, Obligations, RuleId};
use mcpo2_policy::{All, Engine, Policy, Query, Verdict, Visibility};
use serde_json::{Value, json};

fn all(each: &[Value]) -> All {
    let engines = each
        .iter()
        .map(|rules| Arc::new(policy(rules.clone())) as Arc<dyn Engine>);
    All::of(engines.collect())
}

fn decide(engine: &dyn Engine) -> Verdict {
    let (item, ada) = (tool("t"), ada());
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada);
    engine.decide(&query.with_facts(Some(Arc::new(github()))))
}

fn rules(verdict: &Verdict) -> Vec<&str> {
    verdict.decided().rules.iter().map(RuleId::as_str).collect()
}

#[test]
fn the_strictest_engine_decides() {
    let rule = |id: &str, effect: &str| match effect {
        "require_approval" => json!([{"id": id, "effect": effect, "approval": {"group": id}}]),
        _ => json!([{"id": id, "effect": effect}]),
    };
    let effects = ["allow", "require_approval", "deny"];
    for (x, one) in effects.iter().enumerate() {
        for (y, two) in effects.iter().enumerate() {
            let verdict = decide(&all(&[rule("a", one), rule("b", two)]));
            let word = serde_json::to_value(verdict.decided().effect).unwrap();
            assert_eq!(word, effects[x.max(y)], "{one} {two}");
        }
    }
    let verdict = decide(&all(&[rule("a", "allow"), rule("b", "allow")]));
    assert_eq!(rules(&verdict), ["a", "b"]);
    let Decision::Ask(approval) = decide(&all(&[
        rule("a", "require_approval"),
        rule("b", "require_approval"),
    ]))
    .into_parts()
    .0
    else {
        panic!()
    };
    assert_eq!(approval.groups().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn no_engine_at_all_denies_and_shows_nothing() {
    let none = All::of(Vec::new());
    assert_eq!(decide(&none).decided().effect, Effect::Deny);
    let (item, ada) = (tool("t"), ada());
    assert_eq!(
        none.visible(&Query::listed(&item, &ada)),
        Visibility::Denied
    );
    assert!(!none.is_uniform());
}

#[test]
fn obligations_of_all_engines_are_owed() {
    let owing = |bytes: u64| {
        json!([{"id": format!("r{bytes}"), "effect": "allow",
                "obligations": {"max_result_bytes": bytes, "redact": [format!("f{bytes}")]}}])
    };
    let Decision::Allow(owed) = decide(&all(&[owing(1), owing(2)])).into_parts().0 else {
        panic!()
    };
    assert_eq!(owed.max_result_bytes, NonZeroU64::new(1));
    assert_eq!(owed.redact.len(), 2);
    let preamble =
        |id: &str| json!([{"id": id, "effect": "allow", "obligations": {"preamble": id}}]);
    let verdict = decide(&all(&[preamble("a"), preamble("b")]));
    assert_eq!(rules(&verdict), ["sys:preamble-conflict"]);
    // Each of the two is kept to, and both together are not.
    let region = |regions: &[&str]| json!([{"id": "r", "effect": "allow", "obligations": {"regions": regions}}]);
    let verdict = decide(&all(&[region(&["eu", "us"]), region(&["eu"])]));
    assert_eq!(verdict.decided().effect, Effect::Allow);
}

#[test]
fn a_region_that_a_foreign_engine_obliges_to_is_kept_to() {
    struct Oblige;
    impl Engine for Oblige {
        fn decide(&self, _query: &Query<'_>) -> Verdict {
            let mut owed = Obligations::default();
            owed.regions = Some([("us").parse().unwrap()].into());
            Verdict::allow(vec!["us-only".parse().unwrap()], "x", owed, self.digest())
        }

        fn visible(&self, _query: &Query<'_>) -> Visibility {
            Visibility::Allowed
        }

        fn digest(&self) -> Digest {
            Digest::of(b"oblige")
        }
    }
    let both = All::of(vec![Arc::new(Policy::allow_all()), Arc::new(Oblige)]);
    assert_eq!(rules(&decide(&both)), ["sys:region"]);
}

#[test]
fn a_caller_learns_a_code_only_where_all_that_deny_have_one() {
    let deny = |code: Option<&str>| match code {
        Some(code) => json!([{"id": code, "effect": "deny", "public_code": code}]),
        None => json!([{"id": "silent", "effect": "deny"}]),
    };
    for (codes, told) in [
        ([Some("A"), Some("B")], Some("A")),
        ([Some("A"), None], None),
    ] {
        let Decision::Deny(denial) = decide(&all(&codes.map(deny))).into_parts().0 else {
            panic!()
        };
        assert_eq!(denial.public_code(), told);
    }
}

#[test]
fn what_is_shown_is_the_least_and_keys_are_of_all() {
    let both = all(&[
        json!([{"id": "a", "effect": "allow", "tools": ["a*"]}]),
        json!([{"id": "b", "effect": "allow", "tools": ["*b"]},
               {"id": "c", "effect": "allow", "tools": ["ac"],
                "arguments": [{"pointer": "/p", "equals": 1}]}]),
    ]);
    let ada = ada();
    let items = ["ab", "ac", "aa", "bb"].map(tool);
    let shown = both.visible_of(&mut items.iter(), &|item| Query::listed(item, &ada));
    use Visibility::{Allowed, Denied, DependsOnArguments};
    assert_eq!(shown, [Allowed, DependsOnArguments, Denied, Denied]);
    for (item, shown) in items.iter().zip(shown) {
        assert_eq!(both.visible(&Query::listed(item, &ada)), shown);
    }
    assert!(
        both.situation_key(&Query::listed(&items[0], &ada))
            .is_some()
    );
}
