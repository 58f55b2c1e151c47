//! A subscription tells of changes of resources: a caller hears only of those that it may read.

use mcpo2_core::{Call, Decision, Item, ItemKind, Method};
use serde::Deserialize;

use crate::{Query, Situation, Verdict, layer::Known};

/// The verdict on a call, and for `subscriptions/listen` on each resource that it names: the first
/// that is not allowed decides for all.
pub(crate) fn decide(call: &Call, situation: &Situation, known: &Known) -> Verdict {
    let Known {
        engine, directory, ..
    } = known;
    let facts = call.item().and_then(|item| directory.describe(item));
    let query = Query::call(call).with_facts(facts);
    let verdict = engine.decide(&query.with_situation(situation));
    if *call.method() != Method::Listen || engine.is_uniform() {
        return verdict;
    }
    let Some(resources) = resources(call) else {
        return Verdict::eval_error("the subscription cannot be read", engine.digest());
    };
    let each = resources.iter().map(|resource| {
        let facts = directory.describe(resource);
        let read = Query::new(&Method::ResourcesRead, Some(resource), call.principal());
        engine.decide(&read.with_facts(facts).with_situation(situation))
    });
    let denied = each
        .into_iter()
        .find(|one| !matches!(one.decision(), Decision::Allow(_)));
    denied.unwrap_or(verdict)
}

/// The resources whose changes are asked for; none where that cannot be read.
pub(crate) fn resources(call: &Call) -> Option<Vec<Item>> {
    #[derive(Default, Deserialize)]
    struct Params {
        #[serde(default)]
        notifications: Notifications,
    }
    #[derive(Default, Deserialize)]
    struct Notifications {
        #[serde(default, rename = "resourceSubscriptions")]
        resources: Vec<Box<str>>,
    }
    let params: Params = match call.request().params() {
        Some(params) => serde_json::from_slice(params).ok()?,
        None => Params::default(),
    };
    let uris = params.notifications.resources.into_iter();
    Some(uris.map(|uri| Item::new(ItemKind::Resource, uri)).collect())
}
