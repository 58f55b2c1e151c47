use std::{collections::BTreeMap, future::ready, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, future::join_all, stream};
use mcpo2_core::{
    Body, Call, Error, ErrorKind, Frame, Frames, Id, Item, ItemKind, Message, Module, ModuleId,
    Reply, Request, message::keys,
};
use serde::{Deserialize, Serialize};

use super::Gateway;
use crate::{
    Connection, Inventory as _, bridge,
    catalog::Change,
    router::{may_follow_tasks, without_tasks},
    tasks::Whose,
    upstream::ForwardHeaders,
};

const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// URIs that one stream may subscribe to.
const MAX_URIS: usize = 1024;

/// What a client wants to be told of, as far as the gateway can.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    #[serde(default, skip_serializing_if = "is_false")]
    tools_list_changed: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    prompts_list_changed: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    resources_list_changed: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resource_subscriptions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    task_ids: Vec<String>,
}

/// What is wanted of one module.
#[derive(Debug, Default)]
struct Wanted {
    uris: Vec<String>,
    /// The ids of tasks that the caller knows, and the module's own.
    tasks: Vec<(String, Box<str>)>,
}

impl Gateway {
    /// Listens for a client: to the gateway's own catalog for changes of lists, and to the modules
    /// whose resources and tasks it subscribes to.
    ///
    /// The gateway acknowledges first, for all, what it can tell of. A stream that a module ends
    /// does not end ours; it ends when the client goes.
    pub(super) async fn listen(&self, call: &Call, id: &Id) -> Result<Reply, Error> {
        let mut filter = wanted(call.request())?;
        if !filter.task_ids.is_empty() && !may_follow_tasks(call) {
            return Err(without_tasks());
        }
        self.catalog.refresh().await;
        let changes = self.catalog.changes();
        let streams = self.subscribe(call, &mut filter).await;
        let acknowledged = Frame::new(message(ACKNOWLEDGED, id, Some(&filter)));
        let id = id.clone();
        let updates = stream::select_all(streams)
            .filter(|frame| ready(frame.as_ref().is_ok_and(is_update)))
            .chain(stream::once(std::future::pending()));
        let told = changes.among(Some(Frames::new(updates)));
        let told = told.try_filter_map(move |frame| {
            ready(Ok(match Change::told_by(&frame) {
                Some(change) if filter.wants(change) => {
                    Some(Frame::new(message(change.method(), &id, None)))
                }
                Some(_) => None,
                None => Some(frame),
            }))
        });
        Ok(Reply::stream(
            stream::once(ready(Ok(acknowledged))).chain(told),
        ))
    }

    /// Subscribes at the modules whose resources and tasks are wanted, and leaves in the filter
    /// those that took it.
    async fn subscribe(&self, call: &Call, filter: &mut Filter) -> Vec<Frames> {
        let each = self.owners(call, filter).into_iter();
        let each = each.map(|(owner, wanted)| async move {
            let module = self.registry.module(owner.as_str())?;
            let listening = self.listen_at(call, module, &wanted);
            let deadline = self.catalog.options().deadline;
            match tokio::time::timeout(deadline, listening).await {
                Ok(Ok(frames)) => Some((wanted, frames)),
                Ok(Err(error)) => {
                    tracing::debug!(module = %owner, error = %error.chain(), "no subscription");
                    None
                }
                Err(_) => None,
            }
        });
        let mut streams = Vec::new();
        for (wanted, frames) in join_all(each).await.into_iter().flatten() {
            filter.resource_subscriptions.extend(wanted.uris);
            let tasks = wanted.tasks.into_iter().map(|(known, _)| known);
            filter.task_ids.extend(tasks);
            streams.push(frames);
        }
        streams
    }

    /// Takes out what is of one module, by whose it is. What is nobody's, or not this caller's,
    /// is not told of.
    fn owners(&self, call: &Call, filter: &mut Filter) -> BTreeMap<ModuleId, Wanted> {
        let mut owned: BTreeMap<ModuleId, Wanted> = BTreeMap::new();
        for uri in filter.resource_subscriptions.drain(..) {
            let item = Item::new(ItemKind::Resource, uri.as_str());
            if let Some(owner) = self.catalog.owner(&item) {
                owned.entry(owner).or_default().uris.push(uri);
            }
        }
        for known in filter.task_ids.drain(..) {
            let item = Item::new(ItemKind::Task, known.as_str());
            let part = self.registry.naming().part(&item);
            let module = part.and_then(|(module, _)| self.registry.module(module));
            let Some(module) = module.map(|module| module.id()) else {
                continue;
            };
            if let Some(own) = self.catalog.task(module, &known, call.principal()) {
                let wanted = owned.entry(module.clone()).or_default();
                wanted.tasks.push((known, own));
            }
        }
        owned
    }

    async fn listen_at(
        &self,
        call: &Call,
        module: &Arc<Module>,
        wanted: &Wanted,
    ) -> Result<Frames, Error> {
        let none = || Error::new(ErrorKind::MethodNotFound, "the module has no such stream");
        let connection = Connection::of(module)?;
        let link = connection.link(call, (&self.catalog, module.id())).await?;
        if !link.version().is_stateless() {
            return Err(none());
        }
        let filter = Filter {
            resource_subscriptions: wanted.uris.clone(),
            task_ids: wanted
                .tasks
                .iter()
                .map(|(_, own)| own.to_string())
                .collect(),
            ..Filter::default()
        };
        let request = narrowed(call.request(), &filter).ok_or_else(none)?;
        let request = bridge::outgoing(&request, call.version(), link.version(), self.ours());
        let reply = link.request(&request, &ForwardHeaders::default()).await?;
        match reply.into_body() {
            Body::Stream(frames) => Ok(self.named(call, module, frames)),
            Body::Complete(_) | Body::Empty => Err(none()),
        }
    }

    /// What a module says, with the ids of tasks that the caller knows.
    fn named(&self, call: &Call, module: &Arc<Module>, frames: Frames) -> Frames {
        let tasks = Arc::clone(&self.catalog.options().tasks);
        let (principal, module) = (Arc::clone(call.principal()), Arc::clone(module));
        Frames::new(frames.map_ok(move |frame| {
            let whose = Whose {
                module: module.id(),
                principal: &principal,
                method: None,
            };
            tasks.frame(frame, whose)
        }))
    }
}

impl Filter {
    fn wants(&self, change: Change) -> bool {
        match change {
            Change::Tools => self.tools_list_changed,
            Change::Prompts => self.prompts_list_changed,
            Change::Resources => self.resources_list_changed,
        }
    }
}

fn wanted(request: &Request) -> Result<Filter, Error> {
    #[derive(Deserialize)]
    struct Params {
        #[serde(default)]
        notifications: Filter,
    }
    let invalid = || Error::new(ErrorKind::InvalidParams, "`notifications` is no filter");
    let params = request.params().unwrap_or(b"{}");
    let Params { notifications } = serde_json::from_slice(params).map_err(|_| invalid())?;
    let Filter {
        resource_subscriptions,
        task_ids,
        ..
    } = &notifications;
    match resource_subscriptions.len() + task_ids.len() {
        0..=MAX_URIS => Ok(notifications),
        _ => Err(Error::new(
            ErrorKind::InvalidParams,
            "too many subscriptions",
        )),
    }
}

/// The client's request, for fewer notifications.
fn narrowed(request: &Request, filter: &Filter) -> Option<Request> {
    let mut whole: serde_json::Value = serde_json::from_slice(request.bytes()).ok()?;
    let params = whole.get_mut("params")?.as_object_mut()?;
    params.insert("notifications".into(), serde_json::to_value(filter).ok()?);
    match Message::parse(whole.to_string()).ok()? {
        Message::Request(request) => Some(request),
        Message::Response(_) => None,
    }
}

/// A notification of the gateway on the stream of this request.
fn message(method: &str, id: &Id, filter: Option<&Filter>) -> String {
    let subscription = keys::SUBSCRIPTION_ID;
    let filter = filter.and_then(|filter| serde_json::to_string(filter).ok());
    let filter = filter.map(|filter| format!(r#","notifications":{filter}"#));
    let filter = filter.unwrap_or_default();
    format!(
        r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"_meta":{{"{subscription}":{id}}}{filter}}}}}"#
    )
}

/// What passes on of what a module says: that a resource was updated, how a task goes, and no
/// more.
fn is_update(frame: &Frame) -> bool {
    match Message::parse(frame.data().clone()) {
        Ok(Message::Request(request)) => matches!(
            request.method().as_str(),
            "notifications/resources/updated" | "notifications/tasks"
        ),
        Ok(Message::Response(_)) | Err(_) => false,
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// The response of a reply, once it is there.
pub(crate) async fn last_message(reply: Reply) -> Result<Bytes, Error> {
    let none = || Error::new(ErrorKind::Upstream, "the module ended without an answer");
    match reply.into_body() {
        Body::Complete(bytes) => Ok(bytes),
        Body::Empty => Err(none()),
        Body::Stream(frames) => {
            let response = frames.try_filter(|frame| {
                ready(matches!(
                    Message::parse(frame.data().clone()),
                    Ok(Message::Response(_))
                ))
            });
            let last = response.try_fold(None, |_, frame| ready(Ok(Some(frame))));
            let last: Option<Frame> = last.await?;
            last.map(|frame| frame.data().clone()).ok_or_else(none)
        }
    }
}
