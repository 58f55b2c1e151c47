//! Every policy of up to three rules over two values a dimension, asked every request: what random
//! cases miss is often small. The expectation is written down here a second time, and shares no line
//! with the crate.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use mcpo2_core::{AuthMethod, Effect, Item, ItemKind, Method, Principal};
use mcpo2_policy::{Config, Engine, Query, Visibility};
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq)]
struct Rule {
    effect: Effect,
    tenant: Option<&'static str>,
    /// A tool, or a glob that matches both.
    tool: Option<&'static str>,
    /// That the argument begins with `x`.
    argument: bool,
    /// Except for callers in role `r`.
    unless_role: bool,
}

#[derive(Debug, Clone, Copy)]
struct Request {
    tenant: &'static str,
    tool: &'static str,
    argument: Option<&'static str>,
    role: bool,
}

fn rules() -> Vec<Rule> {
    let mut all = Vec::new();
    for effect in [Effect::Allow, Effect::RequireApproval, Effect::Deny] {
        for tenant in [None, Some("t0")] {
            for tool in [None, Some("a"), Some("[ab]")] {
                for argument in [false, true] {
                    for unless_role in [false, true] {
                        all.push(Rule {
                            effect,
                            tenant,
                            tool,
                            argument,
                            unless_role,
                        });
                    }
                }
            }
        }
    }
    all
}

fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for tenant in ["t0", "t1"] {
        for tool in ["a", "b"] {
            for argument in [None, Some("x"), Some("y")] {
                for role in [false, true] {
                    all.push(Request {
                        tenant,
                        tool,
                        argument,
                        role,
                    });
                }
            }
        }
    }
    all
}

/// What a rule says: it holds, it does not, or (none) nobody knows.
fn holds(rule: Rule, request: Request) -> Option<bool> {
    let elsewhere = rule.tenant.is_some_and(|tenant| tenant != request.tenant);
    let other = rule
        .tool
        .is_some_and(|tool| tool == "a" && request.tool != "a");
    if elsewhere || other || (rule.unless_role && request.role) {
        return Some(false);
    }
    match (rule.argument, request.argument) {
        (false, _) => Some(true),
        (true, None) => None,
        (true, Some(text)) => Some(text == "x"),
    }
}

fn expected(rules: &[Rule], request: Request) -> (Effect, Vec<usize>) {
    let matches = |rule: &Rule| match (holds(*rule, request), rule.effect) {
        (Some(holds), _) => holds,
        (None, Effect::Allow) => false,
        (None, _) => true,
    };
    for effect in [Effect::Deny, Effect::RequireApproval, Effect::Allow] {
        let matching = rules.iter().enumerate();
        let matching = matching.filter(|(_, rule)| rule.effect == effect && matches(rule));
        let matching: Vec<usize> = matching.map(|(at, _)| at).collect();
        if !matching.is_empty() {
            return (effect, matching);
        }
    }
    (Effect::Deny, Vec::new())
}

fn written(rules: &[Rule]) -> Config {
    let rules: Vec<Value> = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| {
            let effect = serde_json::to_value(rule.effect).unwrap();
            let mut written = json!({ "id": at.to_string(), "effect": effect });
            if rule.effect == Effect::RequireApproval {
                written["approval"] = json!({ "group": "g" });
            }
            if let Some(tenant) = rule.tenant {
                written["tenants"] = json!([tenant]);
            }
            if let Some(tool) = rule.tool {
                written["tools"] = json!([tool]);
            }
            if rule.argument {
                written["arguments"] = json!([{ "pointer": "/p", "prefix": "x" }]);
            }
            if rule.unless_role {
                written["unless"] = json!([{ "roles": ["r"] }]);
            }
            written
        })
        .collect();
    serde_json::from_value(json!({ "rules": rules })).unwrap()
}

struct Asked {
    request: Request,
    caller: Principal,
    item: Item,
    arguments: String,
}

fn asked() -> Vec<Asked> {
    let requests = requests().into_iter().map(|request| {
        let (tenant, id) = (request.tenant.parse().unwrap(), "p".parse().unwrap());
        let caller = Principal::new(tenant, id, AuthMethod::Host);
        Asked {
            request,
            caller: match request.role {
                true => caller.with_roles(["r"]),
                false => caller,
            },
            item: Item::new(ItemKind::Tool, request.tool),
            arguments: match request.argument {
                Some(text) => json!({ "p": text }).to_string(),
                None => "{}".to_owned(),
            },
        }
    });
    requests.collect()
}

fn check(rules: &[Rule], asked: &[Asked]) {
    let policy = written(rules).compile().unwrap();
    for Asked {
        request,
        caller,
        item,
        arguments,
    } in asked
    {
        let query = Query::new(&Method::ToolsCall, Some(item), caller);
        let verdict = policy.decide(&query.with_arguments(arguments.as_bytes()));
        let decided = verdict.decided();
        let ids: Vec<usize> = decided
            .rules
            .iter()
            .map(|id| id.as_str().parse().unwrap())
            .collect();
        assert_eq!(
            (decided.effect, ids),
            expected(rules, *request),
            "{rules:?} {request:?}"
        );
        // A list shows a tool unless no argument would get it through.
        let with = |argument| Request {
            argument,
            ..*request
        };
        let through = [None, Some("x"), Some("y")]
            .into_iter()
            .any(|argument| expected(rules, with(argument)).0 != Effect::Deny);
        let shown = policy.visible(&Query::listed(item, caller)) != Visibility::Denied;
        assert!(shown || !through, "{rules:?} {request:?}");
        if rules.len() == 1 {
            assert_eq!(shown, through, "{rules:?} {request:?}");
        }
    }
}

#[test]
fn every_policy_of_up_to_two_rules_decides_every_request_as_it_should() {
    let (rules, asked) = (rules(), asked());
    assert_eq!((rules.len(), asked.len()), (72, 24));
    check(&[], &asked);
    for one in &rules {
        check(&[*one], &asked);
        for two in &rules {
            check(&[*one, *two], &asked);
        }
    }
}

#[test]
fn every_policy_of_three_rules_without_exceptions_decides_every_request_as_it_should() {
    let (mut rules, asked) = (rules(), asked());
    rules.retain(|rule| !rule.unless_role);
    for (first, one) in rules.iter().enumerate() {
        for (second, two) in rules.iter().enumerate().skip(first + 1) {
            for three in rules.iter().skip(second + 1) {
                check(&[*one, *two, *three], &asked);
            }
        }
    }
}
