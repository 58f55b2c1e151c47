//! Laws of policies: what follows for a decision from a change of the policy or of the request, over
//! random policies with all that rules can have.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "common/world.rs"]
mod world;

use mcpo2_core::Effect;
use mcpo2_policy::{Config, Engine, Policy, Verdict};
use serde_json::{Value, json};
use world::{Request, Rng};

const POLICIES: usize = 400;
const REQUESTS: usize = 25;

fn compile(config: &Value) -> Policy {
    let config: Config = serde_json::from_value(config.clone()).unwrap();
    config.compile().unwrap()
}

/// Calls `with` with many policies, each with requests aimed at its rules.
fn each(seed: u64, mut with: impl FnMut(&mut Rng, &Value, &[Request])) {
    let mut rng = Rng::new(seed);
    for _ in 0..POLICIES {
        let config = world::config(&mut rng);
        let requests: Vec<Request> = (0..REQUESTS)
            .map(|_| {
                let rules = world::all_rules(&config);
                let rule = *rng.pick(&rules);
                world::request(&mut rng, rule)
            })
            .collect();
        with(&mut rng, &config, &requests);
    }
}

fn effect(policy: &Policy, request: &Request) -> Effect {
    policy.decide(&request.query()).decided().effect
}

/// Everything but the digest.
fn said(verdict: &Verdict) -> String {
    let decided = verdict.decided();
    let decided = (
        decided.effect,
        &decided.rules,
        &decided.reason,
        &decided.shadow,
    );
    format!("{:?} {decided:?}", verdict.decision())
}

/// Calls `with` with each list of rules.
fn lists(config: &mut Value, mut with: impl FnMut(&mut Vec<Value>)) {
    with(config["rules"].as_array_mut().unwrap());
    for bundle in config["bundles"].as_array_mut().unwrap() {
        with(bundle["rules"].as_array_mut().unwrap());
    }
}

/// Without preambles: two that differ deny, so that taking one away can allow.
fn without_preambles(config: &Value) -> Value {
    let mut config = config.clone();
    lists(&mut config, |rules| {
        for rule in rules {
            if !rule["obligations"]["preamble"].is_null() {
                rule["obligations"] = json!({});
            }
        }
    });
    config
}

#[test]
fn the_order_of_rules_and_bundles_has_no_meaning() {
    each(1, |_, config, requests| {
        let mut turned = config.clone();
        lists(&mut turned, |rules| rules.reverse());
        turned["bundles"].as_array_mut().unwrap().reverse();
        let (one, two) = (compile(config), compile(&turned));
        assert_eq!(one.digest(), two.digest());
        for request in requests {
            let (one, two) = (one.decide(&request.query()), two.decide(&request.query()));
            assert_eq!(said(&one), said(&two), "{config}\n{request:?}");
        }
    });
}

#[test]
fn another_deny_allows_nothing_more() {
    each(2, |rng, config, requests| {
        let mut more = config.clone();
        let mut deny = (*rng.pick(&world::all_rules(config))).clone();
        deny["id"] = json!("another");
        deny["effect"] = json!("deny");
        for key in ["obligations", "approval", "mode"] {
            deny.as_object_mut().unwrap().remove(key);
        }
        more["rules"].as_array_mut().unwrap().push(deny);
        let (one, two) = (compile(config), compile(&more));
        for request in requests {
            assert!(
                effect(&two, request) >= effect(&one, request),
                "{config}\n{request:?}"
            );
        }
    });
}

#[test]
fn an_allow_less_allows_nothing_more() {
    each(3, |rng, config, requests| {
        let config = without_preambles(config);
        let mut less = config.clone();
        lists(&mut less, |rules| {
            if !rules.is_empty() && rng.one_in(2) {
                let at = rng.below(rules.len());
                if rules[at]["effect"] == "allow" {
                    rules.remove(at);
                }
            }
        });
        let (one, two) = (compile(&config), compile(&less));
        for request in requests {
            let regions = |policy: &Policy| {
                let verdict = policy.decide(&request.query());
                verdict
                    .decided()
                    .rules
                    .iter()
                    .any(|id| id.as_str() == "sys:region")
            };
            // What an allow obliges to goes with it.
            if !regions(&one) {
                assert!(
                    effect(&two, request) >= effect(&one, request),
                    "{config}\n{request:?}"
                );
            }
        }
    });
}

#[test]
fn a_bundle_of_a_tenant_or_project_allows_nothing_that_the_platform_does_not() {
    each(4, |_, config, requests| {
        let config = without_preambles(config);
        let mut platform = config.clone();
        platform["bundles"]
            .as_array_mut()
            .unwrap()
            .retain(|bundle| bundle["level"] == "platform");
        let (all, platform) = (compile(&config), compile(&platform));
        for request in requests {
            assert!(
                effect(&all, request) >= effect(&platform, request),
                "{config}\n{request:?}"
            );
        }
    });
}

#[test]
fn a_rule_twice_is_a_rule_once() {
    each(5, |_, config, requests| {
        let mut twice = config.clone();
        lists(&mut twice, |rules| {
            let copies = rules.clone().into_iter().map(|mut rule| {
                rule["id"] = json!(format!("{}-again", rule["id"].as_str().unwrap()));
                rule
            });
            rules.extend(copies.collect::<Vec<_>>());
        });
        let (one, two) = (compile(config), compile(&twice));
        for request in requests {
            let decision = |policy: &Policy| {
                let (decision, decided) = policy.decide(&request.query()).into_parts();
                match decision {
                    mcpo2_core::Decision::Allow(obligations) => format!("{obligations:?}"),
                    _ => format!("{:?}", decided.effect),
                }
            };
            assert_eq!(decision(&one), decision(&two), "{config}\n{request:?}");
        }
    });
}

#[test]
fn the_names_of_rules_have_no_meaning() {
    each(6, |_, config, requests| {
        let mut renamed = config.clone();
        lists(&mut renamed, |rules| {
            for rule in rules {
                let name: String = rule["id"].as_str().unwrap().chars().rev().collect();
                rule["id"] = json!(name);
                rule.as_object_mut().unwrap().remove("reason");
            }
        });
        let (one, two) = (compile(config), compile(&renamed));
        for request in requests {
            assert_eq!(
                effect(&one, request),
                effect(&two, request),
                "{config}\n{request:?}"
            );
        }
    });
}

#[test]
fn a_list_in_a_rule_is_a_rule_for_each_of_its_entries() {
    each(7, |_, config, requests| {
        let mut split = config.clone();
        lists(&mut split, |rules| {
            let parts = rules.iter().flat_map(|rule| {
                let tools = rule["roles"].as_array().cloned();
                let tools = tools.map_or(vec![None], |tools| tools.into_iter().map(Some).collect());
                tools.into_iter().enumerate().map(|(at, one)| {
                    let mut part = rule.clone();
                    part["id"] = json!(format!("{}-{at}", rule["id"].as_str().unwrap()));
                    if let Some(one) = one {
                        part["roles"] = json!([one]);
                    }
                    part
                })
            });
            *rules = parts.collect();
        });
        let (one, two) = (compile(config), compile(&split));
        for request in requests {
            assert_eq!(
                effect(&one, request),
                effect(&two, request),
                "{config}\n{request:?}"
            );
        }
    });
}

#[test]
fn a_role_that_no_rule_names_changes_nothing() {
    each(8, |_, config, requests| {
        let policy = compile(config);
        for request in requests {
            let mut roles: Vec<String> = request.principal.roles().map(Into::into).collect();
            roles.push("unheard-of".into());
            let more = Request {
                principal: request.principal.clone().with_roles(roles),
                ..request.clone()
            };
            let (one, two) = (
                policy.decide(&request.query()),
                policy.decide(&more.query()),
            );
            assert_eq!(said(&one), said(&two), "{config}\n{request:?}");
        }
    });
}
