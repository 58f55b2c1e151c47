use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex as SyncMutex, PoisonError},
};

use bytes::Bytes;
use mcpo2_core::{
    Error, ErrorKind, Frames, Id, Message, Method, ModuleId, ProtocolVersion, Request, Response,
};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{
    Connection,
    upstream::{Hello, Link},
};

/// One session of a client that speaks a revision with sessions, and its links to modules.
///
/// The host makes one when a client sends `initialize`, and attaches an `Arc` of it to the
/// extensions of each call of that client. A module sees one session for each of ours, so what it
/// keeps for one client stays out of reach of the others.
#[derive(Debug)]
pub struct Session {
    hello: Hello,
    slots: SyncMutex<BTreeMap<ModuleId, Slot>>,
    traffic: SyncMutex<Traffic>,
}

type Slot = Arc<Mutex<Option<Arc<dyn Link>>>>;

/// Who has asked whom.
#[derive(Debug, Default)]
struct Traffic {
    /// Requests of the client that are under way.
    asked: HashMap<Id, ModuleId>,
    /// Requests of modules that the client has yet to answer.
    reverse: HashMap<Id, ModuleId>,
}

/// One module can have this many requests open towards a client.
const MAX_REVERSE: usize = 1024;

impl Session {
    /// A session of a client that said this hello.
    #[must_use]
    pub fn new(hello: Hello) -> Self {
        Self {
            hello,
            slots: SyncMutex::default(),
            traffic: SyncMutex::default(),
        }
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
        let slot = Arc::clone(self.slots().entry(module.clone()).or_default());
        // One module that is slow to open holds up only calls to itself.
        let mut held = slot.lock().await;
        if let Some(link) = held.as_ref().filter(|link| link.is_open()) {
            return Ok(Arc::clone(link));
        }
        let link = connection.open(&self.hello).await?;
        *held = Some(Arc::clone(&link));
        Ok(link)
    }

    /// The links that are open, by the ids of their modules.
    pub(crate) fn links(&self) -> Vec<(ModuleId, Arc<dyn Link>)> {
        let open = |(id, slot): (&ModuleId, &Slot)| {
            let held = slot.try_lock().ok()?;
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
        let asked = response
            .id()
            .and_then(|id| self.traffic().reverse.remove(id));
        let nobody = || Error::new(ErrorKind::InvalidRequest, "a response to no request");
        let module = asked.ok_or_else(nobody)?;
        let links = self.links();
        let (_, link) = links
            .into_iter()
            .find(|(id, _)| *id == module)
            .ok_or_else(nobody)?;
        link.send(response.bytes().clone()).await
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
        for (id, link) in self.links() {
            if only.as_ref().is_none_or(|only| *only == id) {
                link.send(notification.bytes().clone()).await?;
            }
        }
        Ok(())
    }

    /// What modules say outside any request, from behind the event `after` where that is given.
    ///
    /// # Errors
    ///
    /// What the link says.
    pub async fn listen(self: &Arc<Self>, after: Option<&str>) -> Result<Option<Frames>, Error> {
        let links = self.links();
        let alone = links.len() == 1;
        let mut streams = Vec::new();
        for (id, link) in links {
            let after = match after {
                Some(event) if !alone => match event.split_once('/') {
                    Some((module, event)) if module == id.as_str() => Some(event),
                    // Another module's event, so this one's stream is still open elsewhere.
                    _ => continue,
                },
                after => after,
            };
            if let Some(frames) = link.listen(after).await? {
                let tag = (!alone).then(|| id.clone());
                streams.push(self.watch(id, tag, frames));
            }
        }
        if streams.is_empty() {
            return Ok(None);
        }
        Ok(Some(Frames::new(futures_util::stream::select_all(streams))))
    }

    /// Ends all links, and tells the modules so.
    pub async fn close(&self) {
        let slots = std::mem::take(&mut *self.slots());
        for slot in slots.into_values() {
            if let Some(link) = slot.lock().await.take() {
                link.close().await;
            }
        }
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

    /// Notes a request of a module, so that the client's answer finds back.
    pub(crate) fn note_reverse(&self, module: &ModuleId, data: &Bytes) {
        if let Ok(Message::Request(request)) = Message::parse(data.clone())
            && let Some(id) = request.id()
        {
            let mut traffic = self.traffic();
            if traffic.reverse.len() < MAX_REVERSE {
                traffic.reverse.insert(id.clone(), module.clone());
            }
        }
    }

    fn watch(self: &Arc<Self>, id: ModuleId, tag: Option<ModuleId>, frames: Frames) -> Frames {
        use futures_util::TryStreamExt as _;
        let session = Arc::clone(self);
        Frames::new(frames.map_ok(move |frame| {
            session.note_reverse(&id, frame.data());
            match (&tag, frame.event_id()) {
                (Some(tag), Some(event)) => {
                    let event = format!("{tag}/{event}");
                    frame.with_event_id(event)
                }
                _ => frame,
            }
        }))
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

    fn slots(&self) -> std::sync::MutexGuard<'_, BTreeMap<ModuleId, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn traffic(&self) -> std::sync::MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
