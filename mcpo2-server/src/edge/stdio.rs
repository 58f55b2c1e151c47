//! The stdio edge: JSON lines on the standard streams of the process.
//!
//! Whoever started the process is the caller. It begins with `initialize`, and has a session from
//! there on; or each of its requests carries its own revision.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use mcpo2_audit::Source;
use mcpo2_core::{
    Body, Call, Error, Frames, Id, Message, Meta, Method, Principal, ProtocolVersion, Reply,
    Request,
};
use mcpo2_route::{Session, upstream::line::LineDecoder};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};
use tokio_util::{codec::FramedRead, sync::CancellationToken, task::AbortOnDropHandle};

use super::{Edge, begin, stands};
use crate::{
    admission::Shed,
    refusal::Refusal,
    respond::{Asker, error_message},
};

/// Messages that wait to be written; a client that does not read stops the rest.
const WAITING: usize = 256;

/// Calls under way, of which most wait.
const CALLS: usize = 1024;

/// Serves one client until its input ends, or until the shutdown begins.
pub(crate) async fn serve(
    edge: Edge,
    (principal, source): (Arc<Principal>, Source),
    (input, output): (
        impl AsyncRead + Unpin,
        impl AsyncWrite + Unpin + Send + 'static,
    ),
    max_line: usize,
    closing: CancellationToken,
) {
    let (out, lines) = mpsc::channel(WAITING);
    let writer = tokio::spawn(write(output, lines));
    let client = Client {
        edge,
        principal,
        source,
        out,
        state: Arc::default(),
    };
    tokio::select! {
        () = client.clone().read(input, max_line) => {}
        () = client.follow() => {}
        () = closing.cancelled() => {}
    }
    let session = client.state().session.take();
    if let Some(session) = session {
        session.close().await;
    }
    drop(client);
    let _ = writer.await;
}

/// The client on the other end.
#[derive(Clone)]
struct Client {
    edge: Edge,
    principal: Arc<Principal>,
    source: Source,
    out: mpsc::Sender<Bytes>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    running: HashMap<Id, AbortHandle>,
    listening: Option<AbortOnDropHandle<()>>,
}

impl Client {
    /// Takes from the session what a reload took away.
    async fn follow(&self) {
        let mut changes = self.edge.changes();
        while changes.changed().await.is_ok() {
            let session = self.state().session.clone();
            if let Some(session) = session {
                session.follow(self.edge.now().registry());
            }
        }
    }

    async fn read(self, input: impl AsyncRead + Unpin, max_line: usize) {
        let mut lines = FramedRead::new(input, LineDecoder::new(max_line));
        let mut tasks = JoinSet::new();
        while let Some(line) = lines.next().await {
            let Ok(line) = line else {
                let refusal = Refusal::invalid("line_too_long", "the line is too long");
                self.refuse(&refusal, max_line).await;
                break;
            };
            self.take(line, &mut tasks).await;
            while tasks.try_join_next().is_some() {}
        }
        // What was asked before the input ended is still answered; what never ends is not.
        self.state().listening.take();
        while tasks.join_next().await.is_some() {}
    }

    async fn take(&self, line: Bytes, tasks: &mut JoinSet<()>) {
        let length = line.len();
        let message = match Message::parse(line) {
            Ok(message) => message,
            Err(error) => return self.refuse(&Refusal::parse(&error), length).await,
        };
        match message {
            Message::Response(response) => {
                let session = self.state().session.clone();
                let taken = match session {
                    Some(session) => session.respond(&response).await.is_ok(),
                    None => false,
                };
                if !taken {
                    let refusal =
                        Refusal::invalid("response_to_nobody", "a response to no request");
                    self.record(&refusal, length);
                }
            }
            Message::Request(request) if *request.method() == Method::Initialize => {
                self.initialize(request, length).await;
            }
            // Who sends on and reads nothing must not gather calls here: saying so waits for the
            // client to read.
            Message::Request(request) if tasks.len() >= CALLS => {
                let refusal = Refusal::shed(Shed::Capacity).with_id(request.id());
                self.edge.gate().count(Shed::Capacity);
                match request.id() {
                    Some(_) => self.refuse(&refusal, length).await,
                    None => self.record(&refusal, length),
                }
            }
            Message::Request(request) => match self.call(request) {
                Ok(call) => self.start(call, tasks),
                Err(refusal) => self.refuse(&refusal, length).await,
            },
        }
    }

    /// The call that a request is: in the session if there is one, else in its own revision.
    fn call(&self, request: Request) -> Result<Call, Refusal> {
        let id = request.id().cloned();
        let claimed = Meta::text(request.meta().protocol_version());
        let session = self.state().session.clone();
        let version = match (&claimed, &session) {
            (None, Some(session)) => session.version(),
            (None, None) if request.id().is_none() => ProtocolVersion::LATEST,
            (None, None) => {
                let text = "`_meta` says no `io.modelcontextprotocol/protocolVersion`";
                return Err(Refusal::new(
                    http::StatusCode::BAD_REQUEST,
                    -32602,
                    "metadata_missing",
                    text,
                )
                .with_id(id.as_ref()));
            }
            (Some(claimed), _) => match claimed.parse::<ProtocolVersion>() {
                Ok(version) if version.is_stateless() => version,
                _ => return Err(unsupported(claimed).with_id(id.as_ref())),
            },
        };
        let mut call = Call::new(request, Arc::clone(&self.principal)).with_version(version);
        call.extensions_mut().insert(self.source.clone());
        if let Some(session) = session.filter(|_| !version.is_stateless()) {
            call.extensions_mut().insert(session);
        }
        Ok(call)
    }

    async fn initialize(&self, request: Request, length: usize) {
        let session = match begin(&request, &self.principal) {
            Ok(session) if self.state().session.is_none() && request.id().is_some() => session,
            Ok(_) => {
                let refusal = Refusal::invalid("invalid_request", "the session has begun already");
                return self.refuse(&refusal.with_id(request.id()), length).await;
            }
            Err(refusal) => return self.refuse(&refusal, length).await,
        };
        let mut call =
            Call::new(request, Arc::clone(&self.principal)).with_version(session.version());
        call.extensions_mut().insert(self.source.clone());
        call.extensions_mut().insert(Arc::clone(&session));
        let asker = Asker::new(call.request(), session.version());
        let reply = self.edge.now().run(call).await;
        if reply.as_ref().is_ok_and(stands) {
            self.state().session = Some(Arc::clone(&session));
        } else {
            session.close().await;
        }
        self.answer(reply, &asker).await;
        if let Ok(Some(frames)) = session.listen(None).await {
            let frames = self.edge.outside(frames);
            let client = self.clone();
            let listening = tokio::spawn(async move { client.pass(frames, None).await });
            self.state().listening = Some(AbortOnDropHandle::new(listening));
        }
    }

    fn start(&self, call: Call, tasks: &mut JoinSet<()>) {
        if *call.method() == Method::Cancelled {
            self.cancel(&call);
        }
        let asker = Asker::new(call.request(), call.version());
        let client = self.clone();
        let id = asker.id.clone();
        let task = tasks.spawn(async move {
            let reply = client.edge.now().run(call).await;
            client.answer(reply, &asker).await;
            if let Some(id) = &asker.id {
                client.state().running.remove(id);
            }
        });
        if let Some(id) = id {
            let mut state = self.state();
            if !task.is_finished() {
                state.running.insert(id, task);
            }
        }
    }

    /// Without a session, what is cancelled is dropped, and so is the work behind it. In a session
    /// the module is told, and may still answer.
    fn cancel(&self, notification: &Call) {
        let params: serde_json::Value = notification
            .request()
            .params()
            .and_then(|params| serde_json::from_slice(params).ok())
            .unwrap_or_default();
        let Some(wanted) = params.get("requestId").map(ToString::to_string) else {
            return;
        };
        let mut state = self.state();
        if state.session.is_some() {
            return;
        }
        let id = state
            .running
            .keys()
            .find(|id| id.as_json() == wanted)
            .cloned();
        if let Some(task) = id.and_then(|id| state.running.remove(&id)) {
            task.abort();
        }
    }

    async fn answer(&self, reply: Result<Reply, Error>, asker: &Asker) {
        match reply.map(Reply::into_body) {
            Ok(Body::Complete(bytes)) => self.say(bytes).await,
            Ok(Body::Stream(frames)) => self.pass(frames, Some(asker)).await,
            Ok(Body::Empty) => {}
            Err(error) if asker.id.is_some() => self.say(error_message(&error, asker)).await,
            Err(_) => {}
        }
    }

    async fn pass(&self, mut frames: Frames, asker: Option<&Asker>) {
        while let Some(frame) = frames.next().await {
            match (frame, asker) {
                (Ok(frame), _) if frame.data().is_empty() => {}
                (Ok(frame), _) => self.say(frame.data().clone()).await,
                (Err(error), Some(asker)) => return self.say(error_message(&error, asker)).await,
                (Err(_), None) => return,
            }
        }
    }

    async fn refuse(&self, refusal: &Refusal, length: usize) {
        self.record(refusal, length);
        self.say(refusal.to_message()).await;
    }

    fn record(&self, refusal: &Refusal, length: usize) {
        self.edge
            .refused(refusal, self.source.clone(), Some(&self.principal), length);
    }

    async fn say(&self, message: Bytes) {
        // Nobody reads any more, so there is nobody to tell.
        let _ = self.out.send(message).await;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One message a line. A message that holds line breaks, which can only stand between its tokens,
/// gets spaces in their place.
async fn write(mut output: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<Bytes>) {
    while let Some(line) = lines.recv().await {
        let mut line = line.to_vec();
        line.iter_mut()
            .filter(|byte| matches!(byte, b'\n' | b'\r'))
            .for_each(|byte| *byte = b' ');
        line.push(b'\n');
        if output.write_all(&line).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}

fn unsupported(version: &str) -> Refusal {
    let supported = ProtocolVersion::ALL.map(ProtocolVersion::as_str);
    let data = serde_json::json!({ "supported": supported, "requested": version }).to_string();
    let status = http::StatusCode::BAD_REQUEST;
    Refusal::new(
        status,
        -32022,
        "unsupported_version",
        "unsupported protocol version",
    )
    .with_data(data)
}
