//! What is certain of a request of which something is lost, on random policies and requests aimed
//! at their rules.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "common/world.rs"]
mod world;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use mcpo2_core::{Facts, Principal};
use mcpo2_policy::{Config, Engine, Foreseen, Foresight, Matter, Policy};
use world::{Request, Rng};

const MATTERS: [Matter; 11] = [
    Matter::Principal,
    Matter::Roles,
    Matter::Project,
    Matter::Scopes,
    Matter::Module,
    Matter::Region,
    Matter::Tier,
    Matter::Environment,
    Matter::Source,
    Matter::SessionAge,
    Matter::Arguments,
];

const POLICIES: usize = 250;
const REQUESTS: usize = 40;

/// Each policy with a request that is aimed at it and with what is lost of that.
fn each(mut with: impl FnMut(&Policy, &Request, &BTreeSet<Matter>, &mut Rng)) {
    let mut rng = Rng::new(20_261_129);
    for _ in 0..POLICIES {
        let written = world::config(&mut rng);
        let config: Config = serde_json::from_value(written.clone()).unwrap();
        let policy = config.compile().unwrap();
        let rules = world::all_rules(&written);
        for _ in 0..REQUESTS {
            let rule = *rng.pick(&rules);
            let request = world::request(&mut rng, rule);
            let rarity = 1 + rng.below(4);
            let lost = MATTERS.into_iter().filter(|_| rng.one_in(rarity));
            let lost = lost.collect();
            with(&policy, &request, &lost, &mut rng);
        }
    }
}

#[test]
fn what_is_certain_is_what_is_decided() {
    let (mut certain, mut open) = (0, 0);
    each(|policy, request, lost, _| {
        let decided = policy.decide(&request.query());
        match Foresight::new(policy).of(&request.query(), lost) {
            Foreseen::Certain(is) => {
                certain += 1;
                let was = decided.decided();
                assert_eq!(is.effect, was.effect, "{lost:?} {request:?} {policy:?}");
            }
            Foreseen::DependsOn(on) => {
                open += 1;
                assert!(!on.is_empty() && on.is_subset(lost), "{on:?} of {lost:?}");
            }
            _ => panic!(),
        }
    });
    assert!(certain > 1000 && open > 1000, "{certain} {open}");
}

#[test]
fn where_nothing_is_lost_the_same_is_decided_by_the_same_rules() {
    each(|policy, request, _, _| {
        let decided = policy.decide(&request.query());
        match Foresight::new(policy).of(&request.query(), &BTreeSet::new()) {
            Foreseen::Certain(is) => {
                let was = decided.decided();
                assert_eq!((is.effect, &is.rules), (was.effect, &was.rules));
            }
            other => panic!("{other:?}"),
        }
    });
}

/// The same request with something else in place of what is lost.
fn otherwise(request: &Request, lost: &BTreeSet<Matter>, other: &Request) -> Request {
    let is_lost = |matter| lost.contains(&matter);
    let mut changed = request.clone();
    let from = |matter| match is_lost(matter) {
        true => &other.principal,
        false => &request.principal,
    };
    let (tenant, id) = (request.principal.tenant(), from(Matter::Principal).id());
    let principal = Principal::new(tenant.clone(), id.clone(), request.principal.auth())
        .with_kind(request.principal.kind())
        .with_roles(from(Matter::Roles).roles())
        .with_scopes(from(Matter::Scopes).scopes());
    changed.principal = match from(Matter::Project).project() {
        Some(project) => principal.with_project(project),
        None => principal,
    };
    if let (Some(known), Some(other)) = (&request.facts, &other.facts) {
        let from = |matter| if is_lost(matter) { other } else { known };
        let module = from(Matter::Module).module().clone();
        let facts = Facts::new(module, known.family().clone())
            .with_tier(from(Matter::Tier).tier())
            .with_state(known.state());
        let facts = match from(Matter::Region).region() {
            Some(region) => facts.with_region(region.clone()),
            None => facts,
        };
        let same = known.is_for(tenant);
        // Whose it is stays as it was.
        let tenants = [tenant.clone()].into_iter().filter(|_| same);
        changed.facts = Some(Arc::new(facts.with_tenants(tenants)));
    }
    if is_lost(Matter::Environment) {
        changed.situation = changed.situation.in_environment("staging");
    }
    if let (true, Some(source)) = (is_lost(Matter::Source), other.situation.source()) {
        changed.situation = changed.situation.from_source(source);
    }
    if is_lost(Matter::SessionAge) {
        changed.situation = changed.situation.in_session_of(Duration::from_secs(60));
    }
    if is_lost(Matter::Arguments) {
        changed.arguments = other.arguments;
    }
    changed
}

#[test]
fn what_is_lost_does_not_count() {
    each(|policy, request, lost, rng| {
        let foresight = Foresight::new(policy);
        let foreseen = foresight.of(&request.query(), lost);
        let other = world::request(rng, &serde_json::json!({}));
        let changed = otherwise(request, lost, &other);
        let decided = policy.decide(&changed.query()).decided().effect;
        match (foreseen, foresight.of(&changed.query(), lost)) {
            (Foreseen::Certain(one), Foreseen::Certain(two)) => {
                assert_eq!(one.effect, two.effect);
                assert_eq!(one.effect, decided, "{lost:?} {changed:?}");
            }
            (Foreseen::DependsOn(one), Foreseen::DependsOn(two)) => assert_eq!(one, two),
            (one, two) => panic!("{one:?} and {two:?}, {lost:?} {request:?} {changed:?}"),
        }
    });
}
