use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream::unfold;
use http::{Method, StatusCode};
use mcpo2_core::{Error, ErrorKind, Frame, Message, Method::Progress, Request, Response};
use tokio::time::{Instant, sleep, timeout};

use super::{
    decode::Content,
    head::{self, EVENTS},
    session::{Call, Kind, Session},
    sse::{SseDecoder, SseEvent},
    wire::{Body, Pace},
};
use crate::upstream::{Noise, fault, own};

/// How often the rest of a stream is asked for before something of it comes.
const ATTEMPTS: u32 = 5;

/// The time before that where the module names none, and the longest that it may name.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How many bytes, and how long, the rest of a stream may take that was answered.
const REST: (usize, Duration) = (64 * 1024, Duration::from_secs(1));

/// The messages of an event stream.
pub(super) struct Events {
    source: Source,
    /// None once nothing more of it counts.
    body: Option<Body>,
    decoder: SseDecoder,
    waiting: VecDeque<SseEvent>,
    resume: Resume,
    began: Instant,
}

/// Where to go on when the stream breaks off.
#[derive(Debug, Default)]
struct Resume {
    after: Option<Box<str>>,
    retry: Option<Duration>,
    attempts: u32,
}

/// What a stream belongs to.
enum Source {
    Call(Box<Call>),
    Outside(Arc<Session>),
}

impl Events {
    /// The stream that answers a request, and ends with the response.
    pub(super) fn answer(call: Call, mut body: Body) -> Self {
        if call.out.is_endless() {
            body.pace = body.pace.endless();
        }
        Self::new(Source::Call(Box::new(call)), body)
    }

    /// The stream of what the module says outside any request.
    pub(super) fn outside(session: Arc<Session>, body: Body) -> Self {
        Self::new(Source::Outside(session), body)
    }

    fn new(source: Source, body: Body) -> Self {
        let max = source.session().wire.limits.response_bytes;
        Self {
            source,
            body: Some(body),
            decoder: SseDecoder::new(max),
            waiting: VecDeque::new(),
            resume: Resume::default(),
            began: Instant::now(),
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Frame, Error>> + Send + 'static {
        unfold(self, |mut events| async move {
            let next = events.next().await?;
            Some((next, events))
        })
    }

    async fn next(&mut self) -> Option<Result<Frame, Error>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                if let Some(frame) = self.read(event).await {
                    return Some(Ok(frame));
                }
                continue;
            }
            let endless = self.source.is_endless();
            let body = self.body.as_mut()?;
            if endless {
                body.left = usize::MAX;
            }
            let broken = match body.chunk().await {
                Ok(Some(chunk)) => match self.decoder.push(&chunk) {
                    Ok(events) => {
                        self.waiting.extend(events);
                        continue;
                    }
                    Err(error) => return Some(Err(self.end(fault::too_large(error)))),
                },
                Ok(None) if self.may_end() => {
                    self.body = None;
                    return None;
                }
                Ok(None) => fault::broken("the stream ended before the answer"),
                Err(error) if error.kind() == ErrorKind::Upstream => error,
                Err(error) if self.is_excused(&error) => continue,
                Err(error) => return Some(Err(self.end(error))),
            };
            // INVARIANT: what seldom happens is boxed, so that a stream on which nothing is said is
            // small: there may be one for each client.
            if let Some(error) = Box::pin(self.go_on(broken)).await {
                return Some(Err(error));
            }
        }
    }

    /// Whether the end of the body may be the end of the stream: outside of requests, and where
    /// the client comes back for the rest itself.
    fn may_end(&self) -> bool {
        match &self.source {
            Source::Outside(_) => true,
            Source::Call(call) => call.session.kind == Kind::Private && self.resume.after.is_some(),
        }
    }

    /// Whether the module is silent since it waits for its client.
    fn is_excused(&self, error: &Error) -> bool {
        let session = self.source.session();
        let limits = &session.wire.limits;
        error.kind() == ErrorKind::TimedOut
            && self.began.elapsed() < limits.total
            && session.questions.excuse(limits.idle)
    }

    fn end(&mut self, error: Error) -> Error {
        self.body = None;
        match &mut self.source {
            Source::Call(call) => call.give_up(error),
            Source::Outside(_) => error,
        }
    }

    /// Nothing more counts. The end of the body is read all the same, if it comes soon: the
    /// connection serves others then.
    fn answered(&mut self) {
        self.waiting.clear();
        let Some(mut body) = self.body.take() else {
            return;
        };
        body.left = body.left.min(REST.0);
        tokio::spawn(async move {
            let rest = async { while let Ok(Some(_)) = body.chunk().await {} };
            timeout(REST.1, rest).await.ok();
        });
    }

    /// The frame that an event is, where it is one for the client.
    async fn read(&mut self, event: SseEvent) -> Option<Frame> {
        self.resume.attempts = 0;
        if let Some(id) = &event.id {
            self.resume.after = (!id.is_empty()).then(|| id.clone());
        }
        if let Some(retry) = event.retry_ms {
            self.resume.retry = Some(Duration::from_millis(retry).min(RETRY.1));
        }
        let data = match event.data.is_empty() {
            true => Bytes::new(),
            false => self.message(event.data).await?,
        };
        // The gateway's own session is resumed by the gateway itself.
        if self.source.session().kind == Kind::Shared {
            return (!data.is_empty()).then(|| Frame::new(data));
        }
        let mut frame = Frame::new(data);
        if let Some(id) = event.id {
            frame = frame.with_event_id(id);
        }
        if let Some(retry) = event.retry_ms {
            frame = frame.with_retry_ms(retry);
        }
        Some(frame)
    }

    async fn message(&mut self, data: Bytes) -> Option<Bytes> {
        match Message::parse(data) {
            Ok(Message::Response(response)) => self.response(&response),
            Ok(Message::Request(request)) if request.id().is_some() => self.reverse(&request).await,
            Ok(Message::Request(notification)) => self.notification(&notification),
            Err(error) => {
                self.heard(Noise::NoMessage);
                tracing::warn!(
                    code = error.code(),
                    "an event of the module is no message, dropped"
                );
                None
            }
        }
    }

    fn notification(&self, notification: &Request) -> Option<Bytes> {
        match &self.source {
            Source::Call(call)
                if *notification.method() == Progress && !call.out.takes(notification) =>
            {
                self.heard(Noise::Progress);
                tracing::warn!("progress of the module is of no call, or goes back, dropped");
                None
            }
            Source::Call(call) => Some(call.out.notification(notification)),
            // Its token is one of the gateway's own, or of nobody.
            Source::Outside(session)
                if session.kind == Kind::Shared && *notification.method() == Progress =>
            {
                self.heard(Noise::Progress);
                None
            }
            Source::Outside(_) => Some(notification.bytes().clone()),
        }
    }

    fn response(&mut self, response: &Response) -> Option<Bytes> {
        match &mut self.source {
            Source::Call(call) if response.id().is_none() || call.out.is_answered_by(response) => {
                call.ended = true;
                let answer = call.out.response(response);
                self.answered();
                Some(answer)
            }
            // The rest of a stream that the client resumes.
            Source::Outside(session) if session.kind == Kind::Private => {
                Some(response.bytes().clone())
            }
            _ => {
                self.heard(Noise::Answer);
                tracing::warn!("an answer of the module is to another request, dropped");
                None
            }
        }
    }

    /// A request of the module to its client, of whom only a private session has one.
    async fn reverse(&self, request: &Request) -> Option<Bytes> {
        let session = self.source.session();
        if session.kind == Kind::Private {
            session.questions.asked();
            return Some(request.bytes().clone());
        }
        self.heard(Noise::Question);
        match session.kind {
            Kind::Shared => {
                let refused = Box::pin(session.post(own::refusal(request), None));
                if let Err(error) = refused.await {
                    tracing::warn!(%error, "a request of the module could not be refused");
                }
            }
            _ => tracing::warn!("a stateless module asks its client, dropped"),
        }
        None
    }

    fn heard(&self, noise: Noise) {
        self.source.session().wire.noise.heard(noise);
    }

    /// Asks for the rest of a stream that broke off, where nobody else will; else gives the error.
    async fn go_on(&mut self, error: Error) -> Option<Error> {
        let shared =
            matches!(&self.source, Source::Call(call) if call.session.kind == Kind::Shared);
        let Some(after) = self.resume.after.clone().filter(|_| shared) else {
            return Some(self.end(error));
        };
        let Some(mut body) = self.body.take() else {
            return Some(error);
        };
        while self.resume.attempts < ATTEMPTS {
            self.resume.attempts += 1;
            let wait = sleep(self.resume.retry.unwrap_or(RETRY.0));
            if let Err(late) = body.pace.limit(wait).await {
                return Some(self.end(late));
            }
            match events(self.source.session(), Some(&after), &body.pace).await {
                Ok(Some(rest)) => {
                    body.content = rest;
                    self.body = Some(body);
                    self.decoder =
                        SseDecoder::new(self.source.session().wire.limits.response_bytes);
                    return None;
                }
                Ok(None) => break,
                Err(error) => tracing::debug!(%error, "the rest of a stream is not there yet"),
            }
        }
        Some(error)
    }
}

impl Source {
    fn session(&self) -> &Arc<Session> {
        match self {
            Self::Call(call) => &call.session,
            Self::Outside(session) => session,
        }
    }

    fn is_endless(&self) -> bool {
        match self {
            Self::Call(call) => call.out.is_endless(),
            Self::Outside(_) => true,
        }
    }
}

/// Asks for the stream outside any request, or the rest of another; none where there is no such.
pub(super) async fn events(
    session: &Session,
    after: Option<&str>,
    pace: &Pace,
) -> Result<Option<Content>, Error> {
    let head = session.head.get(after);
    let response = session
        .wire
        .send(Method::GET, head, Bytes::new(), pace)
        .await?;
    let status = response.status();
    match status {
        StatusCode::OK if head::is_type(response.headers(), EVENTS) => {
            Ok(Some(response.into_body()))
        }
        StatusCode::OK => Err(fault::protocol("the stream is none of events")),
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Ok(None),
        status if session.is_lost(status) => Err(fault::unavailable("the session ended")),
        StatusCode::NOT_FOUND => Ok(None),
        status => Err(super::answer::refused(status)),
    }
}
