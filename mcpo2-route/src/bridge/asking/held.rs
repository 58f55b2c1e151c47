use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, future::pending, stream};
use mcpo2_core::{
    Error, Frame, Frames, Message, Method, Request, Response, message::error_response,
};
use serde_json::value::RawValue;
use tokio::{
    runtime::Handle,
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep, timeout},
};

use super::pool::{Line, Pool};
use crate::{
    bridge::{
        self,
        caller::{Back, Caller, may_ask},
        level::Level,
        question::Question,
    },
    upstream::{ForwardHeaders, fault, mint::Outgoing, own},
};

/// How many questions of one call may be open at once, and how many it may ask in all.
const QUESTIONS: (usize, usize) = (16, 64);

/// After so many that were refused, a module is not listened to any more.
const REFUSALS: usize = 64;

/// What a module asks at once comes within this time.
const TOGETHER: Duration = Duration::from_millis(50);

/// A module that hears that its call is cancelled has this long to end it.
const GRACE: Duration = Duration::from_secs(2);

/// How often the rest of a stream that broke off is asked for, and how long before.
const RESUME: (u32, Duration) = (5, Duration::from_secs(1));

/// A call on a link of its own. Dropped before its end, it is cancelled.
pub(super) struct Held {
    running: Option<Running>,
    out: Option<Outgoing>,
    method: Method,
    level: Option<Level>,
    questions: Vec<Question>,
    counts: Counts,
    /// The first question of a round waits until here for others.
    together: Option<Instant>,
    rest: Rest,
}

struct Running {
    pool: Arc<Pool>,
    line: Line,
    frames: Frames,
    place: OwnedSemaphorePermit,
    until: Instant,
}

#[derive(Default)]
struct Counts {
    asked: usize,
    refused: usize,
}

/// Where to go on when the stream breaks off.
#[derive(Default)]
struct Rest {
    after: Option<Box<str>>,
    retry: Option<Duration>,
    attempts: u32,
}

/// What comes next of a call.
pub(super) enum Next {
    /// A message on the way.
    Said(Bytes),
    /// The answer.
    Answered(Bytes),
    /// The module waits for answers.
    Waits,
}

impl Held {
    /// Sends a request over a link that nobody else uses.
    pub(super) fn start(
        (pool, line, place): (&Arc<Pool>, Line, OwnedSemaphorePermit),
        request: &Request,
        headers: &ForwardHeaders,
        (caller, time): (&Caller, Duration),
    ) -> Result<Self, Error> {
        let out = line.mint.outgoing(request);
        let out = out.ok_or_else(|| fault::protocol("a request has an id"))?;
        let (link, sent, headers) = (Arc::clone(&line.link), out.sent().clone(), headers.clone());
        let reply = async move { link.request(&sent, &headers).await.map(bridge::frames) };
        let running = Running {
            pool: Arc::clone(pool),
            line,
            frames: Frames::new(stream::once(reply).try_flatten()),
            place,
            until: Instant::now() + time,
        };
        Ok(Self {
            running: Some(running),
            out: Some(out),
            method: caller.method.clone(),
            level: caller.level,
            questions: Vec::new(),
            counts: Counts::default(),
            together: None,
            rest: Rest::default(),
        })
    }

    /// When it has to be over.
    pub(super) fn until(&self) -> Instant {
        let running = self.running.as_ref();
        running.map_or_else(Instant::now, |running| running.until)
    }

    /// Whether the link was used before, and ended while nobody looked.
    pub(super) fn found_its_link_ended(&self) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| !running.line.is_fresh && !running.line.link.is_open())
    }

    /// Goes on for a client that has come back, with what it brought.
    pub(super) async fn go_on(
        &mut self,
        request: &Request,
        caller: &Caller,
        back: &Back,
    ) -> Result<(), Error> {
        self.out = self.out.take().map(|out| out.again(request));
        self.level = caller.level;
        let answered = |question: &Question| answer(back, &question.key);
        let (given, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.questions)
            .into_iter()
            .partition(|question| answered(question).is_some());
        self.questions = open;
        for question in &given {
            let Some(answer) = answered(question) else {
                continue;
            };
            let id = &question.id;
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{answer}}}"#);
            self.send(text.into()).await?;
        }
        // Those without an answer are asked again, at once.
        self.together = (!self.questions.is_empty()).then(Instant::now);
        Ok(())
    }

    /// The questions, as the client has to see them.
    pub(super) fn input_required(&self, state: &str) -> Bytes {
        let id = self
            .out
            .as_ref()
            .map_or("null", |out| out.original().as_json());
        let asked = Question::all(&self.questions);
        let state = serde_json::Value::from(state);
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"input_required","inputRequests":{asked},"requestState":{state}}}}}"#
        )
        .into()
    }

    /// What comes next. After an answer or an error nothing does.
    pub(super) async fn next(&mut self) -> Result<Next, Error> {
        loop {
            let frame = match self.together {
                Some(until) => match tokio::time::timeout_at(until, self.frame()).await {
                    Ok(frame) => frame?,
                    Err(_) if self.questions.is_empty() => {
                        self.together = None;
                        continue;
                    }
                    Err(_) => {
                        self.together = None;
                        return Ok(Next::Waits);
                    }
                },
                None => self.frame().await?,
            };
            match Message::parse(frame.data().clone()) {
                Ok(Message::Response(response)) => {
                    if let Some(answer) = self.answer(&response) {
                        self.end().await;
                        return Ok(Next::Answered(answer));
                    }
                }
                Ok(Message::Request(request)) if request.id().is_some() => {
                    self.question(&request).await?;
                }
                Ok(Message::Request(notification)) => {
                    if let Some(said) = self.notification(&notification) {
                        return Ok(Next::Said(said));
                    }
                }
                Err(_) => {}
            }
        }
    }

    /// The next frame, of the request's own stream or of what is said outside.
    async fn frame(&mut self) -> Result<Frame, Error> {
        loop {
            let Some(Running { line, frames, .. }) = &mut self.running else {
                return Err(fault::unavailable("the call has ended"));
            };
            let outside = async {
                match &mut line.outside {
                    Some(outside) => outside.next().await,
                    None => pending().await,
                }
            };
            let frame = tokio::select! {
                biased;
                frame = frames.next() => match frame {
                    Some(frame) => frame?,
                    None => {
                        self.resume().await?;
                        continue;
                    }
                },
                frame = outside => match frame {
                    Some(Ok(frame)) => frame,
                    Some(Err(_)) | None => {
                        line.outside = None;
                        continue;
                    }
                },
            };
            if let Some(event) = frame.event_id() {
                self.rest.after = Some(event.into());
                self.rest.attempts = 0;
            }
            if let Some(retry) = frame.retry_ms() {
                self.rest.retry = Some(Duration::from_millis(retry).min(GRACE * 15));
            }
            return Ok(frame);
        }
    }

    /// A module may end the stream and have the rest asked for.
    async fn resume(&mut self) -> Result<(), Error> {
        let broken = || fault::protocol("the stream ended before the answer");
        let (after, running) = (self.rest.after.clone(), &mut self.running);
        let (Some(after), Some(running)) = (after, running) else {
            return Err(broken());
        };
        self.rest.attempts += 1;
        if self.rest.attempts > RESUME.0 {
            return Err(broken());
        }
        sleep(self.rest.retry.unwrap_or(RESUME.1)).await;
        let frames = running.line.link.listen(Some(&after)).await?;
        running.frames = frames.ok_or_else(broken)?;
        Ok(())
    }

    fn answer(&self, response: &Response) -> Option<Bytes> {
        let out = self.out.as_ref()?;
        let ours = response.id().is_none() || out.is_answered_by(response);
        ours.then(|| bridge::stateless(out.response(response), &self.method))
    }

    async fn question(&mut self, request: &Request) -> Result<(), Error> {
        let (open, all) = QUESTIONS;
        let may = self.running.as_ref().is_some_and(|running| {
            let abilities = &running.line.key.abilities;
            may_ask(&self.method) && abilities.allow(request.method().as_str())
        });
        let full = self.questions.len() >= open || self.counts.asked >= all;
        let question = Question::of(self.counts.asked + 1, request);
        let Some(question) = question.filter(|_| may && !full) else {
            self.counts.refused += 1;
            if self.counts.refused > REFUSALS {
                return Err(fault::protocol("the module asks too much"));
            }
            return match refusal(request, may) {
                Some(refusal) => self.send(refusal).await,
                None => Ok(()),
            };
        };
        self.counts.asked += 1;
        self.questions.push(question);
        self.together
            .get_or_insert_with(|| Instant::now() + TOGETHER);
        Ok(())
    }

    fn notification(&mut self, notification: &Request) -> Option<Bytes> {
        let out = self.out.as_ref()?;
        match notification.method() {
            Method::Progress => out.reports(notification),
            Method::LogMessage => {
                let level = Level::of(notification.params()).ok()?;
                let wanted = self.level.is_some_and(|least| level >= least);
                wanted.then(|| notification.bytes().clone())
            }
            Method::Cancelled => {
                let taken_back = bridge::cancelled_id(notification)?;
                self.questions
                    .retain(|question| question.id.as_json() != taken_back);
                None
            }
            // What has changed is said to who subscribes to it.
            method if bridge::is_change(method) => None,
            _ => Some(notification.bytes().clone()),
        }
    }

    async fn send(&mut self, message: Bytes) -> Result<(), Error> {
        match &mut self.running {
            Some(running) => running.line.link.send(message).await,
            None => Ok(()),
        }
    }

    /// The module has answered: the link is for the next.
    async fn end(&mut self) {
        let ended = "the request that this was asked for has ended";
        for question in std::mem::take(&mut self.questions) {
            let told = error_response(Some(&question.id), -32603, ended, None);
            if self.send(told).await.is_err() {
                break;
            }
        }
        if let Some(Running { pool, line, .. }) = self.running.take()
            && line.link.is_open()
        {
            pool.keep(line);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some(running), Some(out)) = (self.running.take(), self.out.take()) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let Running {
                pool,
                line,
                mut frames,
                place,
                ..
            } = running;
            let told = line.link.send(own::cancelled(out.id())).await;
            let answered = async {
                while let Some(Ok(frame)) = frames.next().await {
                    match Message::parse(frame.data().clone()) {
                        Ok(Message::Response(response)) if out.is_answered_by(&response) => {
                            return true;
                        }
                        _ => {}
                    }
                }
                false
            };
            match told.is_ok() && timeout(GRACE, answered).await == Ok(true) {
                true => pool.keep(line),
                false => line.link.close().await,
            }
            drop(place);
        });
    }
}

/// What a client said to a question; what is no object is no answer.
fn answer<'a>(back: &'a Back, key: &str) -> Option<&'a str> {
    let answer = back.answers.get(key).map(|answer| RawValue::get(answer));
    answer.filter(|answer| answer.starts_with('{'))
}

/// The refusal of a request that a module made where nobody can be asked.
pub(super) fn refusal_of(message: &Bytes) -> Option<Bytes> {
    match Message::parse(message.clone()) {
        Ok(Message::Request(request)) => refusal(&request, false),
        Ok(Message::Response(_)) | Err(_) => None,
    }
}

fn refusal(request: &Request, is_able: bool) -> Option<Bytes> {
    let id = request.id()?;
    Some(match is_able {
        true => error_response(Some(id), -32603, "too many requests at once", None),
        false => own::refusal(request),
    })
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held")
            .field("method", &self.method)
            .field("questions", &self.questions.len())
            .finish_non_exhaustive()
    }
}
