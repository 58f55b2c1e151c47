//! A configuration becomes a gateway.

mod contexts;
mod generation;
mod lists;
mod modules;
mod verdicts;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use mcpo2_audit::{Event, Ledger, Note};
use mcpo2_core::{AuthMethod, BoxError, Principal, PrincipalKind};
use mcpo2_route::Connection;
use tokio_util::sync::CancellationToken;
use tower::util::BoxCloneSyncService;

use crate::{
    admission::{Gate, Strangers},
    config::Config,
    edge::{Edge, http::HttpEdge},
    index::LiveIndex,
    library::Opened,
    reload::{Reloader, Source},
    shutdown::Shutdown,
    stack::Stack,
    telemetry::{Metrics, Reloads},
    witness::{OwnLedger, WitnessTask, own_task},
};

pub(crate) use self::generation::{Generation, Generations, Lasting};

/// A gateway that is ready to serve.
#[derive(Debug)]
pub struct App {
    pub(crate) generations: Generations,
    pub(crate) lasting: Arc<Lasting>,
    pub(crate) reloader: Reloader,
    pub(crate) shutdown: Shutdown,
    stack: Stack,
    /// What is to have the ledger witnessed, until it does.
    witnessed: Mutex<Option<WitnessTask<OwnLedger>>>,
    /// It follows the ledger for as long as this is there.
    _index: Option<LiveIndex>,
}

/// Why a configuration is no gateway.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct BuildError {
    what: String,
    source: BoxError,
}

impl BuildError {
    pub(crate) fn because<E: Into<BoxError>>(what: &'static str) -> impl FnOnce(E) -> Self {
        because(what)
    }

    /// Whether another process writes to the ledger.
    #[must_use]
    pub fn is_ledger_held(&self) -> bool {
        let ledger = self.source.downcast_ref::<mcpo2_audit::Error>();
        ledger.is_some_and(|error| error.kind() == mcpo2_audit::ErrorKind::Locked)
    }
}

/// How a gateway treats what its configuration does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As configured: what no rule allows is denied, and only names that are real are found.
    Governed,
    /// One module under its own names; everything is allowed and recorded.
    Observed,
}

impl App {
    /// Opens the ledger, compiles what decides, and puts the stack together. Modules are reached
    /// when they are first called.
    ///
    /// # Errors
    ///
    /// [`BuildError`] says which part, and why.
    pub fn build(config: Config, mode: Mode) -> Result<Self, BuildError> {
        let ledger = open_ledger(&config)?;
        let witnessed = witnessed(&ledger, &config)?;
        let index = LiveIndex::start(&ledger, &config.audit).map_err(because("audit.index"))?;
        let artifacts = config.artifact.clone().compile();
        let mut artifacts = artifacts.map_err(because("artifact"))?;
        let library = config.library.as_ref().map(Opened::open_now);
        let library = library.transpose().map_err(because("library"))?;
        if let Some(opened) = &library {
            artifacts = artifacts.with_library(Arc::clone(&opened.library));
        }
        let artifacts = Arc::new(artifacts);
        let mut metrics = metrics(&ledger, &artifacts);
        if let Some(index) = &index {
            index.watch(&mut metrics);
        }
        let reloads = Reloads::register(metrics.registry_mut());
        let metrics = Arc::new(metrics);
        let lasting = Arc::new(Lasting {
            buckets: Arc::default(),
            gate: Gate::new(&config.http.admission, Arc::clone(&metrics)),
            metrics,
            reloads,
            strangers: Strangers::default(),
            ledger,
            artifacts,
            library,
            mode,
        });
        let first = Generation::build(config, &lasting, None)?;
        let generations = Generations::new(first);
        let follows = generations.clone();
        let stack = tower::service_fn(move |call| {
            let generation = follows.now();
            async move { generation.run(call).await }
        });
        Ok(Self {
            stack: BoxCloneSyncService::new(stack),
            reloader: Reloader::new(generations.clone(), Arc::clone(&lasting)),
            generations,
            lasting,
            shutdown: Shutdown::new(),
            witnessed: Mutex::new(witnessed),
            _index: index,
        })
    }

    /// What stops it.
    #[must_use]
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Reads this file at each reload.
    #[must_use]
    pub fn reading(mut self, source: Source) -> Self {
        self.reloader = self.reloader.reading(source);
        self
    }

    /// What gives it another configuration while it serves.
    #[must_use]
    pub fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Has checkpoints of the ledger witnessed for as long as it runs, where that is configured.
    pub(crate) async fn be_witnessed(&self) {
        let task = self
            .witnessed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            task.run(CancellationToken::new()).await;
        }
        std::future::pending().await
    }

    /// Takes away from the library what nothing keeps, for as long as it runs.
    pub(crate) async fn tend_library(&self) {
        match &self.lasting.library {
            Some(library) => library.tend().await,
            None => std::future::pending().await,
        }
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.lasting.ledger
    }

    /// The stack, for a host that has its own edge. It follows reloads: each call runs through the
    /// one that stands when it begins.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    pub(crate) fn edge(&self) -> Edge {
        Edge::new(self.generations.clone(), Arc::clone(&self.lasting))
    }

    pub(crate) fn http_edge(&self) -> HttpEdge {
        HttpEdge::new(self.edge(), self.shutdown.clone())
    }

    pub(crate) fn note(&self, event: fn(Note) -> Event, note: Note) {
        if let Err(error) = self.lasting.ledger.append(event(note)) {
            tracing::error!(%error, "not recorded");
        }
    }

    /// Ends all connections to modules, and the ledger.
    pub(crate) async fn close(&self) {
        for module in self.generations.now().registry().modules() {
            if let Some(connection) = module.endpoint().get::<Connection>() {
                connection.close().await;
            }
        }
        self.lasting.record_strangers();
        self.note(Event::ServerStop, Note::new("stop"));
        let ledger = self.lasting.ledger.clone();
        let closed = tokio::task::spawn_blocking(move || ledger.close()).await;
        if let Ok(Err(error)) = closed {
            tracing::error!(%error, "the ledger did not close");
        }
    }
}

/// Who speaks over the standard streams of a process: whoever started it.
pub(crate) fn process_principal() -> Option<Principal> {
    let principal = Principal::new(
        "local".parse().ok()?,
        "process".parse().ok()?,
        AuthMethod::Process,
    );
    Some(principal.with_kind(PrincipalKind::User))
}

fn open_ledger(config: &Config) -> Result<Ledger, BuildError> {
    let options = config.audit.compile().map_err(because("audit"))?;
    let dir = PathBuf::from(&config.audit.dir);
    let ledger = Ledger::open(&dir, options).map_err(because("audit"))?;
    let mut note = Note::new("start").with("version", env!("CARGO_PKG_VERSION"));
    if let Some(digest) = config.digest() {
        note = note.with("config", digest.to_string());
    }
    ledger
        .append(Event::ServerStart(note))
        .map_err(because("audit"))?;
    Ok(ledger)
}

fn witnessed(
    ledger: &Ledger,
    config: &Config,
) -> Result<Option<WitnessTask<OwnLedger>>, BuildError> {
    let Some(policy) = &config.audit.checkpoints.witnesses else {
        return Ok(None);
    };
    let task = own_task(ledger, &config.audit.dir, policy)
        .map_err(because("audit.checkpoints.witnesses"))?;
    Ok(Some(task))
}

fn metrics(ledger: &Ledger, artifacts: &Arc<mcpo2_artifact::Artifacts>) -> Metrics {
    let mut metrics = Metrics::new();
    let (queued, kept) = (ledger.clone(), Arc::clone(artifacts));
    let (records, groups, full) = (ledger.clone(), ledger.clone(), ledger.clone());
    metrics.watch(
        "mcpo2_audit_queue_depth",
        "Records that wait for the disk",
        move || queued.stats().waiting.try_into().unwrap_or(i64::MAX),
    );
    metrics.watch(
        "mcpo2_audit_records",
        "Records in the ledger, those that were removed included",
        move || records.stats().head.size.try_into().unwrap_or(i64::MAX),
    );
    metrics.watch(
        "mcpo2_audit_groups",
        "Groups of records that were written since the start, each with one sync",
        move || groups.stats().groups.try_into().unwrap_or(i64::MAX),
    );
    metrics.watch(
        "mcpo2_audit_full",
        "Whether the disk is too full for further calls",
        move || full.stats().full.into(),
    );
    metrics.watch(
        "mcpo2_artifact_bytes",
        "Bytes of results that are kept",
        move || kept.bytes_kept().try_into().unwrap_or(i64::MAX),
    );
    metrics
}

fn because<E: Into<BoxError>>(what: &'static str) -> impl FnOnce(E) -> BuildError {
    move |error| {
        let source = error.into();
        let mut said = format!("{what}: {source}");
        let mut behind = source.source();
        while let Some(error) = behind {
            said.push_str(&format!(": {error}"));
            behind = error.source();
        }
        BuildError { what: said, source }
    }
}
