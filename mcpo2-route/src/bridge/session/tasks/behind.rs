use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures_util::stream::unfold;
use mcpo2_core::{Error, Frame, Id, Method, Reply, Request};
use tokio::{runtime::Handle, time::timeout};

use super::{
    All, GRACE, KEPT, Shared, Tasks,
    task::{Ended, Reader, Task, Voice},
};
use crate::{
    bridge::{session::listening::Listening, tasks},
    upstream::ForwardHeaders,
};

impl Tasks {
    /// Answers a call that its module only runs as a task, for a client that asked for none: the
    /// task is there while the client waits, and it learns nothing of it.
    pub(in crate::bridge::session) fn behind(
        &self,
        (request, id): (&Request, &Id),
        headers: &ForwardHeaders,
        listening: &Listening,
    ) -> Result<Reply, Error> {
        let (time, _) = KEPT;
        let task = self.begin(request, (time, Voice::Silent), headers, listening)?;
        let reader = Reader::new(Arc::clone(&task), &self.shared, id);
        let awaited = Awaited {
            task,
            shared: Arc::clone(&self.shared),
            known: Arc::downgrade(&self.known),
        };
        Ok(Reply::stream(unfold(
            (reader, awaited),
            |(mut reader, awaited)| async move {
                let message = reader.next().await?;
                Some((Ok(Frame::new(message)), (reader, awaited)))
            },
        )))
    }
}

/// A task that is there while its client waits. Dropped before its end, it is cancelled.
struct Awaited {
    task: Arc<Task>,
    shared: Arc<Shared>,
    known: Weak<Mutex<All>>,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let is_open = self.task.end(Ended::Cancelled);
        if let Some(known) = self.known.upgrade() {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let gone = known.remove(&self.task.id);
            drop(known);
            drop(gone);
        }
        let follows = self.task.follows().filter(|_| is_open);
        if let (Some(own), Ok(runtime)) = (follows, Handle::try_current()) {
            let shared = Arc::clone(&self.shared);
            runtime.spawn(async move {
                let params = tasks::related(&own);
                let told = shared.say(&Method::TasksCancel, &params);
                if let Ok(Err(error)) = timeout(GRACE, told).await {
                    tracing::debug!(error = %error.chain(), "the module could not be told");
                }
            });
        }
    }
}
