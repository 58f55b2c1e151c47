use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use mcpo2_core::{
    Frame, Id, Request,
    message::{error_response, result_response},
};
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

use super::{Room, Shared};
use crate::bridge::tasks::{self, Status};

/// How often clients should ask, where the module says nothing of it.
const POLL: Duration = Duration::from_secs(1);

/// Whether the client knows of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Told,
    Silent,
}

/// A task of a session.
pub(super) struct Task {
    pub(super) id: Box<str>,
    pub(super) voice: Voice,
    born: (SystemTime, Instant),
    ttl: Duration,
    state: watch::Sender<State>,
}

struct State {
    message: Option<String>,
    updated: SystemTime,
    poll: Duration,
    questions: Vec<Question>,
    /// The module's own id of the task that it made of the call.
    follows: Option<String>,
    ended: Option<Ended>,
}

/// What the client is asked on the stream of the result.
struct Question {
    id: Id,
    message: Bytes,
    told: bool,
    answered: bool,
}

/// How a task ended.
pub(super) enum Ended {
    /// The result of the call, as JSON text, and the place where it is kept.
    Result {
        result: Bytes,
        _place: Option<OwnedSemaphorePermit>,
    },
    /// The error of the call, likewise.
    Error(Bytes),
    Cancelled,
}

impl Ended {
    /// With this result of the call, as JSON text.
    pub(super) fn with(result: impl Into<Bytes>) -> Self {
        Self::Result {
            result: result.into(),
            _place: None,
        }
    }

    /// The same, if there is room to keep it.
    pub(super) fn kept(self, room: &Room) -> Option<Self> {
        let Self::Result { result, .. } = self else {
            return Some(self);
        };
        let place = Some(room.keep(result.len())?);
        Some(Self::Result {
            result,
            _place: place,
        })
    }

    fn status(&self) -> Status {
        #[derive(serde::Deserialize)]
        struct Result {
            #[serde(default, rename = "isError")]
            is_error: bool,
        }
        match self {
            Self::Cancelled => Status::Cancelled,
            Self::Error(_) => Status::Failed,
            // In this revision a tool that failed is a task that did.
            Self::Result { result, .. } => match serde_json::from_slice(result) {
                Ok(Result { is_error: true }) => Status::Failed,
                Ok(_) | Err(_) => Status::Completed,
            },
        }
    }
}

impl Task {
    pub(super) fn new(id: Box<str>, ttl: Duration, voice: Voice) -> Self {
        let now = SystemTime::now();
        Self {
            id,
            voice,
            born: (now, Instant::now()),
            ttl,
            state: watch::Sender::new(State {
                message: None,
                updated: now,
                poll: POLL,
                questions: Vec::new(),
                follows: None,
                ended: None,
            }),
        }
    }

    pub(super) fn born(&self) -> Instant {
        self.born.1
    }

    pub(super) fn until(&self) -> Instant {
        self.born.1 + self.ttl
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state.borrow().ended.is_some()
    }

    pub(super) fn follows(&self) -> Option<String> {
        self.state.borrow().follows.clone()
    }

    /// The task as the client knows it, as JSON text.
    pub(super) fn json(&self) -> String {
        let state = self.state.borrow();
        let mut task = json!({
            "taskId": self.id,
            "status": state.status().as_str(),
            "createdAt": tasks::timestamp(self.born.0),
            "lastUpdatedAt": tasks::timestamp(state.updated),
            "ttl": millis(self.ttl),
            "pollInterval": millis(state.poll),
        });
        if let (Some(task), Some(message)) = (task.as_object_mut(), &state.message) {
            task.insert("statusMessage".into(), message.as_str().into());
        }
        task.to_string()
    }

    /// What the session is told when the status changes.
    pub(super) fn notification(&self) -> Frame {
        let task = self.json();
        Frame::new(format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{task}}}"#
        ))
    }

    /// The answer to a request for the result; none until there is one.
    pub(super) fn answer(&self, id: &Id) -> Option<Bytes> {
        let state = self.state.borrow();
        Some(match state.ended.as_ref()? {
            Ended::Result { result, .. } if self.voice == Voice::Silent => {
                result_response(id, &String::from_utf8_lossy(result))
            }
            Ended::Result { result, .. } => {
                result_response(id, &tasks::with_related(result, &self.id))
            }
            Ended::Error(error) => {
                let error = String::from_utf8_lossy(error);
                format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into()
            }
            Ended::Cancelled => error_response(Some(id), -32603, "the task was cancelled", None),
        })
    }

    /// Ends it; false where it has ended before.
    pub(super) fn end(&self, how: Ended) -> bool {
        self.change(|state| {
            let is_open = state.ended.is_none();
            if is_open {
                state.questions.clear();
                state.ended = Some(how);
            }
            is_open
        })
    }

    /// The module made a task of the call.
    pub(super) fn follow(&self, own: &str) {
        self.change(|state| {
            state.follows = Some(own.to_owned());
            false
        });
    }

    /// The module says how it goes.
    pub(super) fn goes_on(&self, message: Option<String>, poll: Duration) {
        self.change(|state| {
            state.poll = poll;
            let is_new = state.message != message;
            state.message = message;
            is_new
        });
    }

    /// The client is asked this, as soon as it asks for the result.
    pub(super) fn asks(&self, question: &Request) {
        let Some(id) = question.id().cloned() else {
            return;
        };
        let question = match self.voice {
            Voice::Told => question.with_meta(tasks::RELATED, &tasks::related(&self.id)),
            Voice::Silent => question.clone(),
        };
        self.change(|state| {
            state.questions.push(Question {
                id,
                message: question.bytes().clone(),
                told: false,
                answered: false,
            });
            true
        });
    }

    /// Whether a question is open no more that was; those that are answered go.
    pub(super) fn settle(&self, shared: &Shared) -> bool {
        self.change(|state| {
            let before = state.status();
            for question in &mut state.questions {
                question.answered = !shared.is_asked(&question.id);
            }
            state.questions.retain(|question| !question.answered);
            state.status() != before
        })
    }

    /// What is asked and was not told yet on any stream that is there.
    fn untold(&self, shared: &Shared) -> Option<(Id, Bytes)> {
        let mut untold = None;
        self.state.send_if_modified(|state| {
            let mut open = state.questions.iter_mut();
            let question = open.find(|one| !one.told && shared.is_asked(&one.id));
            untold = question.map(|question| {
                question.told = true;
                (question.id.clone(), question.message.clone())
            });
            false
        });
        untold
    }

    /// The stream on which these were told is gone.
    fn untell(&self, ids: &[Id]) {
        self.state.send_if_modified(|state| {
            let mut changed = false;
            for question in &mut state.questions {
                if ids.contains(&question.id) {
                    question.told = false;
                    changed = true;
                }
            }
            changed
        });
    }

    /// Changes the state, and says whether that was news.
    fn change(&self, change: impl FnOnce(&mut State) -> bool) -> bool {
        self.state.send_if_modified(|state| {
            let is_new = change(state);
            if is_new {
                state.updated = SystemTime::now();
            }
            is_new
        })
    }
}

impl State {
    fn status(&self) -> Status {
        match &self.ended {
            Some(ended) => ended.status(),
            None if self.questions.is_empty() => Status::Working,
            None => Status::InputRequired,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One who waits for the result.
pub(super) struct Reader {
    task: Arc<Task>,
    shared: Arc<Shared>,
    id: Id,
    changed: watch::Receiver<State>,
    told: Vec<Id>,
    done: bool,
}

impl Reader {
    pub(super) fn new(task: Arc<Task>, shared: &Arc<Shared>, id: &Id) -> Self {
        Self {
            changed: task.state.subscribe(),
            task,
            shared: Arc::clone(shared),
            id: id.clone(),
            told: Vec::new(),
            done: false,
        }
    }

    /// What comes next: what is asked, and the result in the end.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        while !self.done {
            self.changed.mark_unchanged();
            if let Some(answer) = self.task.answer(&self.id) {
                self.done = true;
                return Some(answer);
            }
            if let Some((id, question)) = self.task.untold(&self.shared) {
                self.told.push(id);
                return Some(question);
            }
            self.changed.changed().await.ok()?;
        }
        None
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.untell(&self.told);
    }
}
