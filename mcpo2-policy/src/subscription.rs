//! A subscription tells of changes of resources and of tasks: a caller hears only of those that it may
//! read.

use mcpo2_core::{Call, Decision, Item, ItemKind, Method};
use serde::Deserialize;

use crate::{Query, Situation, Verdict, layer::Known};

/// The verdict on a call, and for `subscriptions/listen` on each thing that it names: the first
/// that is not allowed decides for all.
pub(crate) fn decide(call: &Call, situation: &Situation, known: &Known) -> Verdict {
    let Known {
        engine, directory, ..
    } = known;
    let facts = call.item().and_then(|item| directory.describe(item));
    let query = Query::call(call).with_facts(facts);
    let mut verdict = engine.decide(&query.with_situation(situation));
    if *call.method() != Method::Listen || engine.is_uniform() {
        return verdict;
    }
    let Some(named) = named(call) else {
        return Verdict::eval_error("the subscription cannot be read", engine.digest());
    };
    for (method, item) in &named {
        let facts = directory.describe(item);
        let read = Query::new(method, Some(item), call.principal());
        let one = engine.decide(&read.with_facts(facts).with_situation(situation));
        match one.decision() {
            Decision::Allow(owed) => verdict = verdict.blotting(owed),
            Decision::Deny(_) | Decision::Ask(_) => return one,
        }
    }
    verdict
}

/// What a subscription wants to hear of, each with the method by which it would be read; none where
/// that cannot be told.
pub(crate) fn named(call: &Call) -> Option<Vec<(Method, Item)>> {
    #[derive(Default, Deserialize)]
    struct Params {
        #[serde(default)]
        notifications: Notifications,
    }
    #[derive(Default, Deserialize)]
    struct Notifications {
        #[serde(default, rename = "resourceSubscriptions")]
        resources: Vec<Box<str>>,
        #[serde(default, rename = "taskIds")]
        tasks: Vec<Box<str>>,
    }
    let params: Params = match call.request().params() {
        Some(params) => serde_json::from_slice(params).ok()?,
        None => Params::default(),
    };
    let Notifications { resources, tasks } = params.notifications;
    let resource = |uri| (Method::ResourcesRead, Item::new(ItemKind::Resource, uri));
    let task = |id| (Method::TasksGet, Item::new(ItemKind::Task, id));
    let resources = resources.into_iter().map(resource);
    Some(resources.chain(tasks.into_iter().map(task)).collect())
}
