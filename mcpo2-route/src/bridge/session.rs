//! A link without sessions as one session of a client sees it.

mod listening;
mod rounds;
mod tasks;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, future::Either, stream};
use mcpo2_core::{
    Body, Error, Frames, Id, Message, Method, ProtocolVersion, Reply, Request, Response,
    message::{error_response, keys, result_response},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub(crate) use self::tasks::Room;

use self::{
    listening::Listening,
    rounds::{Ends, Rounds},
    tasks::Tasks,
};
use super::{
    abilities::Abilities, caller::may_ask, cancelled_id, carried, edit, level::Level, tasks as said,
};
use crate::upstream::{ClientInfo, ForwardHeaders, Hello, Link, own};

/// A link to a module without sessions, for one session of a client.
pub(super) struct SessionFace {
    shared: Arc<Shared>,
    server: Bytes,
    listening: Listening,
    /// None where the module has no tasks.
    tasks: Option<Tasks>,
}

/// What the calls of the session share.
pub(super) struct Shared {
    pub(super) inner: Arc<dyn Link>,
    pub(super) version: ProtocolVersion,
    pub(super) abilities: Abilities,
    /// Whether the client may ask for tasks.
    has_tasks: bool,
    client_info: String,
    minted: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    level: Option<Level>,
    /// Who waits for the client's answer, by the id (JSON text) of the question.
    asked: HashMap<String, oneshot::Sender<Response>>,
    /// What the client may cancel, by the id (JSON text) of its request.
    running: HashMap<String, CancellationToken>,
}

impl SessionFace {
    pub(super) fn new(inner: Arc<dyn Link>, hello: &Hello, room: &Room) -> Self {
        let said = Said::of(hello.params());
        let knows_tasks = hello.version() == ProtocolVersion::LATEST_SESSION;
        let decides = said::are_decided(inner.server());
        let has_tasks = knows_tasks && decides;
        let shared = Arc::new(Shared {
            inner,
            has_tasks,
            version: hello.version(),
            abilities: Abilities::of(&said.capabilities),
            client_info: said.client_info,
            minted: AtomicU64::new(1),
            state: Mutex::default(),
        });
        Self {
            server: carried(
                shared.inner.server(),
                has_tasks.then(|| said::CAPABILITY.to_owned()),
            ),
            listening: Listening::new(&shared),
            tasks: decides.then(|| Tasks::new(&shared, room.clone())),
            shared,
        }
    }

    /// What the bridge answers itself; none where the module is to answer.
    async fn own(&self, request: &Request, id: &Id) -> Option<Result<Reply, Error>> {
        let error = |code, text| Ok(Reply::complete(error_response(Some(id), code, text, None)));
        let done = || Reply::complete(result_response(id, "{}"));
        Some(match request.method() {
            Method::Ping => Ok(done()),
            Method::SetLevel => match Level::of(request.params()) {
                Ok(level) => {
                    self.shared.lock().level = Some(level);
                    Ok(done())
                }
                Err(_) => error(-32602, "`level` is no level"),
            },
            Method::ResourcesSubscribe => match super::stateless::uri(request) {
                Some(uri) => self.listening.watch(uri).await.map(|()| done()),
                None => error(-32602, "`uri` is missing"),
            },
            Method::ResourcesUnsubscribe => {
                if let Some(uri) = super::stateless::uri(request) {
                    self.listening.unwatch(&uri);
                }
                Ok(done())
            }
            Method::Listen | Method::Discover => error(-32601, "Method not found"),
            Method::TasksGet | Method::TasksCancel | Method::TasksResult
                if self.shared.has_tasks =>
            {
                return None;
            }
            Method::TasksGet
            | Method::TasksUpdate
            | Method::TasksCancel
            | Method::TasksResult
            | Method::TasksList => error(
                -32601,
                "the module has tasks in no way that this revision knows",
            ),
            _ => return None,
        })
    }
}

impl SessionFace {
    /// What is about tasks, or what the module answers.
    async fn work(&self, asked: (&Request, &Id), headers: &ForwardHeaders) -> Result<Reply, Error> {
        let tasks = self.tasks.as_ref();
        if let Some(tasks) = tasks.filter(|_| self.shared.has_tasks)
            && let Some(answer) = tasks.answer(asked, headers, &self.listening).await
        {
            return answer;
        }
        let reply = Rounds::start(&self.shared, asked.0, headers.clone(), Ends::WithResult).await?;
        match tasks.filter(|_| said::is_refused_without(&reply)) {
            Some(tasks) => tasks.behind(asked, headers, &self.listening),
            None => Ok(reply),
        }
    }
}

#[async_trait]
impl Link for SessionFace {
    fn version(&self) -> ProtocolVersion {
        self.shared.version
    }

    fn server(&self) -> &Bytes {
        &self.server
    }

    fn is_open(&self) -> bool {
        self.shared.inner.is_open()
    }

    async fn request(&self, request: &Request, headers: &ForwardHeaders) -> Result<Reply, Error> {
        let Some(id) = request.id() else {
            self.send(request.bytes().clone()).await?;
            return Ok(Reply::accepted());
        };
        if let Some(answer) = self.own(request, id).await {
            return answer;
        }
        let running = self.shared.run(id);
        let cancelled = running.cancelled();
        let work = Box::pin(self.work((request, id), headers));
        let reply = match futures_util::future::select(Box::pin(cancelled), work).await {
            // Nobody waits for the answer to what was cancelled.
            Either::Left(_) => return Ok(Reply::stream(stream::empty())),
            Either::Right((reply, _)) => reply?,
        };
        Ok(reply.map_body(|body| match body {
            Body::Stream(frames) => {
                let ended = running.token.clone().cancelled_owned();
                let frames = frames.take_until(ended).map(move |frame| {
                    let _ = &running;
                    frame
                });
                Body::Stream(Frames::new(frames))
            }
            other => other,
        }))
    }

    async fn send(&self, message: Bytes) -> Result<(), Error> {
        let notification = match Message::parse(message.clone()) {
            Ok(Message::Response(response)) => {
                self.shared.answered(response);
                return Ok(());
            }
            Ok(Message::Request(notification)) => notification,
            Err(_) => return Ok(()),
        };
        match notification.method() {
            Method::Cancelled => {
                if let Some(id) = cancelled_id(&notification) {
                    self.shared.cancel(&id);
                }
                Ok(())
            }
            // The stateless revision has none of these.
            Method::Initialized | Method::RootsChanged | Method::Progress => Ok(()),
            _ => self.shared.inner.send(message).await,
        }
    }

    async fn listen(&self, after: Option<&str>) -> Result<Option<Frames>, Error> {
        match after {
            // Nothing of the stateless revision can be resumed.
            Some(_) => Ok(None),
            None => Ok(self.listening.take_over()),
        }
    }

    async fn close(&self) {
        if let Some(tasks) = &self.tasks {
            tasks.clear();
        }
        self.listening.stop();
        self.shared.inner.close().await;
    }
}

impl Shared {
    /// A request as the module wants it: with all that the session knows.
    fn outgoing(&self, request: &Request, ends: Ends) -> Request {
        let level = self.lock().level.filter(|_| may_ask(request.method()));
        let abilities = self.abilities.json();
        let abilities = match ends {
            Ends::WithResult => abilities,
            Ends::OrTask => edit::with_members(abilities.as_bytes(), &[], &said::extension()),
        };
        let request = request
            .with_meta(keys::CLIENT_INFO, &self.client_info)
            .with_meta(keys::CLIENT_CAPABILITIES, &abilities);
        let request = match level {
            Some(level) => request.with_meta(keys::LOG_LEVEL, &format!("\"{}\"", level.as_str())),
            None => request,
        };
        let version = ProtocolVersion::LATEST;
        request.with_meta(keys::PROTOCOL_VERSION, &format!("\"{version}\""))
    }

    /// What the module answers to a request of the gateway about a task; `params` is JSON text.
    async fn say(&self, method: &Method, params: &str) -> Result<Response, Error> {
        let request = own::request(&self.mint(), method.as_str(), params.as_bytes())?;
        let request = self.outgoing(&request, Ends::OrTask);
        let headers = ForwardHeaders::default();
        let reply = self.inner.request(&request, &headers).await?;
        super::response(reply).await
    }

    /// Whether the client has yet to answer the question of this id.
    fn is_asked(&self, id: &Id) -> bool {
        self.lock().asked.contains_key(id.as_json())
    }

    /// An id that nothing else on this link has.
    pub(super) fn mint(&self) -> Id {
        let n = self.minted.fetch_add(1, Ordering::Relaxed);
        Id::string(&format!("mcpo2-bridge-{n}"))
    }

    /// Waits for the client's answer to the question of this id.
    pub(super) fn ask(self: &Arc<Self>, id: &Id) -> Asked {
        let (sender, answer) = oneshot::channel();
        self.lock().asked.insert(id.as_json().to_owned(), sender);
        Asked {
            shared: Arc::clone(self),
            id: id.clone(),
            answer,
        }
    }

    fn answered(&self, response: Response) {
        let asked = response
            .id()
            .and_then(|id| self.lock().asked.remove(id.as_json()));
        match asked {
            // An error says that the call has ended meanwhile.
            Some(asked) => drop(asked.send(response)),
            None => tracing::debug!("an answer of the client is to nobody, dropped"),
        }
    }

    fn run(self: &Arc<Self>, id: &Id) -> Running {
        let token = CancellationToken::new();
        let id = id.as_json().to_owned();
        self.lock().running.insert(id.clone(), token.clone());
        Running {
            shared: Arc::clone(self),
            id,
            token,
        }
    }

    fn cancel(&self, id: &str) {
        let running = self.lock().running.remove(id);
        if let Some(token) = running {
            token.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that the client has to answer, until dropped.
pub(super) struct Asked {
    shared: Arc<Shared>,
    id: Id,
    pub(super) answer: oneshot::Receiver<Response>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.shared.lock().asked.remove(self.id.as_json());
    }
}

/// A request under way, until dropped.
struct Running {
    shared: Arc<Shared>,
    id: String,
    token: CancellationToken,
}

impl Running {
    async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.lock().running.remove(&self.id);
    }
}

/// What the client said of itself when the session began.
struct Said {
    capabilities: String,
    client_info: String,
}

impl Said {
    fn of(params: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Params<'a> {
            #[serde(borrow, default)]
            capabilities: Option<&'a RawValue>,
            #[serde(borrow, default, rename = "clientInfo")]
            client_info: Option<&'a RawValue>,
        }
        let params: Params<'_> = serde_json::from_slice(params).unwrap_or_default();
        let info = params.client_info.map(RawValue::get);
        let info = info.filter(|info| info.starts_with('{')).map(str::to_owned);
        Self {
            capabilities: params.capabilities.map_or("{}", RawValue::get).to_owned(),
            client_info: info.unwrap_or_else(|| ClientInfo::default().json().to_string()),
        }
    }
}

/// A response as a client with a session wants it; other messages stay.
pub(super) fn incoming(bytes: Bytes, method: &Method) -> Bytes {
    match Message::parse(bytes.clone()) {
        Ok(Message::Response(response)) if response.error_json().is_some() => {
            missing(&response, method).unwrap_or(bytes)
        }
        Ok(Message::Response(response)) => edit::session_result(&response),
        Ok(Message::Request(_)) | Err(_) => bytes,
    }
}

/// A resource that is not there had another code until 2025-11-25. Whether it is that or another
/// fault of the parameters shows in the `uri` beside it.
fn missing(response: &Response, method: &Method) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Missing<'a> {
        code: i64,
        message: String,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Data {
        #[serde(rename = "uri")]
        _uri: String,
    }
    if *method != Method::ResourcesRead {
        return None;
    }
    let error: Missing<'_> = serde_json::from_slice(response.error_json()?).ok()?;
    let _names_one: Data = serde_json::from_str(error.data.get()).ok()?;
    let data = Some(error.data.get());
    (error.code == -32602).then(|| error_response(response.id(), -32002, &error.message, data))
}

impl fmt::Debug for SessionFace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFace")
            .field("inner", &self.shared.inner)
            .finish_non_exhaustive()
    }
}
