use std::sync::Arc;

use futures_util::future::join_all;
use mcpo2_core::{
    Call, Error, ErrorKind, Fact, Id, Listing, ProtocolVersion, Reply, message::result_response,
};
use serde_json::{Value, json};

use super::{
    Gateway, capabilities,
    links::{Opened, Said},
};
use crate::{Session, upstream::ForwardHeaders};

impl Gateway {
    /// Opens the session's links and says what there is behind them.
    pub(super) async fn initialize(
        &self,
        call: &Call,
        id: &Id,
        session: &Arc<Session>,
    ) -> Result<Reply, Error> {
        let opened = self.open_links(session).await?;
        record(call, &opened);
        // With one module the gateway may speak a newer revision than it does; the caller gets one
        // that both do. Over several each link has its own, and the caller's is the gateway's.
        let version = match self.registry.sole() {
            Some(_) => common(&opened.said, session.version()),
            None => session.version(),
        };
        let capabilities = self.capabilities(&opened.said, session.version());
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
        let opened = self.known(call.principal().tenant()).await?;
        record(call, &opened);
        let capabilities = self.capabilities(&opened.said, ProtocolVersion::LATEST);
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
        let deadline = self.catalog.options().deadline;
        let asked = links.iter().map(|(_, link)| {
            let asked = link.request(call.request(), &headers);
            async move { matches!(tokio::time::timeout(deadline, asked).await, Ok(Ok(_))) }
        });
        if !links.is_empty() && !join_all(asked).await.contains(&true) {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "no module takes a log level",
            ));
        }
        Ok(Reply::complete(result_response(id, "{}")))
    }

    fn capabilities(&self, said: &[Said], caller: ProtocolVersion) -> String {
        match self.registry.sole() {
            Some(_) => capabilities::of_one(said, caller, self.own),
            None => capabilities::of_several(said, caller, self.own),
        }
    }
}

/// The newest revision with sessions that the caller and the modules speak.
fn common(said: &[Said], caller: ProtocolVersion) -> ProtocolVersion {
    let theirs = said.iter().map(|said| said.version);
    let theirs = theirs.filter(|version| !version.is_stateless());
    theirs.chain([caller]).min().unwrap_or(caller)
}

fn record(call: &Call, opened: &Opened) {
    if !opened.missing.is_empty() {
        let missing = opened.missing.clone();
        call.trail().record(Fact::Listing(Listing { missing }));
    }
}

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
