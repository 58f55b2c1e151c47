use std::{collections::BTreeMap, future::ready, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, future::join_all, stream};
use mcpo2_core::{
    Body, Call, Error, ErrorKind, Frame, Frames, Id, Item, ItemKind, Message, Module, ModuleId,
    Reply, Request, message::keys,
};
use serde::{Deserialize, Serialize};

use super::Gateway;
use crate::{Connection, Inventory as _, bridge, catalog::Change, upstream::ForwardHeaders};

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
}

impl Gateway {
    /// Listens for a client: to the gateway's own catalog for changes of lists, and to the modules
    /// whose resources it subscribes to.
    ///
    /// The gateway acknowledges first, for all, what it can tell of. A stream that a module ends
    /// does not end ours; it ends when the client goes.
    pub(super) async fn listen(&self, call: &Call, id: &Id) -> Result<Reply, Error> {
        let mut filter = wanted(call.request())?;
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

    /// Subscribes at the modules whose resources are wanted, and leaves in the filter those that
    /// took it.
    async fn subscribe(&self, call: &Call, filter: &mut Filter) -> Vec<Frames> {
        let mut owned: BTreeMap<ModuleId, Vec<String>> = BTreeMap::new();
        for uri in filter.resource_subscriptions.drain(..) {
            let item = Item::new(ItemKind::Resource, uri.as_str());
            if let Some(owner) = self.catalog.owner(&item) {
                owned.entry(owner).or_default().push(uri);
            }
        }
        let each = owned.into_iter().map(|(owner, uris)| async move {
            let module = self.registry.module(owner.as_str())?;
            let listening = self.listen_at(call, module, &uris);
            let deadline = self.catalog.options().deadline;
            match tokio::time::timeout(deadline, listening).await {
                Ok(Ok(frames)) => Some((uris, frames)),
                Ok(Err(error)) => {
                    tracing::debug!(module = %owner, error = %error.chain(), "no subscription");
                    None
                }
                Err(_) => None,
            }
        });
        let mut streams = Vec::new();
        for (uris, frames) in join_all(each).await.into_iter().flatten() {
            filter.resource_subscriptions.extend(uris);
            streams.push(frames);
        }
        streams
    }

    async fn listen_at(
        &self,
        call: &Call,
        module: &Arc<Module>,
        uris: &[String],
    ) -> Result<Frames, Error> {
        let none = || Error::new(ErrorKind::MethodNotFound, "the module has no such stream");
        let link = Connection::of(module)?.shared().await?;
        if !link.version().is_stateless() {
            return Err(none());
        }
        let filter = Filter {
            resource_subscriptions: uris.to_vec(),
            ..Filter::default()
        };
        let request = narrowed(call.request(), &filter).ok_or_else(none)?;
        let request = bridge::outgoing(&request, call.version(), link.version(), self.ours());
        let reply = link.request(&request, &ForwardHeaders::default()).await?;
        match reply.into_body() {
            Body::Stream(frames) => Ok(frames),
            Body::Complete(_) | Body::Empty => Err(none()),
        }
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
    match notifications.resource_subscriptions.len() {
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

/// What passes on of what a module says: that a resource was updated, and no more.
fn is_update(frame: &Frame) -> bool {
    match Message::parse(frame.data().clone()) {
        Ok(Message::Request(request)) => {
            request.method().as_str() == "notifications/resources/updated"
        }
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
