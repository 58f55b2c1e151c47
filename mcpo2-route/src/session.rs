mod questions;
mod resume;
mod reverse;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as SyncMutex, OnceLock, PoisonError},
    time::SystemTime,
};

use futures_util::{TryStreamExt as _, future::join_all, stream::select_all};
use mcpo2_core::{
    ApprovalState, Error, ErrorKind, Frame, Frames, Id, Method, Module, ModuleId, ProtocolVersion,
    Request, Response, TenantId,
};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{
    Connection, Registry,
    bridge::abilities::Abilities,
    connection::ConnectionId,
    gateway::Outside,
    upstream::{Hello, Link},
};

use self::{resume::Resume, reverse::Reverse};

/// One session of a client that speaks a revision with sessions, and its links to modules.
///
/// The host makes one when a client sends `initialize`, and attaches an `Arc` of it to the
/// extensions of each call of that client. A module sees one session for each of ours, so what it
/// keeps for one client stays out of reach of the others.
#[derive(Debug)]
pub struct Session {
    hello: Hello,
    slots: SyncMutex<HashMap<ModuleId, Slot>>,
    traffic: SyncMutex<Traffic>,
    resume: Resume,
    outside: OnceLock<Outside>,
    abilities: Abilities,
    whose: Whose,
}

/// Whose a session is, and since when, as far as its host says.
#[derive(Debug, Default)]
struct Whose {
    tenant: Option<TenantId>,
    began: Option<SystemTime>,
}

/// The way to one module: the connection that links come from, and the link that there is.
#[derive(Debug, Clone, Default)]
struct Slot {
    /// None where no link was asked for yet.
    from: Option<ConnectionId>,
    link: Arc<Mutex<Option<Arc<dyn Link>>>>,
}

/// Who has asked whom.
#[derive(Debug, Default)]
struct Traffic {
    /// Requests of the client that are under way.
    asked: HashMap<Id, ModuleId>,
    reverse: Reverse,
}

impl Session {
    /// A session of a client that said this hello.
    #[must_use]
    pub fn new(hello: Hello) -> Self {
        Self {
            abilities: questions::abilities(&hello),
            hello,
            slots: SyncMutex::default(),
            traffic: SyncMutex::default(),
            resume: Resume::default(),
            outside: OnceLock::new(),
            whose: Whose::default(),
        }
    }

    /// The same, of a client of this tenant: it reaches no module that is there only for others.
    #[must_use]
    pub fn of_tenant(mut self, tenant: TenantId) -> Self {
        self.whose.tenant = Some(tenant);
        self.keep_within_reach();
        self
    }

    /// The same, which began then.
    #[must_use]
    pub fn begun(mut self, at: SystemTime) -> Self {
        self.whose.began = Some(at);
        self
    }

    /// When it began, if that is known.
    #[must_use]
    pub fn began(&self) -> Option<SystemTime> {
        self.whose.began
    }

    /// Whether its links may lead to this module.
    pub(crate) fn may_reach(&self, module: &Module) -> bool {
        let tenant = self.whose.tenant.as_ref();
        is_approved(module) && tenant.is_none_or(|tenant| module.facts().is_for(tenant))
    }

    /// Says what the gateway has to say on the session's own stream.
    pub(crate) fn attach(&self, outside: impl FnOnce() -> Outside) {
        self.outside.get_or_init(outside);
    }

    /// The revision that the session speaks.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        self.hello.version()
    }

    /// The link to a module, opened if there is none.
    pub(crate) async fn link(
        &self,
        module: &ModuleId,
        connection: &Connection,
    ) -> Result<Arc<dyn Link>, Error> {
        let slot = self.slot(module, connection.id());
        // One module that is slow to open holds up only calls to itself.
        let mut held = slot.link.lock().await;
        if let Some(link) = held.as_ref().filter(|link| link.is_open()) {
            return Ok(Arc::clone(link));
        }
        let link = match self.resume.of(module) {
            Some(from) => connection.resume(&self.hello, &from).await?,
            None => connection.open(&self.hello, held.is_some()).await?,
        };
        self.resume.opened(module);
        *held = Some(Arc::clone(&link));
        Ok(link)
    }

    /// The slot of a module. A link that came from another connection is let go: the module is
    /// reached otherwise now, and calls that run keep the link to their end.
    fn slot(&self, module: &ModuleId, from: ConnectionId) -> Slot {
        let mut slots = self.slots();
        let slot = slots.entry(module.clone()).or_default();
        if slot.from.replace(from).is_some_and(|before| before != from) {
            slot.link = Arc::default();
        }
        slot.clone()
    }

    /// Goes on with this registry in place of the one before: lets go of the links to modules that
    /// are not in it, are reached otherwise there, are not approved, or not for its tenant. Each ends with the last
    /// call on it.
    pub fn follow(&self, registry: &Arc<Registry>) {
        self.slots().retain(|id, slot| {
            let module = registry.module(id.as_str());
            let within = module.filter(|module| self.may_reach(module));
            let connection = within.and_then(|module| Connection::of(module).ok());
            connection.is_some_and(|now| slot.from.is_none_or(|from| from == now.id()))
        });
        self.resume.follow(registry);
    }

    /// The links that are open, by the ids of their modules.
    pub(crate) fn links(&self) -> Vec<(ModuleId, Arc<dyn Link>)> {
        let open = |(id, slot): (&ModuleId, &Slot)| {
            let held = slot.link.try_lock().ok()?;
            held.as_ref().map(|link| (id.clone(), Arc::clone(link)))
        };
        self.slots().iter().filter_map(open).collect()
    }

    /// Takes the client's answer to a request of a module.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] where nobody has asked.
    pub async fn respond(&self, response: &Response) -> Result<(), Error> {
        let asked = response.id().and_then(|id| {
            self.traffic()
                .reverse
                .answered(id)
                .or_else(|| self.asked_before(id))
        });
        let nobody = || Error::new(ErrorKind::InvalidRequest, "a response to no request");
        let asked = asked.ok_or_else(nobody)?;
        let links = self.all_links().await;
        let (_, link) = links
            .into_iter()
            .find(|(id, _)| *id == asked.module)
            .ok_or_else(nobody)?;
        let message = match response.id() == Some(&asked.id) {
            true => response.bytes().clone(),
            false => response.with_id(&asked.id),
        };
        link.send(message).await
    }

    /// Takes a notification of the client to the modules that it concerns.
    pub(crate) async fn notify(&self, notification: &Request) -> Result<(), Error> {
        let only = match notification.method() {
            // Each link has said this for itself when it was opened.
            Method::Initialized => return Ok(()),
            Method::Cancelled => match self.cancelled(notification) {
                Some(module) => Some(module),
                None => return Ok(()),
            },
            _ => None,
        };
        let links = self.all_links().await.into_iter();
        let told = links.filter(|(id, _)| only.as_ref().is_none_or(|only| only == id));
        let told =
            told.map(|(_, link)| async move { link.send(notification.bytes().clone()).await });
        let (told, failed): (Vec<_>, Vec<_>) =
            join_all(told).await.into_iter().partition(Result::is_ok);
        match failed.into_iter().next() {
            Some(error) if told.is_empty() => error,
            _ => Ok(()),
        }
    }

    /// What modules say outside any request, from behind the event `after` where that is given.
    ///
    /// # Errors
    ///
    /// What the link says.
    pub async fn listen(self: &Arc<Self>, after: Option<&str>) -> Result<Option<Frames>, Error> {
        let several = self.has_several();
        let listening = self.all_links().await.into_iter().filter_map(|(id, link)| {
            let after = match after {
                Some(event) if several => match event.split_once('/') {
                    Some((module, event)) if module == id.as_str() => Some(event),
                    // Another module's event, so this one's stream is still open elsewhere.
                    _ => return None,
                },
                after => after,
            };
            Some(async move {
                let frames = link.listen(after).await;
                (id, frames)
            })
        });
        let (mut streams, mut failed) = (Vec::new(), None);
        for (id, frames) in join_all(listening).await {
            match frames {
                Ok(Some(frames)) => {
                    let session = Arc::clone(self);
                    let frames = session.fit_to_ask(&id, frames);
                    let frames = frames.map_ok(move |frame| {
                        let frame = session.outgoing(&id, frame);
                        match session.outside.get() {
                            Some(outside) => outside.translate(&id, frame),
                            None => frame,
                        }
                    });
                    streams.push(Frames::new(frames));
                }
                Ok(None) => {}
                // One that fails does not silence the others.
                Err(error) => failed = Some(error),
            }
        }
        let outside = self.outside.get();
        match (streams.is_empty(), failed) {
            (false, _) => Ok(Some(Outside::join(outside, Some(select_all(streams))))),
            (true, _) if outside.is_some() => Ok(Some(Outside::join(outside, None::<Frames>))),
            (true, Some(error)) => Err(error),
            (true, None) => Ok(None),
        }
    }

    /// Ends all links, and tells the modules so.
    pub async fn close(&self) {
        let slots = std::mem::take(&mut *self.slots());
        for slot in slots.into_values() {
            if let Some(link) = slot.link.lock().await.take() {
                link.close().await;
            }
        }
        self.resume.forget().await;
    }

    /// Notes that a request of the client is under way; the guard ends that.
    pub(crate) fn asking(self: &Arc<Self>, request: &Request, module: &ModuleId) -> Asking {
        let id = request.id().cloned();
        if let Some(id) = &id {
            self.traffic().asked.insert(id.clone(), module.clone());
        }
        Asking {
            session: Arc::clone(self),
            id,
        }
    }

    /// A frame of a module as the client gets it: what it asks is noted, so that the answer finds
    /// back, and where there are several modules its event says whose it is.
    pub(crate) fn outgoing(&self, module: &ModuleId, frame: Frame) -> Frame {
        let data = self.traffic().reverse.outgoing(module, frame.data());
        let frame = frame.with_data(data);
        let event = frame.event_id().filter(|_| self.has_several());
        match event.map(|event| format!("{module}/{event}")) {
            Some(event) => frame.with_event_id(event),
            None => frame,
        }
    }

    /// Whether there are several modules, reached or not: that does not change while it lasts.
    fn has_several(&self) -> bool {
        self.slots().len() > 1
    }

    fn cancelled(&self, notification: &Request) -> Option<ModuleId> {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, rename = "requestId")]
            request: &'a serde_json::value::RawValue,
        }
        let params: Params<'_> = serde_json::from_slice(notification.params()?).ok()?;
        let traffic = self.traffic();
        let mut asked = traffic.asked.iter();
        asked
            .find(|(id, _)| id.as_json() == params.request.get())
            .map(|(_, module)| module.clone())
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<ModuleId, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn traffic(&self) -> std::sync::MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_approved(module: &Module) -> bool {
    module.approval() == ApprovalState::Approved
}

/// A request of the client that is under way, until dropped.
#[derive(Debug)]
pub(crate) struct Asking {
    session: Arc<Session>,
    id: Option<Id>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            self.session.traffic().asked.remove(id);
        }
    }
}
