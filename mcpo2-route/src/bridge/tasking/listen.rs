//! `notifications/tasks`, for who listens.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    stream::{self, unfold},
};
use mcpo2_core::{Body, Error, Frame, Frames, Id, Message, Reply, Request, message::keys};
use serde::Deserialize;
use tokio::{sync::watch, time::timeout};

use super::{
    Tasking,
    task::{Detail, Task},
};
use crate::{
    bridge::{edit, tasks::Status},
    upstream::{ForwardHeaders, fault},
};

/// More tasks than this are not told of to one who listens.
const MAX_TASKS: usize = 64;

/// A task of which the module says nothing is looked at this often.
const LOOK: Duration = Duration::from_secs(2);

/// The tasks that a client wants to hear of, if it names some.
pub(super) fn asked(request: &Request) -> Option<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct Params {
        notifications: Filter,
    }
    #[derive(Deserialize)]
    struct Filter {
        #[serde(rename = "taskIds")]
        tasks: BTreeSet<String>,
    }
    let params: Params = serde_json::from_slice(request.params()?).ok()?;
    Some(params.notifications.tasks)
}

impl Tasking {
    /// What is told of the module's lists and resources, and of those tasks that are this
    /// principal's.
    pub(super) async fn listen_to_tasks(
        &self,
        request: &Request,
        headers: &ForwardHeaders,
    ) -> Result<Reply, Error> {
        let id = request.id().cloned();
        let id = id.ok_or_else(|| fault::protocol("a request has an id"))?;
        let asked = asked(request).unwrap_or_default().into_iter();
        let theirs = asked.filter_map(|id| self.desks.find(self.binding(), &id).ok());
        let theirs: Vec<_> = theirs.take(MAX_TASKS).collect();
        let reply = self.shared.request(request, headers).await?;
        let Body::Stream(mut frames) = reply.into_body() else {
            return Err(fault::protocol("a subscription was no stream"));
        };
        let first = match frames.next().await {
            Some(first) => first?,
            None => return Err(fault::unavailable("the link ended")),
        };
        let agreed = acknowledged(&first, &theirs);
        let told = theirs.iter().map(|task| Box::pin(told(task, &id)));
        // The stream ends with what is told of the rest: tasks that have ended are silent.
        let told = stream::select_all(told).chain(stream::pending());
        let told = stream::select(frames.map(Some).chain(stream::iter([None])), told.map(Some));
        let told = told.take_while(|frame| std::future::ready(frame.is_some()));
        let told = told.filter_map(std::future::ready);
        Ok(Reply::stream(Frames::new(
            stream::iter([Ok(agreed)]).chain(told),
        )))
    }
}

/// The acknowledgement, with the tasks that are told of.
fn acknowledged(first: &Frame, tasks: &[Arc<Task>]) -> Frame {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        notifications: &'a serde_json::value::RawValue,
    }
    let edited = || {
        let Ok(Message::Request(message)) = Message::parse(first.data().clone()) else {
            return None;
        };
        let params: Params<'_> = serde_json::from_slice(message.params()?).ok()?;
        let ids: Vec<_> = tasks.iter().map(|task| &*task.id).collect();
        let ids = format!(r#""taskIds":{}"#, serde_json::json!(ids));
        let filter = edit::with_members(params.notifications.get().as_bytes(), &["taskIds"], &ids);
        let edited = edit::with_param(&message, "notifications", &filter);
        Some(first.clone().with_data(edited.bytes().clone()))
    };
    match tasks.is_empty() {
        true => first.clone(),
        false => edited().unwrap_or_else(|| first.clone()),
    }
}

/// What happens to a task, until it ends.
fn told(
    task: &Arc<Task>,
    subscription: &Id,
) -> impl stream::Stream<Item = Result<Frame, Error>> + use<> {
    let watcher = Watcher {
        task: Arc::downgrade(task),
        news: task.news(),
        last: None,
        subscription: subscription.clone(),
    };
    unfold(watcher, |mut watcher| async move {
        let frame = watcher.next().await?;
        Some((Ok(frame), watcher))
    })
}

struct Watcher {
    task: Weak<Task>,
    news: watch::Receiver<u64>,
    /// The status that was told last, and what was asked then.
    last: Option<(Status, String)>,
    subscription: Id,
}

impl Watcher {
    async fn next(&mut self) -> Option<Frame> {
        if self
            .last
            .as_ref()
            .is_some_and(|(status, _)| status.is_terminal())
        {
            return None;
        }
        loop {
            self.news.mark_unchanged();
            let task = self.task.upgrade()?;
            match task.detail().await {
                Ok(Detail::Task { members, mark }) if self.last.as_ref() != Some(&mark) => {
                    self.last = Some(mark);
                    return Some(Frame::new(self.message(&members)));
                }
                Ok(Detail::Task { .. }) => {}
                Ok(Detail::Refused(_)) => return None,
                Err(error) => {
                    tracing::debug!(error = %error.chain(), "nothing is known of a task");
                }
            }
            drop(task);
            if let Ok(Err(_)) = timeout(LOOK, self.news.changed()).await {
                return None;
            }
        }
    }

    fn message(&self, members: &str) -> Bytes {
        let (key, id) = (keys::SUBSCRIPTION_ID, &self.subscription);
        let params = format!("{{{members}}}");
        let meta = format!(r#""_meta":{{"{key}":{id}}}"#);
        let params = edit::with_members(params.as_bytes(), &["_meta"], &meta);
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/tasks","params":{params}}}"#).into()
    }
}
