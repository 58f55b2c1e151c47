use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use mcpo2_core::{Digest, Error, Id, Message, Method, Request, Response};
use serde_json::value::RawValue;
use tokio::{sync::watch, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use super::{desk::Desk, lease::Lease};
use crate::{
    bridge::{
        edit,
        question::Question,
        tasks::{self, Status, Told},
    },
    upstream::{ForwardHeaders, fault, own},
};

/// How many questions of one task may be open at once, and how many it may ask in all.
const QUESTIONS: (usize, usize) = (16, 64);

/// What a task asks comes within this time, and what it asks together within the other.
const ASKS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(50));

/// A task at a module with sessions, of a client without one.
pub(super) struct Task {
    /// The id that the client knows.
    pub(super) id: Box<str>,
    /// The module's own.
    pub(super) own: Box<str>,
    pub(super) binding: Digest,
    desk: Arc<Desk>,
    pub(super) lease: Lease,
    asked: watch::Sender<Asked>,
    /// Counts what was heard of it, for who listens.
    news: watch::Sender<u64>,
    /// The request for its result, on whose stream the module asks.
    attending: Mutex<Option<AbortOnDropHandle<()>>>,
}

#[derive(Default)]
struct Asked {
    open: Vec<Question>,
    all: usize,
}

/// All that there is to say of a task.
pub(super) enum Detail {
    /// The members of the task, as JSON text without braces at the ends.
    Task {
        members: String,
        /// The status, and what is asked.
        mark: (Status, String),
    },
    /// The module does not know it.
    Refused(Response),
}

impl Task {
    pub(super) fn new(id: Box<str>, own: Box<str>, desk: &Arc<Desk>, told: &Told<'_>) -> Arc<Self> {
        Arc::new(Self {
            id,
            own,
            binding: desk.key.binding,
            desk: Arc::clone(desk),
            lease: Lease::of(told),
            asked: watch::Sender::default(),
            news: watch::Sender::default(),
            attending: Mutex::default(),
        })
    }

    /// Whether the module is not there any more that it began at.
    pub(super) fn is_lost(&self) -> bool {
        !self.desk.is_open()
    }

    /// The task as the client gets it when it was made: members of an object, as JSON text.
    pub(super) fn seed(&self, task: &str, told: &Told<'_>) -> String {
        self.members(task.as_bytes(), told.status, "")
    }

    /// All that there is to say of it, as the module says now.
    pub(super) async fn detail(self: &Arc<Self>) -> Result<Detail, Error> {
        let response = self.ask(&Method::TasksGet).await?;
        let Some(task) = response.result_json() else {
            return Ok(Detail::Refused(response));
        };
        let told = Told::read(task)?;
        if told.task_id != *self.own {
            return Err(fault::protocol("the answer is of another task"));
        }
        self.lease.extend(&told);
        let (status, payload) = match told.status {
            Status::Completed | Status::Failed => self.outcome().await?,
            Status::Cancelled => (Status::Cancelled, String::new()),
            Status::InputRequired => {
                self.attend();
                self.questions().await;
                self.open()
            }
            Status::Working => self.open(),
        };
        Ok(Detail::Task {
            members: self.members(task, status, &payload),
            mark: (status, payload),
        })
    }

    /// The status of a task that goes on: what it asks, if anything.
    fn open(&self) -> (Status, String) {
        let asked = self.asked.borrow();
        match asked.open.is_empty() {
            true => (Status::Working, String::new()),
            false => {
                let all = Question::all(&asked.open);
                (Status::InputRequired, format!(r#","inputRequests":{all}"#))
            }
        }
    }

    async fn outcome(&self) -> Result<(Status, String), Error> {
        let response = self.ask(&Method::TasksResult).await?;
        let (status, key, value) = match (response.result_json(), response.error_json()) {
            // It is the result of a call of the stateless revision, and says so.
            (Some(result), _) => {
                let result = tasks::without_related(result);
                let kind = r#""resultType":"complete""#;
                let result = edit::with_members(&result, &["resultType"], kind);
                (Status::Completed, "result", result)
            }
            (None, error) => {
                let error = String::from_utf8_lossy(error.unwrap_or(b"{}"));
                (Status::Failed, "error", error.into_owned())
            }
        };
        Ok((status, format!(r#","{key}":{value}"#)))
    }

    fn members(&self, task: &[u8], status: Status, payload: &str) -> String {
        // What the module says of its own accord, and what means something else to the client.
        const GONE: [&str; 10] = [
            "taskId",
            "status",
            "ttl",
            "ttlMs",
            "pollInterval",
            "pollIntervalMs",
            "resultType",
            "inputRequests",
            "result",
            "error",
        ];
        let poll = Told::read(task).ok().and_then(|told| told.poll());
        let poll = poll.map(|poll| format!(r#","pollIntervalMs":{}"#, poll.as_millis()));
        let members = format!(
            r#""taskId":"{}","status":"{}","ttlMs":{}{}{payload}"#,
            self.id,
            status.as_str(),
            self.lease.ttl().as_millis(),
            poll.unwrap_or_default(),
        );
        let task = tasks::without_related(task);
        let object = edit::with_members(&task, &GONE, &members);
        let inner = object.trim().strip_prefix('{');
        let inner = inner.and_then(|inner| inner.strip_suffix('}'));
        inner.unwrap_or_default().to_owned()
    }

    /// Takes the client's answers to the module. What nobody asked, or is no object, is ignored.
    pub(super) async fn answer<'a>(
        &self,
        answers: impl IntoIterator<Item = (&'a String, &'a Box<RawValue>)>,
    ) -> Result<(), Error> {
        for (key, answer) in answers {
            if !answer.get().starts_with('{') {
                continue;
            }
            let Some(question) = self.take(|question| question.key == *key) else {
                continue;
            };
            let id = &question.id;
            let result = tasks::with_related(answer.get().as_bytes(), &self.own);
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
            self.desk.send(text).await?;
        }
        Ok(())
    }

    /// Tells the module that nobody wants it any more.
    pub(super) async fn cancel(&self) -> Result<(), Error> {
        self.asked.send_modify(|asked| asked.open.clear());
        if tasks::can_cancel(self.desk.server()) {
            self.ask(&Method::TasksCancel).await?;
        }
        Ok(())
    }

    /// Takes a question of the module; false where there are too many.
    pub(super) fn asks(&self, question: &Request) -> bool {
        let (open, all) = QUESTIONS;
        let bare = question.without_meta(tasks::RELATED);
        let mut taken = false;
        self.asked.send_modify(|asked| {
            if asked.open.len() < open
                && asked.all < all
                && let Some(question) = Question::of(asked.all + 1, &bare)
            {
                asked.all += 1;
                asked.open.push(question);
                taken = true;
            }
        });
        self.heard();
        taken
    }

    /// The module takes the question of this id back (JSON text).
    pub(super) fn takes_back(&self, id: &str) {
        self.take(|question| question.id.as_json() == id);
    }

    fn take(&self, is_it: impl Fn(&Question) -> bool) -> Option<Question> {
        let mut taken = None;
        self.asked.send_modify(|asked| {
            let at = asked.open.iter().position(is_it);
            taken = at.map(|at| asked.open.remove(at));
        });
        taken
    }

    /// Something was said of it.
    pub(super) fn heard(&self) {
        self.news
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// What is said of it from now on.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Asks for the result, which is where a module puts its questions.
    fn attend(self: &Arc<Self>) {
        let mut attending = self
            .attending
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if attending
            .as_ref()
            .is_none_or(AbortOnDropHandle::is_finished)
        {
            let task = Arc::downgrade(self);
            *attending = Some(AbortOnDropHandle::new(tokio::spawn(attend(task))));
        }
    }

    /// Waits for what the module asks, for a while.
    async fn questions(&self) {
        let (first, together) = ASKS;
        let mut asked = self.asked.subscribe();
        let asks = asked.wait_for(|asked| !asked.open.is_empty());
        if timeout(first, asks).await.is_ok() {
            tokio::time::sleep(together).await;
        }
    }

    async fn ask(&self, method: &Method) -> Result<Response, Error> {
        let (request, desk) = (self.request(method)?, &self.desk);
        desk.ask(&request, &ForwardHeaders::default()).await
    }

    fn request(&self, method: &Method) -> Result<Request, Error> {
        own::request(
            &own::id(0),
            method.as_str(),
            tasks::related(&self.own).as_bytes(),
        )
    }
}

async fn attend(task: Weak<Task>) {
    let asked = task.upgrade().and_then(|task| {
        Some((
            task.request(&Method::TasksResult).ok()?,
            Arc::clone(&task.desk),
        ))
    });
    let Some((request, desk)) = asked else {
        return;
    };
    // What comes of it is asked for again when the client asks.
    if let Err(error) = desk.ask(&request, &ForwardHeaders::default()).await {
        tracing::debug!(error = %error.chain(), "a task is not attended");
    }
}

/// The response to this client's request.
pub(super) fn addressed(response: &Response, id: &Id) -> Option<Response> {
    match Message::parse(response.with_id(id)) {
        Ok(Message::Response(response)) => Some(response),
        Ok(Message::Request(_)) | Err(_) => None,
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("own", &self.own)
            .field("asked", &self.asked.borrow().open.len())
            .finish_non_exhaustive()
    }
}
