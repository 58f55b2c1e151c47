use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use mcpo2_core::{Error, ErrorKind, Message, Method, Request, Response, message::error_response};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    GRACE, Room,
    task::{Ended, Task, Voice},
};
use crate::{
    bridge::{
        self, edit,
        session::{
            Shared,
            rounds::{self, Ends, Question, Rounds},
        },
        tasks::{self, Status, Told},
    },
    upstream::{ForwardHeaders, fault, line::mailbox::Mailbox},
};

/// How often a task of a module is looked at: at most, where the module says nothing, and at
/// least.
const LOOK: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(30),
];

/// After so many failures in a row a task of a module is not looked at any more.
const FAILURES: usize = 5;

/// How much a task may ask in all.
const QUESTIONS: usize = 64;

/// What runs behind a task of a session.
pub(super) struct Work {
    pub(super) shared: Arc<Shared>,
    pub(super) task: Arc<Task>,
    pub(super) inbox: Arc<Mailbox>,
    pub(super) room: Room,
}

impl Work {
    /// Runs the call to its end, which is the task's.
    pub(super) async fn run(&self, call: &Request, headers: ForwardHeaders) {
        let ended = match timeout_at(self.task.until(), self.outcome(call, headers)).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => {
                tracing::debug!(error = %error.chain(), "a task failed");
                failed(&error)
            }
            Err(_) => {
                self.give_up().await;
                failed(&late())
            }
        };
        let ended = ended.kept(&self.room).unwrap_or_else(|| {
            let text = "there is no room to keep the result";
            failed(&Error::new(ErrorKind::TooLarge, text))
        });
        if self.task.end(ended) {
            self.tell();
        }
    }

    async fn outcome(&self, call: &Request, headers: ForwardHeaders) -> Result<Ended, Error> {
        let reply = Rounds::start(&self.shared, call, headers, Ends::OrTask).await?;
        let mut frames = bridge::frames(reply);
        while let Some(frame) = frames.next().await {
            let frame = frame?;
            match Message::parse(frame.data().clone()) {
                Ok(Message::Response(response)) if tasks::is_made(&response) => {
                    return self.follow(&response).await;
                }
                Ok(Message::Response(response)) => return Ok(ended(&response)),
                Ok(Message::Request(question)) if question.id().is_some() => {
                    self.settle();
                    self.task.asks(&question);
                    self.tell();
                }
                // What is said on the way has no request any more.
                Ok(Message::Request(_)) => {
                    self.settle();
                    self.inbox.push(frame);
                }
                Err(_) => {}
            }
        }
        Err(fault::protocol("the stream ended before the answer"))
    }

    /// Looks at the task that the module made of the call, until it ends.
    async fn follow(&self, made: &Response) -> Result<Ended, Error> {
        let told = Told::read(made.result_json().unwrap_or_default())?;
        let (own, mut look) = (told.task_id.clone(), pace(&told));
        self.task.follow(&own);
        self.task.goes_on(told.status_message, look);
        let (mut seen, mut failures) = (BTreeSet::new(), 0);
        let mut answers = FuturesUnordered::new();
        let mut next = Instant::now() + look;
        loop {
            tokio::select! {
                () = sleep_until(next) => {}
                Some(answered) = answers.next(), if !answers.is_empty() => {
                    let (key, answer): (String, Result<Response, Error>) = answered;
                    if let Some(ended) = self.update(&own, key, answer?).await? {
                        return Ok(ended);
                    }
                    continue;
                }
            }
            let response = match self
                .shared
                .say(&Method::TasksGet, &tasks::related(&own))
                .await
            {
                Ok(response) => response,
                Err(error) if failures < FAILURES => {
                    tracing::debug!(error = %error.chain(), "a task could not be looked at");
                    failures += 1;
                    next = Instant::now() + look * 2;
                    continue;
                }
                Err(error) => return Err(error),
            };
            failures = 0;
            let Some(task) = response.result_json() else {
                return Ok(ended(&response));
            };
            let told = Told::read(task)?;
            look = pace(&told);
            next = Instant::now() + look;
            if let Some(ended) = over(&told) {
                return Ok(ended);
            }
            for (key, question) in questions(&told)? {
                if !seen.insert(key.clone()) {
                    continue;
                }
                if seen.len() > QUESTIONS {
                    self.give_up().await;
                    return Err(fault::protocol("the module asks too much"));
                }
                let Some(asked) = self.ask(&question) else {
                    self.give_up().await;
                    return Ok(unable(&question.method));
                };
                answers.push(async move { (key, rounds::answer(asked).await) });
            }
            self.task.goes_on(told.status_message, look);
            self.settle();
        }
    }

    /// Puts a question to the client; none where that did not say that it can be asked.
    fn ask(&self, question: &Question<'_>) -> Option<super::super::Asked> {
        if !self.shared.abilities.allow(&question.method) {
            return None;
        }
        let id = self.shared.mint();
        let asked = self.shared.ask(&id);
        if let Ok(Message::Request(request)) = Message::parse(question.request(&id)) {
            self.task.asks(&request);
            self.tell();
        }
        Some(asked)
    }

    /// Takes an answer of the client to the module. One that is an error ends the task.
    async fn update(
        &self,
        own: &str,
        key: String,
        answer: Response,
    ) -> Result<Option<Ended>, Error> {
        self.settle();
        let Some(result) = answer.result_json() else {
            self.give_up().await;
            return Err(rounds::declined(&answer));
        };
        let result = tasks::without_related(result);
        let (key, result) = (
            serde_json::Value::from(key),
            String::from_utf8_lossy(&result),
        );
        let id = serde_json::Value::from(own);
        let params = format!(r#"{{"taskId":{id},"inputResponses":{{{key}:{result}}}}}"#);
        let response = self.shared.say(&Method::TasksUpdate, &params).await?;
        Ok(response.error_json().is_some().then(|| ended(&response)))
    }

    /// Tells the module that nobody wants its task any more.
    async fn give_up(&self) {
        if let Some(own) = self.task.follows() {
            let params = tasks::related(&own);
            let told = self.shared.say(&Method::TasksCancel, &params);
            let _ = tokio::time::timeout(GRACE, told).await;
        }
    }

    fn settle(&self) {
        if self.task.settle(&self.shared) {
            self.tell();
        }
    }

    fn tell(&self) {
        if self.task.voice == Voice::Told {
            self.inbox.push(self.task.notification());
        }
    }
}

fn pace(told: &Told<'_>) -> Duration {
    let [least, usual, most] = LOOK;
    told.poll().unwrap_or(usual).clamp(least, most)
}

/// How a task of the module ended, if it did.
fn over(told: &Told<'_>) -> Option<Ended> {
    let part = |part: Option<&RawValue>| {
        let part = part.map_or("{}", RawValue::get);
        Bytes::copy_from_slice(part.as_bytes())
    };
    match told.status {
        Status::Completed => Some(result(&part(told.result))),
        Status::Failed => Some(Ended::Error(part(told.error))),
        Status::Cancelled => Some(Ended::Cancelled),
        Status::Working | Status::InputRequired => None,
    }
}

/// How a call ended.
fn ended(response: &Response) -> Ended {
    match (response.result_json(), response.error_json()) {
        (Some(found), _) => result(found),
        (None, error) => Ended::Error(Bytes::copy_from_slice(error.unwrap_or(b"{}"))),
    }
}

/// A result without what only the stateless revision says around it.
fn result(result: &[u8]) -> Ended {
    let bare = edit::without(result, &["resultType", "ttlMs", "cacheScope"]);
    Ended::with(bare)
}

fn questions<'a>(told: &Told<'a>) -> Result<BTreeMap<String, Question<'a>>, Error> {
    match told.input_requests {
        Some(asked) => serde_json::from_str(asked.get()).map_err(fault::protocol),
        None => Ok(BTreeMap::new()),
    }
}

/// The error where a module needs of its client what that never said it can.
fn unable(method: &str) -> Ended {
    let (text, data) = rounds::unable(method);
    error(-32021, text, data.as_deref())
}

fn failed(fault: &Error) -> Ended {
    error(-32603, &fault.to_string(), fault.data())
}

fn error(code: i64, text: &str, data: Option<&str>) -> Ended {
    let response = error_response(None, code, text, data);
    match Message::parse(response) {
        Ok(Message::Response(response)) => ended(&response),
        Ok(Message::Request(_)) | Err(_) => Ended::Error(Bytes::from_static(b"{}")),
    }
}

fn late() -> Error {
    Error::new(ErrorKind::TimedOut, "the task took longer than it is kept")
}
