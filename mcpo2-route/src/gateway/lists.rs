use std::sync::Arc;

use futures_util::future::join_all;
use mcpo2_core::{
    Call, Error, ErrorKind, Id, ItemKind, Message, Module, Reply, Request,
    message::{Listed, keys, result_response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Gateway;
use crate::{
    Connection, Session, bridge,
    upstream::{ForwardHeaders, Link},
};

/// A module that goes on and on with pages is cut off here.
const MAX_PAGES: usize = 64;

impl Gateway {
    /// The entries of all modules, in order of their ids, under the names that callers know.
    ///
    /// A module that does not answer is left out: it does not take the others with it.
    pub(super) async fn list(&self, call: &Call, id: &Id, kind: ItemKind) -> Result<Reply, Error> {
        let (member, _) = kind
            .list_members()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "this kind has no list"))?;
        if has_cursor(call.request()) {
            // This list has one page, so nobody was given a cursor.
            return Err(Error::new(ErrorKind::InvalidParams, "unknown cursor"));
        }
        let each = self
            .registry
            .approved()
            .map(|module| self.entries(call, module, kind));
        let mut entries = Vec::new();
        for (module, listed) in self.registry.approved().zip(join_all(each).await) {
            match listed {
                Ok(listed) => entries.extend(listed),
                Err(error) => {
                    tracing::warn!(module = %module.id(), error = %error.chain(), list = member, "left out of a list");
                }
            }
        }
        let mut result = format!(r#"{{"{member}":[{}]"#, entries.join(","));
        if call.version().is_stateless() {
            result.push_str(r#","resultType":"complete","ttlMs":0,"cacheScope":"private""#);
        }
        result.push('}');
        Ok(Reply::complete(result_response(id, &result)))
    }

    async fn entries(
        &self,
        call: &Call,
        module: &Arc<Module>,
        kind: ItemKind,
    ) -> Result<Vec<String>, Error> {
        let connection = Connection::of(module)?;
        let mut place = connection.admit(call.principal().tenant())?;
        let link = match call.extensions().get::<Arc<Session>>() {
            Some(session) => session.link(module.id(), connection).await?,
            None => connection.shared().await?,
        };
        let request = bridge::outgoing(call.request(), call.version(), link.version(), self.ours());
        let naming = self.registry.naming();
        let name = |entry: &Listed<'_>| match (kind, entry.name()) {
            (ItemKind::Tool | ItemKind::Prompt, Some(name)) => {
                entry.renamed(&naming.exposed(module.id(), &name))
            }
            _ => entry.json().to_owned(),
        };
        let mut entries = Vec::new();
        let read = pages(&*link, request, kind, |listed| {
            entries.extend(listed.iter().map(name))
        })
        .await;
        place.settle(module.id(), read.as_ref(), link.is_open());
        read.map(|()| entries)
    }
}

/// Reads all pages of a list. [`ErrorKind::MethodNotFound`] where the module has none.
pub(crate) async fn pages(
    link: &dyn Link,
    first: Request,
    kind: ItemKind,
    mut each: impl FnMut(&[Listed<'_>]) + Send,
) -> Result<(), Error> {
    let broken = |what: &'static str| Error::new(ErrorKind::Upstream, what);
    let mut request = first;
    for _ in 0..MAX_PAGES {
        let reply = link.request(&request, &ForwardHeaders::default()).await?;
        let bytes = super::subscriptions::last_message(reply).await?;
        let Ok(Message::Response(response)) = Message::parse(bytes) else {
            return Err(broken("the module answered a list with no response"));
        };
        let Some(result) = response.result_json() else {
            return Err(Error::new(
                ErrorKind::MethodNotFound,
                "the module has no such list",
            ));
        };
        let listed = Listed::all(result, kind).ok_or_else(|| broken("a list cannot be read"))?;
        each(&listed);
        match next_cursor(result) {
            Some(cursor) => request = with_cursor(&request, cursor),
            None => return Ok(()),
        }
    }
    Err(broken("a list has too many pages"))
}

fn next_cursor(result: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default, rename = "nextCursor")]
        next: Option<String>,
    }
    serde_json::from_slice::<Page>(result).ok()?.next
}

fn has_cursor(request: &Request) -> bool {
    #[derive(Deserialize)]
    struct Asked {
        #[serde(default)]
        cursor: Option<serde::de::IgnoredAny>,
    }
    let asked = request
        .params()
        .and_then(|params| serde_json::from_slice::<Asked>(params).ok());
    asked.is_some_and(|asked| asked.cursor.is_some())
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
        Ok(Message::Request(next)) => next,
        Ok(Message::Response(_)) | Err(_) => request.clone(),
    }
}
