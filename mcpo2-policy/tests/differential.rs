//! The engine and the plain evaluator agree: on the decision, the rules that made it, what it
//! obliges to, what would have been in shadow mode, the explanation, and what lists show.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "common/world.rs"]
mod world;

use mcpo2_core::{Decision, Item};
use mcpo2_policy::{Config, Engine, Policy, Query, Reference, Verdict, Visibility};
use serde_json::Value;
use world::{Request, Rng};

/// How many requests each policy is asked.
const REQUESTS: usize = 400;

/// How many cases there are: a million, or as many as `MCPO2_CASES` says.
fn cases() -> usize {
    let said = std::env::var("MCPO2_CASES").ok();
    said.map_or(1_000_000, |said| said.parse().unwrap())
}

struct Both {
    written: Value,
    quick: Policy,
    plain: Reference,
}

fn both(rng: &mut Rng) -> Both {
    let written = world::config(rng);
    let config: Config = serde_json::from_value(written.clone()).unwrap();
    let quick = config.clone().compile();
    let quick = quick.unwrap_or_else(|error| panic!("{error} at {}: {written}", error.path()));
    Both {
        plain: Reference::compile(config).unwrap(),
        quick,
        written,
    }
}

fn aimed(rng: &mut Rng, written: &Value) -> Request {
    let rules = world::all_rules(written);
    let rule = *rng.pick(&rules);
    world::request(rng, rule)
}

/// Everything of a verdict that can differ.
fn said(verdict: &Verdict) -> String {
    format!("{verdict:?}")
}

#[test]
fn a_million_decisions_are_those_of_the_plain_evaluator() {
    let mut effects = [0_usize; 3];
    let (mut shadows, mut conflicts) = (0, 0);
    let mut rng = Rng::new(20_261_128);
    for _ in 0..cases().div_ceil(REQUESTS) {
        let Both {
            written,
            quick,
            plain,
        } = both(&mut rng);
        for _ in 0..REQUESTS {
            let request = aimed(&mut rng, &written);
            let query = request.query();
            let (one, two) = (quick.decide(&query), plain.decide(&query));
            assert_eq!(said(&one), said(&two), "{written}\n{request:?}");
            effects[one.decided().effect as usize] += 1;
            shadows += usize::from(one.decided().shadow.is_some());
            conflicts += usize::from(
                one.decided()
                    .rules
                    .iter()
                    .any(|id| id.as_str() == "sys:preamble-conflict"),
            );
        }
    }
    // Nothing was shown if one of them hardly ever came.
    let least = cases() / 50;
    assert!(effects.iter().all(|count| *count > least), "{effects:?}");
    assert!(shadows > least && conflicts > 0, "{shadows} {conflicts}");
}

#[test]
fn explanations_are_those_of_the_plain_evaluator() {
    let mut rng = Rng::new(1);
    for _ in 0..cases() / 50_000 {
        let Both {
            written,
            quick,
            plain,
        } = both(&mut rng);
        for _ in 0..REQUESTS / 4 {
            let request = aimed(&mut rng, &written);
            let query = request.query();
            let (one, two) = (quick.explain(&query), plain.explain(&query));
            assert_eq!(one, two, "{written}\n{request:?}");
            let decided = quick.decide(&query).decided().clone();
            assert_eq!((one.effect, one.rules), (decided.effect, decided.rules));
        }
    }
}

#[test]
fn lists_are_those_of_the_plain_evaluator_one_by_one_and_all_at_once() {
    let mut rng = Rng::new(2);
    let mut seen = [0_usize; 3];
    for _ in 0..cases() / 5_000 {
        let Both {
            written,
            quick,
            plain,
        } = both(&mut rng);
        for _ in 0..4 {
            let requests: Vec<Request> = (0..25).map(|_| aimed(&mut rng, &written)).collect();
            let caller = &requests[0];
            let items: Vec<(&Item, &Request)> = requests
                .iter()
                .filter_map(|request| Some((request.item.as_ref()?, request)))
                .collect();
            let query = |item: &Item| {
                let (item, of) = *items
                    .iter()
                    .find(|(known, _)| std::ptr::eq(*known, item))
                    .unwrap();
                Query::listed(item, &caller.principal)
                    .with_facts(of.facts.clone())
                    .with_situation(&caller.situation)
            };
            // Twice, as what was learnt the first time is used the second.
            for _ in 0..2 {
                let at_once = quick.visible_of(&mut items.iter().map(|(item, _)| *item), &query);
                assert_eq!(at_once.len(), items.len());
                for ((item, _), at_once) in items.iter().zip(at_once) {
                    let query = query(item);
                    assert_eq!(
                        at_once,
                        plain.visible(&query),
                        "{written}\n{item:?} {caller:?}"
                    );
                    assert_eq!(
                        at_once,
                        quick.visible(&query),
                        "{written}\n{item:?} {caller:?}"
                    );
                    seen[at_once as usize] += 1;
                }
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

#[test]
fn what_is_hidden_is_allowed_with_no_arguments_and_what_is_allowed_is_listed() {
    let mut rng = Rng::new(3);
    for _ in 0..cases() / 2_000 {
        let Both { written, quick, .. } = both(&mut rng);
        for _ in 0..40 {
            let request = aimed(&mut rng, &written);
            let Some(listed) = request
                .listed()
                .filter(|listed| listed.method() == &request.method)
            else {
                continue;
            };
            let verdict = quick.decide(&request.query());
            let denied = matches!(verdict.decision(), Decision::Deny(_));
            // These three are found only when all that allows is known.
            let late = ["sys:preamble-conflict", "sys:region"];
            let late = verdict
                .decided()
                .rules
                .iter()
                .any(|id| late.contains(&id.as_str()));
            match quick.visible(&listed) {
                Visibility::Denied => assert!(denied, "{written}\n{request:?} {verdict:?}"),
                Visibility::Allowed => {
                    assert!(!denied || late, "{written}\n{request:?} {verdict:?}")
                }
                Visibility::DependsOnArguments => {}
            }
        }
    }
}

#[test]
fn what_lists_depend_on_is_in_their_key() {
    let mut rng = Rng::new(4);
    let (mut same, mut other) = (0, 0);
    for _ in 0..cases() / 5_000 {
        let Both { written, quick, .. } = both(&mut rng);
        for _ in 0..20 {
            let one = aimed(&mut rng, &written);
            let two = aimed(&mut rng, &written);
            let Some(first) = one.listed() else { continue };
            let second = one.listed().unwrap().with_situation(&two.situation);
            if quick.situation_key(&first) == quick.situation_key(&second) {
                same += 1;
                assert_eq!(
                    quick.visible(&first),
                    quick.visible(&second),
                    "{written}\n{one:?} {two:?}"
                );
            } else {
                other += 1;
            }
        }
    }
    assert!(same > 50 && other > 50, "{same} {other}");
}

#[test]
fn rules_in_shadow_mode_change_nothing() {
    let mut rng = Rng::new(5);
    for _ in 0..cases() / 5_000 {
        let written = world::config(&mut rng);
        let mut without = written.clone();
        drop_shadow(&mut without);
        let compile = |config: &Value| {
            serde_json::from_value::<Config>(config.clone())
                .unwrap()
                .compile()
                .unwrap()
        };
        let (with, without) = (compile(&written), compile(&without));
        for _ in 0..20 {
            let request = aimed(&mut rng, &written);
            let (one, two) = (
                with.decide(&request.query()),
                without.decide(&request.query()),
            );
            let effect =
                |verdict: &Verdict| (verdict.decided().effect, verdict.decided().rules.clone());
            assert_eq!(effect(&one), effect(&two), "{written}\n{request:?}");
            if let Some(shadow) = &one.decided().shadow {
                assert_ne!(shadow.effect, one.decided().effect);
            }
            if let Some(listed) = request.listed() {
                assert_eq!(with.visible(&listed), without.visible(&listed));
            }
        }
    }
}

fn drop_shadow(config: &mut Value) {
    let enforced = |value: &Value| value["mode"] != "shadow";
    config["bundles"].as_array_mut().unwrap().retain(enforced);
    config["rules"].as_array_mut().unwrap().retain(enforced);
    for bundle in config["bundles"].as_array_mut().unwrap() {
        bundle["rules"].as_array_mut().unwrap().retain(enforced);
    }
}
