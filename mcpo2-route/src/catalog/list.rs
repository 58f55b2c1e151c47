//! One list of one module, under the names that callers know.

use std::{collections::HashSet, time::Duration};

use mcpo2_core::{
    Digest, Error, ErrorKind, Id, ItemKind, Message, ModuleId, Request,
    message::{Listed, keys},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    quarantine::{Quarantine, Quarantined},
    schema,
};
use crate::{
    Naming,
    bridge::Support,
    gateway::last_message,
    parameters::Parameters,
    upstream::{ForwardHeaders, Link},
};

/// A module that goes on and on with pages is cut off here.
const MAX_PAGES: usize = 64;

/// A list longer than this is not read: it would be kept.
const MAX_BYTES: usize = 16 << 20;

/// One list of a module, all its pages together.
#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) entries: Vec<Entry>,
    /// What is left out.
    pub(super) quarantined: Vec<Quarantined>,
    pub(crate) caching: Caching,
}

/// One entry of a list.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The name, URI or template that the module knows.
    pub(crate) own: Box<str>,
    /// The one that callers know.
    pub(crate) name: Box<str>,
    /// Its JSON text, under the name that callers know; all else as the module wrote it.
    pub(crate) json: Box<str>,
    /// Its arguments that are said in headers too.
    pub(crate) parameters: Parameters,
    /// Whether it is a tool that is called as a task.
    pub(crate) support: Support,
}

/// How long and by whom a list may be kept: the strictest of its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caching {
    pub(crate) ttl: Duration,
    pub(crate) public: bool,
}

impl Default for Caching {
    /// An empty list forbids nothing.
    fn default() -> Self {
        Self {
            ttl: Duration::MAX,
            public: true,
        }
    }
}

impl Caching {
    /// What both allow.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            ttl: self.ttl.min(other.ttl),
            public: self.public && other.public,
        }
    }
}

impl List {
    /// What is in it.
    pub(super) fn digest(&self) -> Digest {
        let mut hash = Vec::new();
        for entry in &self.entries {
            hash.extend_from_slice(Digest::of(entry.json.as_bytes()).as_bytes());
        }
        Digest::of(&hash)
    }

    /// Reads all pages. [`ErrorKind::MethodNotFound`] where the module has no such list.
    pub(crate) async fn read(
        link: &dyn Link,
        first: Request,
        kind: ItemKind,
        (module, naming): (&ModuleId, &Naming),
    ) -> Result<Self, Error> {
        let (mut list, mut names, mut bytes) = (Self::default(), HashSet::new(), 0_usize);
        let mut request = first;
        for _ in 0..MAX_PAGES {
            let page = ask(link, &request).await?;
            bytes = bytes.saturating_add(page.len());
            if bytes > MAX_BYTES {
                return Err(broken("a list is too long"));
            }
            let listed = Listed::all(&page, kind).ok_or_else(|| broken("a list cannot be read"))?;
            for one in &listed {
                let Some(own) = one.name() else { continue };
                // A name stands for one thing, so what comes again under it is out of reach.
                if names.insert(own.clone()) {
                    list.add(one, own, kind, (module, naming));
                }
            }
            let (caching, next) = read_page(&page);
            list.caching = list.caching.and(caching);
            match next {
                Some(cursor) => request = with_cursor(&request, cursor),
                None => return Ok(list),
            }
        }
        Err(broken("a list has too many pages"))
    }
}

impl List {
    fn add(
        &mut self,
        listed: &Listed<'_>,
        own: String,
        kind: ItemKind,
        (module, naming): (&ModuleId, &Naming),
    ) {
        let json = listed.json();
        let parameters = match kind {
            ItemKind::Tool => looked_at(json, (module, &own)),
            _ => Ok(Parameters::default()),
        };
        match parameters {
            Ok(parameters) => {
                let named = matches!(kind, ItemKind::Tool | ItemKind::Prompt);
                let name = named.then(|| naming.exposed(module, &own));
                let json = name.as_ref().map(|name| listed.renamed(name));
                let support = match kind {
                    ItemKind::Tool => Support::of(listed.json()),
                    _ => Support::Never,
                };
                self.entries.push(Entry {
                    name: name.map_or_else(|| own.as_str().into(), Into::into),
                    json: json.map_or_else(|| listed.json().into(), Into::into),
                    own: own.into(),
                    parameters,
                    support,
                });
            }
            Err(reason) => {
                let tool = own.into();
                self.quarantined.push(Quarantined { tool, reason });
            }
        }
    }
}

/// The arguments of a tool that are said in headers, where nothing speaks against the tool.
fn looked_at(json: &str, (module, tool): (&ModuleId, &str)) -> Result<Parameters, Quarantine> {
    if let Some(reason) = schema::fault(json) {
        let reason_name = reason.as_str();
        tracing::warn!(%module, tool, reason = reason_name, "a tool is left out for its schema");
        return Err(reason);
    }
    Parameters::of(json).map_err(|reason| {
        tracing::warn!(%module, tool, reason, "a tool that no client may use");
        Quarantine::Headers
    })
}

async fn ask(link: &dyn Link, request: &Request) -> Result<Vec<u8>, Error> {
    let reply = link.request(request, &ForwardHeaders::default()).await?;
    let bytes = last_message(reply).await?;
    let Ok(Message::Response(response)) = Message::parse(bytes) else {
        return Err(broken("the module answered a list with no response"));
    };
    let none = || Error::new(ErrorKind::MethodNotFound, "the module has no such list");
    response.result_json().map(<[u8]>::to_vec).ok_or_else(none)
}

fn read_page(result: &[u8]) -> (Caching, Option<String>) {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        #[serde(default)]
        next_cursor: Option<String>,
        #[serde(default)]
        ttl_ms: Option<f64>,
        #[serde(default)]
        cache_scope: Option<String>,
    }
    let page: Page = serde_json::from_slice(result).unwrap_or_default();
    let seconds = page.ttl_ms.unwrap_or_default() / 1000.0;
    let caching = Caching {
        ttl: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
        public: page.cache_scope.as_deref() == Some("public"),
    };
    (caching, page.next_cursor)
}

/// The request for another page: the gateway's own, so it is written anew.
fn with_cursor(request: &Request, cursor: String) -> Request {
    let mut params: Value = request
        .params()
        .and_then(|p| serde_json::from_slice(p).ok())
        .unwrap_or_else(|| json!({}));
    if let Some(params) = params.as_object_mut() {
        params.insert("cursor".into(), cursor.into());
        if let Some(Value::Object(meta)) = params.get_mut("_meta") {
            meta.remove(keys::PROGRESS_TOKEN);
        }
    }
    let id = request.id().map_or("null", Id::as_json);
    let method = request.method();
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
    match Message::parse(text) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Response(_)) | Err(_) => request.clone(),
    }
}

fn broken(what: &'static str) -> Error {
    Error::new(ErrorKind::Upstream, what)
}
