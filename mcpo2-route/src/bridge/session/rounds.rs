use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::unfold};
use mcpo2_core::{
    Body, Error, ErrorKind, Frame, Frames, Id, Message, Method, Reply, Request, Response,
    message::error_response,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{sleep, timeout};

use super::{Asked, Shared, incoming};
use crate::{
    bridge::{abilities::ability, caller::may_ask, edit, tasks},
    upstream::{ForwardHeaders, fault},
};

/// How often a module may ask before it answers, and how much at once.
const ROUNDS: (usize, usize) = (10, 16);

/// How long the client has to answer.
const ANSWERS: Duration = Duration::from_secs(10 * 60);

/// A module that only wants to be asked again is asked after this time.
const AGAIN: Duration = Duration::from_millis(200);

/// How a request may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// With its result.
    WithResult,
    /// Or with a task that the module makes of it.
    OrTask,
}

/// A request of the session, over all its rounds.
pub(super) struct Rounds {
    shared: Arc<Shared>,
    /// The client's own request.
    request: Request,
    id: Id,
    headers: ForwardHeaders,
    frames: Option<Frames>,
    /// What the client is asked in this round, by the module's key for it.
    asked: Vec<(String, Asked)>,
    /// Questions that are still to be put to the client.
    questions: Vec<Bytes>,
    state: Option<String>,
    rounds: usize,
    ends: Ends,
}

/// A result that asks for more.
#[derive(Deserialize)]
struct InputRequired<'a> {
    #[serde(default, rename = "inputRequests", borrow)]
    requests: BTreeMap<String, &'a RawValue>,
    #[serde(default, rename = "requestState", borrow)]
    state: Option<&'a RawValue>,
}

/// One thing that the client is asked.
#[derive(Deserialize)]
pub(super) struct Question<'a> {
    pub(super) method: String,
    #[serde(default, borrow)]
    params: Option<&'a RawValue>,
}

impl Question<'_> {
    /// The request that puts it to the client, as JSON text.
    pub(super) fn request(&self, id: &Id) -> Bytes {
        let method = serde_json::Value::from(&*self.method);
        let params = self.params.map(|params| format!(r#","params":{params}"#));
        let params = params.unwrap_or_default();
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method}{params}}}"#).into()
    }
}

impl Rounds {
    /// Sends the first round, and gives what comes of all.
    pub(super) async fn start(
        shared: &Arc<Shared>,
        request: &Request,
        headers: ForwardHeaders,
        ends: Ends,
    ) -> Result<Reply, Error> {
        let Some(id) = request.id().cloned() else {
            return Err(fault::protocol("a request has an id"));
        };
        let mut rounds = Self {
            shared: Arc::clone(shared),
            request: request.clone(),
            id,
            headers,
            frames: None,
            asked: Vec::new(),
            questions: Vec::new(),
            state: None,
            rounds: 1,
            ends,
        };
        let first = shared.outgoing(request, ends);
        let reply = shared.inner.request(&first, &rounds.headers).await?;
        match reply.body() {
            Body::Complete(bytes) => {
                let bytes = bytes.clone();
                if let Some(answer) = rounds.read(bytes)? {
                    return Ok(reply.map_body(|_| Body::Complete(answer)));
                }
            }
            Body::Stream(_) | Body::Empty => rounds.frames = stream_of(reply),
        }
        Ok(Reply::stream(rounds.into_stream()))
    }

    fn into_stream(self) -> Frames {
        Frames::new(unfold(Some(self), |rounds| async move {
            let mut rounds = rounds?;
            match rounds.next().await {
                Ok(Some((frame, true))) => Some((Ok(frame), None)),
                Ok(Some((frame, false))) => Some((Ok(frame), Some(rounds))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    /// The next frame, and whether it is the last.
    async fn next(&mut self) -> Result<Option<(Frame, bool)>, Error> {
        loop {
            if let Some(question) = self.questions.pop() {
                return Ok(Some((Frame::new(question), false)));
            }
            let Some(frames) = &mut self.frames else {
                match self.come_back().await? {
                    Some(answer) => return Ok(Some((Frame::new(answer), true))),
                    None => continue,
                }
            };
            let Some(frame) = frames.next().await else {
                return Err(fault::protocol("the stream ended before the answer"));
            };
            let frame = frame?;
            if !is_response(&frame) {
                return Ok(Some((frame, false)));
            }
            self.frames = None;
            if let Some(answer) = self.read(frame.data().clone())? {
                return Ok(Some((frame.with_data(answer), true)));
            }
        }
    }

    /// The answer as the client gets it; none where the module asks first.
    fn read(&mut self, bytes: Bytes) -> Result<Option<Bytes>, Error> {
        let Ok(Message::Response(response)) = Message::parse(bytes.clone()) else {
            return Err(fault::protocol("there is no answer"));
        };
        let method = self.request.method();
        let asks = may_ask(method) && is_input_required(&response);
        let Some(result) = response.result_json().filter(|_| asks) else {
            let ours = match response.id() == Some(&self.id) {
                true => bytes,
                false => response.with_id(&self.id),
            };
            return Ok(Some(self.answer(ours)));
        };
        let asked: InputRequired<'_> = serde_json::from_slice(result).map_err(fault::protocol)?;
        if asked.requests.is_empty() && asked.state.is_none() {
            return Err(fault::protocol("a result that asks for nothing"));
        }
        let (rounds, questions) = ROUNDS;
        if self.rounds >= rounds || asked.requests.len() > questions {
            return Err(fault::protocol("the module asks too much"));
        }
        self.state = asked.state.map(|state| state.get().to_owned());
        for (key, question) in asked.requests {
            let question: Question<'_> =
                serde_json::from_str(question.get()).map_err(fault::protocol)?;
            if !self.shared.abilities.allow(&question.method) {
                return Ok(Some(self.unable(&question.method)));
            }
            self.ask(key, &question);
        }
        Ok(None)
    }

    /// An answer as the client gets it. One that says that it is a task stays, for who follows
    /// that; a list of tools says that each can be asked for as one.
    fn answer(&self, bytes: Bytes) -> Bytes {
        let method = self.request.method();
        let Ok(Message::Response(response)) = Message::parse(bytes.clone()) else {
            return bytes;
        };
        if self.ends == Ends::OrTask && tasks::is_made(&response) {
            return bytes;
        }
        if self.shared.has_tasks && *method == Method::ToolsList {
            return incoming(tasks::with_support(&response), method);
        }
        incoming(bytes, method)
    }

    fn ask(&mut self, key: String, question: &Question<'_>) {
        let id = self.shared.mint();
        self.asked.push((key, self.shared.ask(&id)));
        self.questions.push(question.request(&id));
    }

    /// The error where a module needs of its client what that never said it can.
    fn unable(&mut self, method: &str) -> Bytes {
        self.asked.clear();
        self.questions.clear();
        let (text, data) = unable(method);
        error_response(Some(&self.id), -32021, text, data.as_deref())
    }

    /// Waits for the client, and goes back to the module with what it said. Gives the answer
    /// where it is there already.
    async fn come_back(&mut self) -> Result<Option<Bytes>, Error> {
        if self.asked.is_empty() {
            sleep(AGAIN).await;
        }
        let mut answers = Vec::new();
        for (key, asked) in std::mem::take(&mut self.asked) {
            let answer = answer(asked).await?;
            let Some(result) = answer.result_json() else {
                return Err(declined(&answer));
            };
            let key = serde_json::Value::from(key);
            answers.push(format!("{key}:{}", String::from_utf8_lossy(result)));
        }
        let mut next = self.shared.outgoing(&self.request, self.ends);
        if !answers.is_empty() {
            let answers = format!("{{{}}}", answers.join(","));
            next = edit::with_param(&next, "inputResponses", &answers);
        }
        if let Some(state) = self.state.take() {
            next = edit::with_param(&next, "requestState", &state);
        }
        self.rounds += 1;
        let next = next.with_id(&self.shared.mint());
        let reply = self.shared.inner.request(&next, &self.headers).await?;
        match reply.body() {
            Body::Complete(bytes) => self.read(bytes.clone()),
            Body::Stream(_) | Body::Empty => {
                self.frames = stream_of(reply);
                Ok(None)
            }
        }
    }
}

/// The client's answer, once it is there.
pub(super) async fn answer(mut asked: Asked) -> Result<Response, Error> {
    let answer = timeout(ANSWERS, &mut asked.answer).await;
    answer.map_err(|_| late())?.map_err(|_| late())
}

/// The text and the data of the error where the client cannot be asked this.
pub(super) fn unable(method: &str) -> (&'static str, Option<String>) {
    let data = ability(method)
        .map(|ability| format!(r#"{{"requiredCapabilities":{{"{ability}":{{}}}}}}"#));
    let text = "the module needs a capability that the client did not declare";
    (text, data)
}

fn stream_of(reply: Reply) -> Option<Frames> {
    match reply.into_body() {
        Body::Stream(frames) => Some(frames),
        Body::Complete(_) | Body::Empty => None,
    }
}

fn is_response(frame: &Frame) -> bool {
    matches!(
        Message::parse(frame.data().clone()),
        Ok(Message::Response(_))
    )
}

fn is_input_required(response: &Response) -> bool {
    #[derive(Deserialize)]
    struct Result {
        #[serde(rename = "resultType")]
        kind: String,
    }
    let result = response.result_json().unwrap_or_default();
    serde_json::from_slice::<Result>(result).is_ok_and(|Result { kind }| kind == "input_required")
}

fn late() -> Error {
    Error::new(
        ErrorKind::TimedOut,
        "the client did not answer what the module asked",
    )
}

pub(super) fn declined(answer: &Response) -> Error {
    let said = String::from_utf8_lossy(answer.error_json().unwrap_or_default()).into_owned();
    Error::new(
        ErrorKind::InvalidRequest,
        "the client refused what the module asked",
    )
    .with_source(said)
}
