//! Tasks of a session at a module without sessions (those of 2025-11-25 over SEP-2663).
//!
//! A client of that revision decides what is a task, and a module of the other does. So a task of
//! the session is the gateway's own: it is made at once, and behind it runs the call, whether the
//! module answers it, asks first, or makes a task of it, which is then looked at until it ends.

mod behind;
mod task;
mod work;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use futures_util::stream::unfold;
use mcpo2_core::{
    Error, ErrorKind, Frame, Id, Method, Reply, Request,
    message::{error_response, result_response},
};
use mcpo2_seal::KeyRing;
use serde::Deserialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep_until, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use self::{
    task::{Ended, Reader, Task, Voice},
    work::Work,
};
use super::{Shared, listening::Listening};
use crate::{
    bridge::{edit, tasks},
    upstream::{ForwardHeaders, Limits},
};

/// How many tasks of one session are known at once.
const MAX_TASKS: usize = 32;

/// How long a task is known, from when it was made: where the client does not say, and at most.
const KEPT: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(24 * 3600));

/// Bytes of results that are kept at once, for all sessions at one module.
const KEPT_BYTES: usize = 64 << 20;

/// A module hears within this time that a task is given up.
const GRACE: Duration = Duration::from_secs(5);

const PURPOSE: &str = "mcpo2.route/session-task/v1";

/// What all sessions at one module share for their tasks.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    calls: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl Room {
    pub(crate) fn new(limits: &Limits) -> Self {
        let calls = limits.concurrency.min(Semaphore::MAX_PERMITS);
        Self {
            calls: Arc::new(Semaphore::new(calls)),
            bytes: Arc::new(Semaphore::new(KEPT_BYTES)),
        }
    }

    /// A place for one more task that runs.
    fn call(&self) -> Result<OwnedSemaphorePermit, Error> {
        let place = Arc::clone(&self.calls).try_acquire_owned();
        place.map_err(|_| too_many())
    }

    /// A place for a result of this length; none where there is too little.
    fn keep(&self, length: usize) -> Option<OwnedSemaphorePermit> {
        let length = u32::try_from(length).ok()?;
        Arc::clone(&self.bytes).try_acquire_many_owned(length).ok()
    }
}

/// The tasks of one session. Those that run end with it.
pub(super) struct Tasks {
    shared: Arc<Shared>,
    room: Room,
    ring: Option<KeyRing>,
    known: Arc<Mutex<All>>,
}

/// The tasks, by their ids.
type All = HashMap<Box<str>, Known>;

struct Known {
    task: Arc<Task>,
    work: AbortOnDropHandle<()>,
}

impl Tasks {
    pub(super) fn new(shared: &Arc<Shared>, room: Room) -> Self {
        Self {
            shared: Arc::clone(shared),
            room,
            ring: KeyRing::ephemeral().ok(),
            known: Arc::default(),
        }
    }

    /// The answer to what is about a task; none where a request is not.
    pub(super) async fn answer(
        &self,
        (request, id): (&Request, &Id),
        headers: &ForwardHeaders,
        listening: &Listening,
    ) -> Option<Result<Reply, Error>> {
        Some(match request.method() {
            Method::ToolsCall => {
                let asked = tasks::asked(request)?;
                let made = self.begin(request, (ttl(asked), Voice::Told), headers, listening);
                made.map(|task| made_of(&task, id))
            }
            Method::TasksGet => self.named(request).map(|task| told(&task, id)),
            Method::TasksResult => self
                .named(request)
                .map(|task| result(&self.shared, task, id)),
            Method::TasksCancel => self.cancel(request, id, listening).await,
            _ => return None,
        })
    }

    /// Makes a task of a call. It runs on whether or not the client is there.
    fn begin(
        &self,
        request: &Request,
        (ttl, voice): (Duration, Voice),
        headers: &ForwardHeaders,
        listening: &Listening,
    ) -> Result<Arc<Task>, Error> {
        let place = self.room.call()?;
        let mut known = self.lock();
        make_room(&mut known)?;
        let task = Arc::new(Task::new(self.mint(known.len())?, ttl, voice));
        let work = Work {
            shared: Arc::clone(&self.shared),
            task: Arc::clone(&task),
            inbox: listening.inbox(),
            room: self.room.clone(),
        };
        let call = edit::without_param(request, "task");
        let headers = headers.clone();
        let expires = self.expire(&task);
        let running = async move {
            work.run(&call, headers).await;
            drop((work, place));
            expires.await;
        };
        let kept = Known {
            task: Arc::clone(&task),
            work: AbortOnDropHandle::new(tokio::spawn(running)),
        };
        known.insert(task.id.clone(), kept);
        Ok(task)
    }

    /// Forgets a task when its time has come.
    fn expire(&self, task: &Task) -> impl Future<Output = ()> + Send + use<> {
        let (known, id, until) = (Arc::downgrade(&self.known), task.id.clone(), task.until());
        async move {
            sleep_until(until).await;
            if let Some(known) = known.upgrade() {
                let gone = known
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&id);
                drop(gone);
            }
        }
    }

    async fn cancel(
        &self,
        request: &Request,
        id: &Id,
        listening: &Listening,
    ) -> Result<Reply, Error> {
        let task = self.named(request)?;
        if !task.end(Ended::Cancelled) {
            let text = "the task has ended already";
            return Ok(Reply::complete(error_response(
                Some(id),
                -32602,
                text,
                None,
            )));
        }
        let expires = AbortOnDropHandle::new(tokio::spawn(self.expire(&task)));
        let stopped = {
            let mut known = self.lock();
            let known = known.get_mut(&task.id);
            known.map(|known| std::mem::replace(&mut known.work, expires))
        };
        drop(stopped);
        if let Some(own) = task.follows() {
            let params = tasks::related(&own);
            let told = self.shared.say(&Method::TasksCancel, &params);
            if let Ok(Err(error)) = timeout(GRACE, told).await {
                tracing::debug!(error = %error.chain(), "the module could not be told");
            }
        }
        listening.inbox().push(task.notification());
        Ok(told(&task, id))
    }

    fn named(&self, request: &Request) -> Result<Arc<Task>, Error> {
        let item = request.item().ok_or_else(tasks::unknown)?;
        let known = self.lock();
        let known = known.get(item.name());
        known
            .map(|known| Arc::clone(&known.task))
            .ok_or_else(tasks::unknown)
    }

    /// An id that nobody can guess.
    fn mint(&self, count: usize) -> Result<Box<str>, Error> {
        let internal = || Error::new(ErrorKind::Internal, "internal error");
        let ring = self.ring.as_ref().ok_or_else(internal)?;
        let sealed = ring.seal(PURPOSE, &[], SystemTime::now(), &count.to_be_bytes());
        let sealed = sealed.map_err(|error| internal().with_source(error))?;
        Ok(sealed.into())
    }

    /// Gives up all tasks.
    pub(super) fn clear(&self) {
        let gone = std::mem::take(&mut *self.lock());
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The answer to the call that became this task.
fn made_of(task: &Task, id: &Id) -> Reply {
    let made = format!(r#"{{"task":{}}}"#, task.json());
    Reply::complete(result_response(id, &made))
}

fn told(task: &Task, id: &Id) -> Reply {
    Reply::complete(result_response(id, &task.json()))
}

/// The result of a task, once there is one, and before it what is asked for it.
fn result(shared: &Arc<Shared>, task: Arc<Task>, id: &Id) -> Reply {
    if let Some(answer) = task.answer(id) {
        return Reply::complete(answer);
    }
    let reader = Reader::new(task, shared, id);
    Reply::stream(unfold(reader, |mut reader| async move {
        let message = reader.next().await?;
        Some((Ok(Frame::new(message)), reader))
    }))
}

/// Room for one more task, in the place of the oldest that has ended.
fn make_room(known: &mut All) -> Result<(), Error> {
    if known.len() < MAX_TASKS {
        return Ok(());
    }
    let ended = known.iter().filter(|(_, known)| known.task.has_ended());
    let oldest = ended.min_by_key(|(_, known)| known.task.born());
    let oldest = oldest.map(|(id, _)| id.clone()).ok_or_else(too_many)?;
    known.remove(&oldest);
    Ok(())
}

/// How long the client wants the task to be known (milliseconds in JSON text), within bounds.
fn ttl(asked: &str) -> Duration {
    #[derive(Deserialize)]
    struct Asked {
        #[serde(default)]
        ttl: Option<f64>,
    }
    let (usual, most) = KEPT;
    let asked = serde_json::from_str::<Asked>(asked).ok();
    let asked = asked.and_then(|asked| asked.ttl);
    let asked = asked.and_then(|ttl| Duration::try_from_secs_f64(ttl / 1000.0).ok());
    asked.unwrap_or(usual).min(most)
}

fn too_many() -> Error {
    Error::new(ErrorKind::Overloaded, "too many tasks at once")
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks")
            .field("known", &self.lock().len())
            .finish_non_exhaustive()
    }
}
