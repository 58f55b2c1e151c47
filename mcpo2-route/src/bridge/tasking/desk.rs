use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use mcpo2_core::{Error, Frames, Message, Method, Request, Response, message::error_response};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use super::task::Task;
use crate::{
    bridge::{
        self,
        asking::{Key, Line},
        tasks,
    },
    upstream::{ForwardHeaders, Link, fault, mint::Mint, own},
};

/// What a module asks for a task that is just being made waits, this much of it.
const EARLY: usize = 16;

/// The time before a stream that broke is asked for again, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A link at which one principal's tasks are, opened with what its client can be asked.
///
/// It ends with the last task.
pub(super) struct Desk {
    pub(super) key: Key,
    link: Arc<dyn Link>,
    mint: Mint,
    state: Mutex<State>,
    reading: Mutex<Option<AbortOnDropHandle<()>>>,
    _place: OwnedSemaphorePermit,
}

#[derive(Default)]
struct State {
    /// By the module's ids.
    tasks: HashMap<Box<str>, Weak<Task>>,
    /// How many calls may yet become tasks.
    making: usize,
    /// What is asked for one of those, perhaps.
    early: Vec<Request>,
}

impl Desk {
    pub(super) fn new(line: Line, place: OwnedSemaphorePermit) -> Arc<Self> {
        let desk = Arc::new(Self {
            key: line.key,
            link: Arc::clone(&line.link),
            mint: line.mint,
            state: Mutex::default(),
            reading: Mutex::default(),
            _place: place,
        });
        let reading = read(Arc::downgrade(&desk), line.link, line.outside);
        let reading = AbortOnDropHandle::new(tokio::spawn(reading));
        *desk.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
        desk
    }

    pub(super) fn is_open(&self) -> bool {
        self.link.is_open()
    }

    /// What the module says of itself.
    pub(super) fn server(&self) -> &[u8] {
        self.link.server()
    }

    /// Sends a request, and gives the answer under its id. What the module asks meanwhile is of
    /// the tasks here.
    ///
    /// Dropped, it tells the module that nobody waits any more.
    pub(super) async fn ask(
        &self,
        request: &Request,
        headers: &ForwardHeaders,
    ) -> Result<Response, Error> {
        let out = self.mint.outgoing(request);
        let out = out.ok_or_else(|| fault::protocol("a request has an id"))?;
        let mut waits = Waits {
            link: &self.link,
            told: Some(own::cancelled(out.id())),
        };
        let reply = self.link.request(out.sent(), headers).await;
        let mut frames = bridge::frames(reply.inspect_err(|_| waits.told = None)?);
        while let Some(frame) = frames.next().await {
            match Message::parse(frame?.data().clone()) {
                Ok(Message::Response(response))
                    if response.id().is_none() || out.is_answered_by(&response) =>
                {
                    waits.told = None;
                    return Ok(out.answer(&response));
                }
                Ok(Message::Request(request)) => self.hear(&request).await,
                Ok(Message::Response(_)) | Err(_) => {}
            }
        }
        waits.told = None;
        Err(fault::protocol("the stream ended before the answer"))
    }

    pub(super) async fn send(&self, message: impl Into<Bytes>) -> Result<(), Error> {
        self.link.send(message.into()).await
    }

    /// A call that may become a task is under way, until dropped.
    pub(super) fn making(self: &Arc<Self>) -> Making {
        self.lock().making += 1;
        Making(Arc::clone(self))
    }

    /// Takes what the module says outside the answers.
    async fn hear(&self, message: &Request) {
        match message.method() {
            _ if message.id().is_some() => self.question(message).await,
            Method::Cancelled => {
                if let Some(id) = bridge::cancelled_id(message) {
                    let tasks = self.tasks();
                    tasks.iter().for_each(|task| task.takes_back(&id));
                }
            }
            method if method.as_str() == "notifications/tasks/status" => {
                let id = message.params().and_then(id_of);
                let named = id.and_then(|id| self.task(&id));
                if let Some(task) = named {
                    task.heard();
                }
            }
            // Of the rest the tasks of clients without sessions know nothing.
            _ => {}
        }
    }

    async fn question(&self, question: &Request) {
        let refusal = match self.place(question) {
            Placed::Taken => return,
            Placed::Full => {
                error_response(question.id(), -32603, "too many requests at once", None)
            }
            Placed::Nowhere => own::refusal(question),
        };
        if let Err(error) = self.send(refusal).await {
            tracing::debug!(error = %error.chain(), "the module could not be told");
        }
    }

    /// Finds the task that a question is of: the one that it names, or where it names none the
    /// only one.
    fn place(&self, question: &Request) -> Placed {
        if !self.key.abilities.allow(question.method().as_str()) {
            return Placed::Nowhere;
        }
        let named = tasks::named(question);
        let task = match &named {
            Some(id) => self.task(id),
            None => self.tasks().pop().filter(|_| self.tasks().len() == 1),
        };
        if let Some(task) = task {
            return if task.asks(question) {
                Placed::Taken
            } else {
                Placed::Full
            };
        }
        let mut state = self.lock();
        if named.is_some() && state.making > 0 && state.early.len() < EARLY {
            state.early.push(question.clone());
            return Placed::Taken;
        }
        Placed::Nowhere
    }

    fn task(&self, own: &str) -> Option<Arc<Task>> {
        self.lock().tasks.get(own)?.upgrade()
    }

    fn tasks(&self) -> Vec<Arc<Task>> {
        let state = self.lock();
        state.tasks.values().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Placed {
    Taken,
    Full,
    Nowhere,
}

/// A call that may become a task.
pub(super) struct Making(Arc<Desk>);

impl Making {
    /// It became this one.
    pub(super) async fn made(self, task: &Arc<Task>) {
        let early: Vec<_> = {
            let mut state = self.0.lock();
            state.tasks.retain(|_, task| task.strong_count() > 0);
            state.tasks.insert(task.own.clone(), Arc::downgrade(task));
            let is_its =
                |question: &mut Request| tasks::named(question).as_deref() == Some(&*task.own);
            state.early.extract_if(.., is_its).collect()
        };
        for question in early {
            self.0.question(&question).await;
        }
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        let left = {
            let mut state = self.0.lock();
            state.making = state.making.saturating_sub(1);
            match state.making {
                0 => std::mem::take(&mut state.early),
                _ => Vec::new(),
            }
        };
        let desk = Arc::clone(&self.0);
        if let (false, Ok(runtime)) = (left.is_empty(), Handle::try_current()) {
            runtime.spawn(async move {
                for question in left {
                    desk.question(&question).await;
                }
            });
        }
    }
}

/// A request that the module is told of where nobody waits for its answer any more.
struct Waits<'a> {
    link: &'a Arc<dyn Link>,
    told: Option<Bytes>,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let (Some(told), Ok(runtime)) = (self.told.take(), Handle::try_current()) {
            let link = Arc::clone(self.link);
            runtime.spawn(async move {
                if let Err(error) = link.send(told).await {
                    tracing::debug!(error = %error.chain(), "the module could not be told");
                }
            });
        }
    }
}

/// Reads what the module says outside any request, and comes back when its stream ends.
async fn read(desk: Weak<Desk>, link: Arc<dyn Link>, mut outside: Option<Frames>) {
    let (mut wait, most) = BACKOFF;
    while let Some(mut frames) = outside.take() {
        while let Some(Ok(frame)) = frames.next().await {
            wait = BACKOFF.0;
            let Some(desk) = desk.upgrade() else {
                return;
            };
            if let Ok(Message::Request(message)) = Message::parse(frame.data().clone()) {
                desk.hear(&message).await;
            }
        }
        while outside.is_none() && link.is_open() {
            sleep(wait).await;
            wait = (wait * 2).min(most);
            outside = match link.listen(None).await {
                Ok(None) => return,
                Ok(frames) => frames,
                Err(error) => {
                    tracing::debug!(error = %error.chain(), "the stream of a module is not there");
                    None
                }
            };
        }
    }
}

fn id_of(task: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(rename = "taskId")]
        id: String,
    }
    let named: Named = serde_json::from_slice(task).ok()?;
    Some(named.id)
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("link", &self.link)
            .field("tasks", &self.tasks().len())
            .finish_non_exhaustive()
    }
}
