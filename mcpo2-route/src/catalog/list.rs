//! One list of one module, under the names that callers know.

use std::{collections::HashSet, time::Duration};

use mcpo2_core::{
    Digest, Error, ErrorKind, Id, ItemKind, Message, ModuleId, Request,
    message::{Listed, keys},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Naming,
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
            let entries = listed
                .iter()
                .filter_map(|one| entry(one, kind, module, naming));
            for entry in entries {
                // A name stands for one thing, so what comes again under it is out of reach.
                if names.insert(entry.name.clone()) {
                    list.entries.push(entry);
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

async fn ask(link: &dyn Link, request: &Request) -> Result<Vec<u8>, Error> {
    let reply = link.request(request, &ForwardHeaders::default()).await?;
    let bytes = last_message(reply).await?;
    let Ok(Message::Response(response)) = Message::parse(bytes) else {
        return Err(broken("the module answered a list with no response"));
    };
    let none = || Error::new(ErrorKind::MethodNotFound, "the module has no such list");
    response.result_json().map(<[u8]>::to_vec).ok_or_else(none)
}

fn entry(listed: &Listed<'_>, kind: ItemKind, module: &ModuleId, naming: &Naming) -> Option<Entry> {
    let own = listed.name()?;
    let parameters = match kind {
        ItemKind::Tool => Parameters::of(listed.json()),
        _ => Ok(Parameters::default()),
    };
    let parameters = parameters.inspect_err(
        |reason| tracing::warn!(%module, tool = own, reason, "a tool that no client may use"),
    );
    let parameters = parameters.ok()?;
    let (name, json) = match kind {
        ItemKind::Tool | ItemKind::Prompt => {
            let name = naming.exposed(module, &own);
            let json = listed.renamed(&name);
            (name.into(), json.into())
        }
        _ => (own.as_str().into(), listed.json().into()),
    };
    let own = own.into();
    Some(Entry {
        own,
        name,
        json,
        parameters,
    })
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
