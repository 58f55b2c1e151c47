use std::collections::BTreeMap;

use mcpo2_core::{Call, Digest, Error, ErrorKind, Method, Request};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{abilities::Abilities, edit, level::Level};

/// Who makes a call that a module may ask back about, and what it can be asked.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(super) binding: Digest,
    /// What is asked for, whatever the round.
    pub(super) asked: Digest,
    pub(super) method: Method,
    pub(super) abilities: Abilities,
    /// The least severe log message that it wants.
    pub(super) level: Option<Level>,
    pub(super) back: Option<Back>,
}

/// What a client comes back with.
#[derive(Debug, Clone)]
pub(super) struct Back {
    pub(super) state: String,
    pub(super) answers: BTreeMap<String, Box<RawValue>>,
}

impl Caller {
    /// The caller of a request of the stateless revision; none where the module cannot have
    /// anything to say to it on the way.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidParams`] where it says something of itself that cannot be read.
    pub(crate) fn of(call: &Call) -> Result<Option<Self>, Error> {
        let request = call.request();
        // What a module lists may depend on what its client can be asked.
        let lists = call.method().lists().is_some();
        if !may_ask(call.method()) && !lists {
            return Ok(None);
        }
        let said = Said::read(request)?;
        let capabilities = request.meta().client_capabilities().unwrap_or_default();
        let abilities = Abilities::of(capabilities);
        let level = said.level()?;
        let back = if lists { None } else { said.back()? };
        if abilities.is_empty() && (lists || level.is_none() && back.is_none()) {
            return Ok(None);
        }
        Ok(Some(Self {
            binding: call.principal().binding(),
            asked: edit::digest(request),
            method: call.method().clone(),
            abilities,
            level,
            back,
        }))
    }
}

/// Whether a module may ask the client before it answers a request of this method.
pub(super) fn may_ask(method: &Method) -> bool {
    matches!(
        method,
        Method::ToolsCall | Method::PromptsGet | Method::ResourcesRead
    )
}

/// What a request says that is for the bridge.
#[derive(Default, Deserialize)]
struct Said<'a> {
    #[serde(borrow, default, rename = "_meta")]
    meta: Meta<'a>,
    #[serde(borrow, default, rename = "requestState")]
    state: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "inputResponses")]
    answers: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default, rename = "io.modelcontextprotocol/logLevel")]
    level: Option<&'a RawValue>,
}

impl<'a> Said<'a> {
    fn read(request: &'a Request) -> Result<Self, Error> {
        match request.params() {
            Some(params) => serde_json::from_slice(params)
                .map_err(|error| invalid("the parameters cannot be read").with_source(error)),
            None => Ok(Self::default()),
        }
    }

    fn level(&self) -> Result<Option<Level>, Error> {
        let Some(level) = self.meta.level else {
            return Ok(None);
        };
        let name: Option<String> = serde_json::from_str(level.get()).ok();
        let level = name.and_then(|name| name.parse().ok());
        level
            .map(Some)
            .ok_or_else(|| invalid("`io.modelcontextprotocol/logLevel` is no level"))
    }

    fn back(&self) -> Result<Option<Back>, Error> {
        let Some(state) = self.state else {
            return Ok(None);
        };
        let state = serde_json::from_str(state.get());
        let state = state.map_err(|_| invalid("`requestState` is no string"))?;
        let answers = match self.answers {
            Some(answers) => serde_json::from_str(answers.get())
                .map_err(|_| invalid("`inputResponses` is no object"))?,
            None => BTreeMap::new(),
        };
        Ok(Some(Back { state, answers }))
    }
}

pub(super) fn invalid(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidParams, what)
}
