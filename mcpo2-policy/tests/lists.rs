//! A list from memory is the list that would be computed, whoever asks and whatever changed since.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use common::{compile, request};
use futures_util::FutureExt as _;
use mcpo2_core::{
    AuthMethod, Body, Call, Digest, Error, Fact, Id, Item, ItemKind, Permitted, Principal, Reply,
    message::{ListPage, PageEntries},
};
use mcpo2_policy::{Engine, Policy, PolicyLayer, Query, Verdict, Visibility};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// An engine whose rules change while it is in its place.
#[derive(Debug)]
struct Changing(Mutex<Arc<Policy>>);

impl Changing {
    fn now(&self) -> Arc<Policy> {
        Arc::clone(&self.0.lock().unwrap())
    }
}

impl Engine for Changing {
    fn decide(&self, query: &Query<'_>) -> Verdict {
        self.now().decide(query)
    }

    fn visible(&self, query: &Query<'_>) -> Visibility {
        self.now().visible(query)
    }

    fn digest(&self) -> Digest {
        Engine::digest(&*self.now())
    }
}

const TOOLS: [&str; 6] = ["a", "ab", "abc", "b", "bc", "c"];

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Option<Vec<&'static str>>> {
    proptest::option::of(proptest::sample::subsequence(of, 1..=of.len()))
}

fn rules() -> impl Strategy<Value = Vec<Value>> {
    let rule = (
        proptest::sample::select(&["allow", "allow", "deny"][..]),
        some(&["a*", "b", "*c", "c"]),
        some(&["r", "s"]),
        some(&["acme", "other"]),
        some(&["ada", "bob"]),
    );
    let rule = rule.prop_map(|(effect, tools, roles, tenants, principals)| {
        let mut rule = json!({ "effect": effect });
        for (key, value) in [
            ("tools", tools),
            ("roles", roles),
            ("tenants", tenants),
            ("principals", principals),
        ] {
            if let Some(value) = value {
                rule[key] = json!(value);
            }
        }
        rule
    });
    proptest::collection::vec(rule, 0..6).prop_map(|mut rules| {
        for (at, rule) in rules.iter_mut().enumerate() {
            rule["id"] = json!(format!("r{at}"));
        }
        rules
    })
}

fn caller() -> impl Strategy<Value = Principal> {
    let select = |of: &'static [&'static str]| proptest::sample::select(of);
    let roles = proptest::sample::subsequence(vec!["r", "s"], 0..=2);
    let auth = proptest::sample::select(vec![AuthMethod::Host, AuthMethod::Jwt]);
    (
        select(&["acme", "other"]),
        select(&["ada", "bob", "eve"]),
        roles,
        auth,
    )
        .prop_map(|(tenant, id, roles, auth)| {
            Principal::new(tenant.parse().unwrap(), id.parse().unwrap(), auth).with_roles(roles)
        })
}

#[derive(Debug, Clone)]
enum Step {
    /// Somebody asks for a page.
    Ask(Principal, usize, Option<bool>, u64),
    /// Other rules decide.
    Rules(usize),
    /// A page has other tools, or the same ones anew.
    Page(usize, BTreeSet<&'static str>),
}

fn step() -> impl Strategy<Value = Step> {
    let tools = proptest::sample::subsequence(&TOOLS[..], 0..=TOOLS.len());
    prop_oneof![
        8 => (caller(), 0..2_usize, any::<Option<bool>>(), 0..3_u64)
            .prop_map(|(caller, page, public, id)| Step::Ask(caller, page, public, id)),
        1 => (0..3_usize).prop_map(Step::Rules),
        1 => (0..2_usize, tools)
            .prop_map(|(page, tools)| Step::Page(page, tools.into_iter().collect())),
    ]
}

fn page<'a>(tools: impl IntoIterator<Item = &'a str>) -> Arc<PageEntries> {
    let entry = |name: &str| {
        let json = format!(r#"{{"name":"{name}", "n":1e400}}"#);
        (Item::new(ItemKind::Tool, name), json)
    };
    let entries = tools.into_iter().map(entry);
    Arc::new(PageEntries::new(ItemKind::Tool, entries))
}

/// What a caller is answered, and what the trail says of it.
fn listed(layer: &PolicyLayer, caller: &Principal, page: &ListPage) -> (String, String) {
    let inner = service_fn(|_: Permitted| {
        let reply = Reply::page(page.clone());
        async { Ok::<_, Error>(reply) }
    });
    let list = request(r#"{"jsonrpc":"2.0","id":0,"method":"tools/list"}"#);
    let call = Call::new(list, caller.clone());
    let trail = call.trail().clone();
    let reply = layer.layer(inner).oneshot(call).now_or_never();
    let reply = reply.unwrap().unwrap();
    let read = reply.response().map(|response| format!("{response:?}"));
    let Body::Complete(bytes) = reply.into_body() else {
        unreachable!("a page is complete");
    };
    let mut filtered = trail.facts().into_iter();
    let filtered = filtered.find(|fact| matches!(fact, Fact::Filtered(_)));
    (
        String::from_utf8(bytes.to_vec()).unwrap(),
        format!("{filtered:?} {read:?}"),
    )
}

proptest! {
    #[test]
    fn a_list_from_memory_is_the_list_that_is_computed(
        policies in proptest::collection::vec(rules(), 3),
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let policies = policies.into_iter().map(|rules| compile(rules.into()).map(Arc::new));
        let policies: Vec<_> = policies.collect::<Result<_, _>>().unwrap();
        let engine = Arc::new(Changing(Mutex::new(Arc::clone(&policies[0]))));
        let layer = PolicyLayer::new(Arc::clone(&engine));
        let mut pages = [page(TOOLS), page(["b", "c"])];
        for step in steps {
            match step {
                Step::Rules(at) => *engine.0.lock().unwrap() = Arc::clone(&policies[at]),
                Step::Page(at, tools) => pages[at] = page(tools),
                Step::Ask(caller, at, public, id) => {
                    let page = ListPage::new(Arc::clone(&pages[at]), &Id::number(id));
                    let page = page.with_member("nextCursor", r#""c""#);
                    let page = match public {
                        Some(public) => page.with_scope(public),
                        None => page,
                    };
                    let fresh = PolicyLayer::new(engine.now());
                    prop_assert_eq!(
                        listed(&layer, &caller, &page),
                        listed(&fresh, &caller, &page)
                    );
                }
            }
        }
    }
}
