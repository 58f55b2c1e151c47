use std::{net::SocketAddr, path::Path};

use mcpo2_audit::{CallRecord, Record};
use mcpo2_server::{
    App, Mode, Shutdown,
    reload::{Reloader, Source},
};
use mcpo2_testkit::raw::{RawUpstream, vendor::Era};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::support::{
    PATIENT, calls,
    client::{Answer, modern, stateless},
    soon, vendor,
};

/// In Rego: everything but what streams, and that with a reason.
pub(crate) const REGO: &str = r#"package mcpo2.policy

streams if input.target.name == "m__vendor_stream"

decision := {"allow": true, "rules": ["rego-others"]} if not streams

decision := {
    "allow": false, "rules": ["rego-no-streams"], "reason": "streams are not looked through",
    "public_code": "NO_STREAMS", "visible": "denied",
} if streams
"#;

/// In Cedar: everything but what fails.
pub(crate) const CEDAR: &str = r#"
@id("cedar-all") permit (principal, action, resource);

@id("cedar-no-errors") forbid (principal, action, resource == Mcpo2::Tool::"m__vendor_error");
"#;

/// A module and these engines, where the rules allow all that the module has but `vendor_hang`.
pub(crate) fn yaml(url: &str, engines: &str) -> String {
    format!(
        "version: 1\nidentity: {{ anonymous: {{ tenant: local }} }}\n{PATIENT}modules:\n  - {{ id: m, \
         family: general, approval: approved, http: {{ url: \"{url}\" }} }}\npolicy: {{ rules: [{{ id: \
         all, effect: allow, modules: [m] }}, {{ id: no-hang, effect: deny, tools: [m__vendor_hang] }}] }}\nengines: {engines}\n"
    )
}

/// A gateway that serves by a file with files beside it.
pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) upstream: RawUpstream,
    pub(crate) reloader: Reloader,
    address: SocketAddr,
    shutdown: Shutdown,
    serving: JoinHandle<()>,
}

impl House {
    /// One with these files and these engines.
    pub(crate) async fn with(files: &[(&str, &str)], engines: &str) -> Self {
        Self::before(vendor(Era::Modern).await, files, engines).await
    }

    /// The same, before this module.
    pub(crate) async fn before(
        upstream: RawUpstream,
        files: &[(&str, &str)],
        engines: &str,
    ) -> Self {
        let dir = place(files);
        let file = dir.path().join("mcpo2.yaml");
        std::fs::write(&file, yaml(&upstream.url(), engines)).unwrap();
        let source = Source::new(&file).ledger(dir.path().join("ledger"));
        let config = source.load().unwrap_or_else(|found| panic!("{found}"));
        let app = App::build(config, Mode::Governed).unwrap().reading(source);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            dir,
            upstream,
            address: listener.local_addr().unwrap(),
            reloader: app.reloader().clone(),
            shutdown: app.shutdown().clone(),
            serving: tokio::spawn(async move { app.serve(listener).await.unwrap() }),
        }
    }

    pub(crate) async fn call(&self, tool: &str, arguments: &str) -> Answer {
        let params = format!(r#""name":"m__{tool}","arguments":{arguments}"#);
        let body = stateless("1", "tools/call", &params);
        modern(self.address, body).answer().await
    }

    /// Whether a tool may be called: what is denied is unknown.
    pub(crate) async fn works(&self, tool: &str) -> bool {
        self.call(tool, "{}").await.code() != Some(-32602)
    }

    /// Whether a tool is shown.
    pub(crate) async fn shows(&self, tool: &str) -> bool {
        let body = stateless("1", "tools/list", "");
        let answer = modern(self.address, body).answer().await;
        assert!(answer.text().contains(r#""tools""#), "{}", answer.text());
        answer.text().contains(&format!("\"m__{tool}\""))
    }

    /// This in place of what a file says, without a moment in which it says half of it.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let file = self.dir.path().join(file);
        let beside = file.with_extension("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, file).unwrap();
    }

    pub(crate) async fn stop(self) -> Vec<Record> {
        self.shutdown.drain();
        soon("the end of the gateway", self.serving).await.unwrap();
        let ledger = self.dir.path().join("ledger");
        mcpo2_audit::verify(&ledger).unwrap();
        let entries = mcpo2_audit::calls(&ledger).unwrap();
        entries.map(|entry| entry.unwrap().record).collect()
    }
}

/// A directory with these files.
pub(crate) fn place(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = dir.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new(""))).unwrap();
        std::fs::write(file, text).unwrap();
    }
    dir
}

/// What decided each call of a tool: the effect, the rules and the digest.
pub(crate) fn decided(records: Vec<Record>) -> Vec<(Value, Value, Value)> {
    let of_tool = |call: &CallRecord| &*call.request.method == "tools/call";
    let each = calls(records).into_iter().filter(of_tool).map(|call| {
        let decided = crate::support::fact(&call, "decided");
        let part = |name: &str| decided[name].clone();
        (part("effect"), part("rules"), part("bundle"))
    });
    each.collect()
}
