use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::join_all;
use mcpo2_core::{
    Call, Error, ErrorKind, Id, ModuleId, ProtocolVersion, Reply, message::result_response,
};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::Gateway;
use crate::{
    Connection, Session,
    upstream::{ForwardHeaders, Link},
};

type Opened = Vec<(ModuleId, Arc<dyn Link>)>;

impl Gateway {
    /// Opens the session's links and says what there is behind them.
    pub(super) async fn initialize(
        &self,
        call: &Call,
        id: &Id,
        session: &Arc<Session>,
    ) -> Result<Reply, Error> {
        let links = self
            .open(|module, connection| session.link(module, connection))
            .await?;
        // The gateway may speak a newer revision than a module; the caller gets one that all do.
        let version = links
            .iter()
            .map(|(_, link)| link.version())
            .filter(|v| !v.is_stateless());
        let version = version
            .chain([session.version()])
            .min()
            .unwrap_or(session.version());
        let capabilities = capabilities(&links, session.version(), self.own);
        let mut result = format!(
            r#"{{"protocolVersion":"{version}","capabilities":{capabilities},"serverInfo":{}"#,
            self.ours().json()
        );
        if let Some(text) = (self.instructions)(call.principal()) {
            result.push_str(&format!(r#","instructions":{}"#, Value::from(&*text)));
        }
        result.push('}');
        Ok(Reply::complete(result_response(id, &result)))
    }

    pub(super) async fn discover(&self, call: &Call, id: &Id) -> Result<Reply, Error> {
        let links = self.open(|_, connection| connection.shared()).await?;
        let capabilities = capabilities(&links, ProtocolVersion::LATEST, self.own);
        let versions = json!(ProtocolVersion::ALL.map(ProtocolVersion::as_str));
        let mut result = format!(
            r#"{{"resultType":"complete","supportedVersions":{versions},"capabilities":{capabilities}"#
        );
        if let Some(text) = (self.instructions)(call.principal()) {
            result.push_str(&format!(r#","instructions":{}"#, Value::from(&*text)));
        }
        let meta = format!(r#"{{"{SERVER_INFO}":{}}}"#, self.ours().json());
        result.push_str(&format!(
            r#","ttlMs":0,"cacheScope":"private","_meta":{meta}}}"#
        ));
        Ok(Reply::complete(result_response(id, &result)))
    }

    /// Sets the level on every link; one that has no logs does not hinder the others.
    pub(super) async fn set_level(
        &self,
        call: &Call,
        id: &Id,
        session: &Arc<Session>,
    ) -> Result<Reply, Error> {
        let headers = ForwardHeaders::default();
        let links = session.all_links().await;
        let asked = links
            .iter()
            .map(|(_, link)| link.request(call.request(), &headers));
        if join_all(asked).await.iter().all(Result::is_err) && !links.is_empty() {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "no module takes a log level",
            ));
        }
        Ok(Reply::complete(result_response(id, "{}")))
    }

    /// Opens a link to each approved module. One that fails does not hide the others.
    async fn open<'a, F>(
        &'a self,
        open: impl Fn(&'a ModuleId, &'a Connection) -> F,
    ) -> Result<Opened, Error>
    where
        F: Future<Output = Result<Arc<dyn Link>, Error>>,
    {
        let each = self.registry.approved().map(|module| {
            let opening = Connection::of(module).map(|connection| open(module.id(), connection));
            async move { Ok((module.id().clone(), opening?.await?)) }
        });
        let (mut links, mut last) = (Vec::new(), None);
        for opened in join_all(each).await {
            match opened {
                Ok(link) => links.push(link),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) if links.is_empty() => Err(error),
            _ => Ok(links),
        }
    }
}

/// What the modules and the gateway itself can do together, as JSON text; of a module alone to the
/// letter.
fn capabilities(links: &Opened, caller: ProtocolVersion, own: &str) -> String {
    #[derive(Deserialize)]
    struct Server<'a> {
        #[serde(borrow)]
        capabilities: &'a RawValue,
    }
    let of = |link: &Arc<dyn Link>| {
        let server: Server<'_> = serde_json::from_slice(link.server()).ok()?;
        let same_era = link.version().is_stateless() == caller.is_stateless();
        Some(if same_era {
            server.capabilities.get().to_owned()
        } else {
            bare(server.capabilities)
        })
    };
    let mut all: Vec<String> = links.iter().filter_map(|(_, link)| of(link)).collect();
    if all.len() == 1 && own == "{}" {
        return all.swap_remove(0);
    }
    all.push(own.to_owned());
    let mut union = Map::new();
    for one in &all {
        if let Ok(Value::Object(one)) = serde_json::from_str(one) {
            merge(&mut union, one);
        }
    }
    Value::Object(union).to_string()
}

/// What of a module's capabilities the other era can use: what needs no stream of its own.
fn bare(capabilities: &RawValue) -> String {
    let all: BTreeMap<String, &RawValue> =
        serde_json::from_str(capabilities.get()).unwrap_or_default();
    let carried = ["tools", "prompts", "resources", "completions"];
    let carried = carried.into_iter().filter(|key| all.contains_key(*key));
    let carried: Vec<_> = carried.map(|key| format!("\"{key}\":{{}}")).collect();
    format!("{{{}}}", carried.join(","))
}

/// Objects join; of two other values the first stays, but a `true` wins.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            (Some(old), Value::Bool(true)) => *old = Value::Bool(true),
            (Some(_), _) => {}
            (None, value) => {
                into.insert(key, value);
            }
        }
    }
}

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
