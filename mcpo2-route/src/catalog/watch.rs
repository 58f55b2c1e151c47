//! What modules say of their lists.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, Fuse, FusedFuture as _},
};
use mcpo2_core::{Body, Error, Frames, Message, Method, ProtocolVersion, Request};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{Inner, changes::Change, has::Has, slot::Slot};
use crate::{
    bridge,
    upstream::{ClientInfo, ForwardHeaders, Link},
};

impl Inner {
    /// Listens to a module that says when its lists change, unless somebody does already.
    pub(super) fn watch(self: &Arc<Self>, slot: &Arc<Slot>, link: &Arc<dyn Link>) {
        let mut watching = slot.watching.lock().unwrap_or_else(PoisonError::into_inner);
        let listens = watching.as_ref().is_some_and(|task| !task.is_finished());
        if listens || !announces(link.server()) {
            return;
        }
        let (catalog, interval) = (Arc::downgrade(self), self.options.interval);
        let (module, link, ours) = (
            slot.module.id().clone(),
            Arc::clone(link),
            self.ours.clone(),
        );
        // INVARIANT: the slot keeps this task, so the task must not keep the slot: what it listens
        // to would never end.
        let slot = Arc::downgrade(slot);
        let task = tokio::spawn(async move {
            let frames = listen(&*link, &ours).await;
            drop(link);
            match frames {
                Ok(Some(frames)) => follow(frames, &catalog, &slot, interval).await,
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%module, error = %error.chain(), "not listened to");
                }
            }
        });
        *watching = Some(AbortOnDropHandle::new(task));
    }
}

/// Reads the module's lists again when it says that they changed: at once, and then at most once
/// in an interval, however often it says so. The last time counts.
async fn follow(mut frames: Frames, catalog: &Weak<Inner>, slot: &Weak<Slot>, interval: Duration) {
    let both = || Some((catalog.upgrade()?, slot.upgrade()?));
    let mut said = BTreeSet::new();
    let mut due = Instant::now();
    let mut reading = Fuse::<BoxFuture<'_, ()>>::terminated();
    loop {
        let idle = reading.is_terminated();
        tokio::select! {
            () = &mut reading, if !idle => {}
            () = tokio::time::sleep_until(due), if idle && !said.is_empty() => {
                let Some((catalog, slot)) = both() else { return };
                let said = std::mem::take(&mut said);
                due = Instant::now().checked_add(interval).unwrap_or(due);
                reading = async move { catalog.reread(&slot, said).await }.boxed().fuse();
            }
            frame = frames.next() => match frame {
                Some(Ok(frame)) => said.extend(Change::told_by(&frame)),
                Some(Err(_)) | None => break,
            },
        }
    }
    // What it said last is not lost with the stream.
    if let Some((catalog, slot)) = both().filter(|_| !said.is_empty()) {
        catalog.reread(&slot, said).await;
    }
}

/// Whether a module says that it tells of changes.
fn announces(server: &[u8]) -> bool {
    let server: Value = serde_json::from_slice(server).unwrap_or_default();
    let capabilities = server.get("capabilities");
    ["tools", "prompts", "resources"].iter().any(|kind| {
        let list_changed = capabilities.and_then(|all| all.get(kind)?.get("listChanged"));
        list_changed == Some(&Value::Bool(true))
    })
}

async fn listen(link: &dyn Link, ours: &ClientInfo) -> Result<Option<Frames>, Error> {
    const LISTEN: &str = r#"{"jsonrpc":"2.0","id":"mcpo2-catalog-listen","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true}}}"#;
    if !link.version().is_stateless() {
        return link.listen(None).await;
    }
    let Ok(Message::Request(request)) = Message::parse(LISTEN) else {
        return Ok(None);
    };
    let request = stateless(&request, link.version(), ours);
    let reply = link.request(&request, &ForwardHeaders::default()).await?;
    match reply.into_body() {
        Body::Stream(frames) => Ok(Some(frames)),
        Body::Complete(_) | Body::Empty => Ok(None),
    }
}

fn stateless(request: &Request, version: ProtocolVersion, ours: &ClientInfo) -> Request {
    debug_assert!(*request.method() == Method::Listen);
    bridge::outgoing(request, ProtocolVersion::LATEST_SESSION, version, ours)
}

impl Has {
    /// How long its lists may be kept, by the module's own word; for ever where it says nothing.
    pub(super) fn ttl(&self) -> Duration {
        let lists = super::has::LISTS
            .iter()
            .filter_map(|(kind, _)| self.list(*kind));
        let said = lists
            .map(|list| list.caching.ttl)
            .filter(|ttl| !ttl.is_zero());
        said.min().unwrap_or(Duration::MAX)
    }
}
