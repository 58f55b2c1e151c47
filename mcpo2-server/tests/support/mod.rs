//! What the tests of the running gateway share: a gateway, a client that sends what it is told to
//! the byte, and child processes.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, reason = "a module of each test file")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

pub mod client;
pub mod fixtures;
pub mod paced;
pub mod process;
pub mod scripted;

pub mod tasked;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use mcpo2_audit::{CallRecord, Event, Ledger, Record, Reject};
use mcpo2_server::{
    App, Mode, Shutdown,
    config::{self, Config},
    reload::Reloader,
};
use mcpo2_testkit::raw::{Canned, RawUpstream, vendor::Era};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// What is waited for at most. No test measures it; one that fails takes this long.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// What a file has that waits for what a module lists, however slow the machine is.
pub const PATIENT: &str = "lists: { deadline: 20s }\n";

/// Waits, but not for ever.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// Looks again and again until there is something.
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    soon(what, async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

/// A gateway in this process, on a port of its own.
pub struct Gateway {
    pub address: SocketAddr,
    pub dir: TempDir,
    pub shutdown: Shutdown,
    ledger: Ledger,
    reloader: Reloader,
    config: Config,
    serving: JoinHandle<()>,
}

impl Gateway {
    /// One module over HTTP under its own names, and everything allowed.
    pub async fn before(upstream: &str) -> Self {
        Self::start(&observed(upstream, ""), Mode::Observed).await
    }

    /// What this file says.
    pub async fn governed(yaml: &str) -> Self {
        Self::start(yaml, Mode::Governed).await
    }

    /// A file that says nothing of lists is [`PATIENT`].
    pub async fn start(yaml: &str, mode: Mode) -> Self {
        let patient = match yaml.contains("\nlists:") {
            true => yaml.to_owned(),
            false => format!("{}\n{PATIENT}", yaml.trim_end()),
        };
        let dir = tempfile::tempdir().unwrap();
        let checked = config::check_text("test.yaml", dir.path(), &patient, &|_| None);
        let config = checked
            .config
            .unwrap_or_else(|| panic!("{}", checked.diagnostics));
        let app = App::build(config.clone(), mode).unwrap();
        let reloader = app.reloader().clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ledger, shutdown) = (app.ledger().clone(), app.shutdown().clone());
        let serving = tokio::spawn(async move { app.serve(listener).await.unwrap() });
        Self {
            address,
            dir,
            shutdown,
            ledger,
            reloader,
            config,
            serving,
        }
    }

    /// Reads the same configuration once more.
    pub async fn reload(&self) {
        self.reloader.apply(self.config.clone()).await.unwrap();
    }

    /// What is in the ledger by now.
    pub fn records(&self) -> Vec<Record> {
        self.ledger.flush().unwrap();
        read(&self.dir)
    }

    /// The calls by now.
    pub fn calls(&self) -> Vec<CallRecord> {
        calls(self.records())
    }

    /// The first call of this method that has ended, once it has.
    pub async fn call_of(&self, method: &str) -> CallRecord {
        let found = || {
            let mut calls = self.calls().into_iter();
            calls.find(|call| &*call.request.method == method)
        };
        until(&format!("the record of {method}"), found).await
    }

    /// Drains it, and gives all that it has recorded.
    pub async fn stop(self) -> Vec<Record> {
        self.shutdown.drain();
        soon("the end of the gateway", self.serving).await.unwrap();
        mcpo2_audit::verify(self.dir.path().join("ledger")).unwrap();
        read(&self.dir)
    }
}

/// The file for one module and whoever is on this machine.
pub fn observed(upstream: &str, more: &str) -> String {
    format!(
        "version: 1\nidentity: {{ anonymous: {{ tenant: local }} }}\nmodules:\n  - {{ id: module, \
         family: general, approval: approved, http: {{ url: \"{upstream}\" }} }}\npolicy:\n  \
         rules:\n    - {{ id: all, effect: allow, modules: [module] }}\n{more}"
    )
}

fn read(dir: &TempDir) -> Vec<Record> {
    mcpo2_audit::calls(dir.path().join("ledger"))
        .unwrap()
        .map(|entry| entry.unwrap().record)
        .collect()
}

/// The calls among these records.
pub fn calls(records: Vec<Record>) -> Vec<CallRecord> {
    let call = |record: Record| match record.event {
        Event::Call(call) => Some(*call),
        _ => None,
    };
    records.into_iter().filter_map(call).collect()
}

/// What was refused, among these records.
pub fn rejects(records: Vec<Record>) -> Vec<Reject> {
    let reject = |record: Record| match record.event {
        Event::Reject(reject) => Some(reject),
        _ => None,
    };
    records.into_iter().filter_map(reject).collect()
}

/// An upstream of this era with the vendor's bytes.
pub async fn vendor(era: Era) -> RawUpstream {
    RawUpstream::start(Canned::vendor(era)).await.unwrap()
}

/// The first fact of this kind in a record.
pub fn fact(call: &CallRecord, kind: &str) -> serde_json::Value {
    let facts = serde_json::to_value(&call.facts).unwrap();
    let mut facts = facts.as_array().unwrap().iter();
    facts
        .find_map(|fact| fact.get(kind))
        .cloned()
        .unwrap_or_default()
}

/// An API key: its text, and the line of the configuration that knows it.
pub fn key(id: &str, tenant: &str) -> (String, String) {
    let key = mcpo2_server::identity::NewKey::generate(id.parse().unwrap()).unwrap();
    let entry = key.entry(&tenant.parse().unwrap());
    (key.text().expose().to_owned(), entry)
}

/// The fixture of the conformance suite over HTTP: its URL. It serves until the test ends.
pub async fn fixture() -> String {
    serving(mcpo2_testkit::fixture::Fixture::new().unwrap()).await
}

/// The same, and what tells it that whoever calls `test_reconnection` is back, and may be answered.
pub async fn reconnecting() -> (String, Arc<Notify>) {
    let back = Arc::new(Notify::new());
    let fixture = mcpo2_testkit::fixture::Fixture::new().unwrap();
    let url = serving(fixture.answering_when(Arc::clone(&back))).await;
    (url, back)
}

/// This fixture over HTTP: its URL.
pub async fn serving(fixture: mcpo2_testkit::fixture::Fixture) -> String {
    use mcpo2_testkit::fixture::Http;
    let address = ([127, 0, 0, 1], 0).into();
    let http = Http::bind(fixture, address).await.unwrap();
    let url = http.url();
    tokio::spawn(http.serve(std::future::pending()));
    url
}

/// All files below a directory.
pub fn files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found
}
