//! Tasks of clients without sessions at modules that have them (SEP-2663 over the tasks of
//! 2025-11-25).
//!
//! A tool that a module runs as a task becomes one for each client that declares the extension. It
//! has a link that only its principal uses, opened with what its client can be asked; other tasks
//! of the same are there too. What the module asks on the way is in `tasks/get`, and its answer
//! comes by `tasks/update`.

mod desk;
mod desks;
mod lease;
mod listen;
mod task;

pub(crate) use self::desks::Desks;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use mcpo2_core::{
    Call, Digest, Error, Frames, Id, Method, ProtocolVersion, Reply, Request, Response,
    message::result_response,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::task::{Detail, addressed};
use super::{
    abilities::Abilities,
    asking::Key,
    edit, stateless,
    tasks::{self, Support, Told},
};
use crate::{
    router::{may_follow_tasks, without_tasks},
    upstream::{ForwardHeaders, Link, fault},
};

/// For so long a module is asked to keep a task, in milliseconds.
const TTL: u64 = 3_600_000;

/// The link of one call that is about tasks.
#[derive(Debug)]
pub(crate) struct Tasking {
    key: Key,
    desks: Arc<Desks>,
    /// What all calls share.
    shared: Arc<dyn Link>,
}

impl Tasking {
    /// The link of this call, where it is about tasks of a module that has some.
    ///
    /// # Errors
    ///
    /// [`MissingCapability`](mcpo2_core::ErrorKind::MissingCapability) where it is, and the client
    /// does not say that it knows them.
    pub(crate) fn of(
        call: &Call,
        support: Support,
        (desks, shared): (&Arc<Desks>, &Arc<dyn Link>),
    ) -> Result<Option<Self>, Error> {
        let request = call.request();
        let (needs, wants) = match call.method() {
            // Who comes back with what was asked began without a task.
            Method::ToolsCall if has_param(request, "requestState") => (false, false),
            Method::ToolsCall => (support == Support::Required, support != Support::Never),
            Method::TasksGet | Method::TasksUpdate | Method::TasksCancel => (true, true),
            Method::Listen => {
                let names = listen::asked(request).is_some();
                (names, names)
            }
            _ => (false, false),
        };
        match may_follow_tasks(call) {
            true if wants => {}
            false if needs => return Err(without_tasks()),
            _ => return Ok(None),
        }
        let capabilities = request.meta().client_capabilities().unwrap_or_default();
        let key = Key {
            binding: call.principal().binding(),
            abilities: Abilities::of(capabilities),
        };
        let (desks, shared) = (Arc::clone(desks), Arc::clone(shared));
        Ok(Some(Self { key, desks, shared }))
    }

    fn binding(&self) -> Digest {
        self.key.binding
    }

    /// Calls a tool as a task. A module that answers at once has made none.
    async fn begin(&self, request: &Request, headers: &ForwardHeaders) -> Result<Bytes, Error> {
        self.desks.make_room(self.binding())?;
        let bare = edit::without_stateless_parts(request);
        let asked = edit::with_param(&bare, "task", &format!(r#"{{"ttl":{TTL}}}"#));
        let desk = self.desks.desk(&self.key).await?;
        let making = desk.making();
        let response = desk.ask(&asked, headers).await?;
        let result = response.result_json().unwrap_or_default();
        let Some(made) = tasks::made(result) else {
            return Ok(stateless(response.into_bytes(), &Method::ToolsCall));
        };
        let told = Told::read(made.as_bytes())?;
        let task = self.desks.keep(&desk, &told)?;
        making.made(&task).await;
        let seed = task.seed(made, &told);
        let rest = tasks::without_related(result);
        let members = format!(r#""resultType":"task",{seed}"#);
        let gone = ["task", "resultType"];
        let result = edit::with_members(&rest, &gone, &members);
        Ok(response.with_result(result.as_bytes()))
    }

    async fn get(&self, request: &Request, id: &Id) -> Result<Bytes, Error> {
        let task = self.named(request)?;
        match task.detail().await? {
            Detail::Task { members, .. } => Ok(complete(id, &members)),
            Detail::Refused(response) => Ok(refused(&response, id)),
        }
    }

    async fn update(&self, request: &Request, id: &Id) -> Result<Bytes, Error> {
        #[derive(Deserialize)]
        struct Params {
            #[serde(rename = "inputResponses")]
            answers: BTreeMap<String, Box<RawValue>>,
        }
        let task = self.named(request)?;
        let params = serde_json::from_slice(request.params().unwrap_or_default());
        let Params { answers } = params.map_err(|error| {
            super::caller::invalid("`inputResponses` is no object").with_source(error)
        })?;
        task.answer(&answers).await?;
        Ok(complete(id, ""))
    }

    /// Whether the task ends is the module's to say, so one that cannot end it hears nothing.
    async fn cancel(&self, request: &Request, id: &Id) -> Result<Bytes, Error> {
        self.named(request)?.cancel().await?;
        Ok(complete(id, ""))
    }

    fn named(&self, request: &Request) -> Result<Arc<task::Task>, Error> {
        let item = request.item().ok_or_else(tasks::unknown)?;
        self.desks.find(self.binding(), item.name())
    }
}

#[async_trait]
impl Link for Tasking {
    fn version(&self) -> ProtocolVersion {
        self.shared.version()
    }

    fn server(&self) -> &Bytes {
        self.shared.server()
    }

    fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    async fn request(&self, request: &Request, headers: &ForwardHeaders) -> Result<Reply, Error> {
        let id = request.id();
        let id = id.ok_or_else(|| fault::protocol("a request has an id"))?;
        let answer = match request.method() {
            Method::TasksGet => self.get(request, id).await,
            Method::TasksUpdate => self.update(request, id).await,
            Method::TasksCancel => self.cancel(request, id).await,
            Method::Listen => return self.listen_to_tasks(request, headers).await,
            _ => self.begin(request, headers).await,
        };
        answer.map(Reply::complete)
    }

    async fn send(&self, message: Bytes) -> Result<(), Error> {
        self.shared.send(message).await
    }

    async fn listen(&self, after: Option<&str>) -> Result<Option<Frames>, Error> {
        self.shared.listen(after).await
    }

    async fn close(&self) {}
}

/// An answer to what is about a task; `members` are those of its result.
fn complete(id: &Id, members: &str) -> Bytes {
    let comma = if members.is_empty() { "" } else { "," };
    result_response(
        id,
        &format!(r#"{{"resultType":"complete"{comma}{members}}}"#),
    )
}

fn refused(response: &Response, id: &Id) -> Bytes {
    let addressed = addressed(response, id).unwrap_or_else(|| response.clone());
    stateless(addressed.into_bytes(), &Method::TasksGet)
}

fn has_param(request: &Request, key: &str) -> bool {
    let params = request.params().unwrap_or(b"{}");
    let params: BTreeMap<String, serde::de::IgnoredAny> =
        serde_json::from_slice(params).unwrap_or_default();
    params.contains_key(key)
}
