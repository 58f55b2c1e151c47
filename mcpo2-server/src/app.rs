//! A configuration becomes a gateway.

mod modules;

use std::{path::PathBuf, sync::Arc, time::Duration};

use mcpo2_audit::{Event, Ledger, Note};
use mcpo2_core::{AuthMethod, BoxError, Principal, PrincipalKind};
use mcpo2_policy::Policy;
use mcpo2_route::{Catalog, Connection, Dispatch, Gateway, Naming, Registry, Router};

use crate::{
    config::Config,
    edge::{
        Edge,
        http::{BodyLimits, Guard, HttpEdge},
    },
    identity::Authenticator,
    shutdown::Shutdown,
    stack::{Admission, Parts, Stack, stack},
    telemetry::Metrics,
};

/// A gateway that is ready to serve.
#[derive(Debug)]
pub struct App {
    pub(crate) stack: Stack,
    pub(crate) ledger: Ledger,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) config: Config,
    pub(crate) shutdown: Shutdown,
}

/// Why a configuration is no gateway.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct BuildError {
    what: String,
    source: BoxError,
}

impl BuildError {
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

/// What modules have is read again after this long.
const CATALOG_KEPT: Duration = Duration::from_secs(60);

/// Calls at once, over all modules.
const CALLS: usize = 4096;

impl App {
    /// Opens the ledger, compiles what decides, and puts the stack together. Modules are reached
    /// when they are first called.
    ///
    /// # Errors
    ///
    /// [`BuildError`] says which part, and why.
    pub fn build(config: Config, mode: Mode) -> Result<Self, BuildError> {
        let ledger = open_ledger(&config)?;
        let connections = modules::connect(&config).map_err(because("modules"))?;
        let naming = match mode {
            Mode::Governed => Naming::Prefixed,
            Mode::Observed => Naming::Plain,
        };
        let registry = Arc::new(Registry::new(connections, naming).map_err(because("modules"))?);
        let rules = Arc::new(
            config
                .classify
                .clone()
                .compile()
                .map_err(because("classify"))?,
        );
        let profiles = Arc::new(
            config
                .preamble
                .clone()
                .compile()
                .map_err(because("preamble"))?,
        );
        let artifacts = Arc::new(
            config
                .artifact
                .clone()
                .compile()
                .map_err(because("artifact"))?,
        );
        let policy = match mode {
            Mode::Governed => config.policy.clone().compile().map_err(because("policy"))?,
            Mode::Observed => Policy::allow_all(),
        };
        let metrics = Arc::new(metrics(&ledger, &artifacts));
        let (catalog, router) = match mode {
            Mode::Governed => {
                let catalog = Arc::new(Catalog::new(
                    Arc::clone(&registry),
                    modules::ours(),
                    CATALOG_KEPT,
                ));
                let router = Router::over(&catalog);
                (Some(catalog), router)
            }
            Mode::Observed => (None, Router::new(Arc::clone(&registry))),
        };
        let gateway = gateway(mode, &registry, &profiles);
        let stack = stack(Parts {
            ledger: ledger.clone(),
            metrics: Arc::clone(&metrics),
            admission: Admission {
                calls: CALLS,
                time: config.http.timeouts.request,
            },
            catalog,
            rules,
            policy: Arc::new(policy),
            router: Arc::new(router),
            profiles,
            artifacts,
            dispatch: Dispatch::new(Arc::new(gateway)),
        });
        Ok(Self {
            stack,
            ledger,
            metrics,
            registry,
            config,
            shutdown: Shutdown::new(),
        })
    }

    /// What stops it.
    #[must_use]
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The stack, for a host that has its own edge.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    pub(crate) fn edge(&self) -> Edge {
        Edge::new(self.stack.clone(), self.ledger.clone())
    }

    pub(crate) fn http_edge(&self) -> Result<HttpEdge, BuildError> {
        let http = &self.config.http;
        let authenticator =
            Authenticator::new(&self.config.identity).map_err(because("identity"))?;
        let loopback = self.config.listen.ip().is_loopback();
        let guard = Guard::new(loopback, &http.allowed_hosts, &http.allowed_origins);
        let limits = BodyLimits {
            bytes: http.max_body_bytes,
            time: http.timeouts.body,
        };
        let shutdown = self.shutdown.clone();
        Ok(HttpEdge::new(
            self.edge(),
            Arc::new(authenticator),
            guard,
            limits,
            shutdown,
        ))
    }

    pub(crate) fn note(&self, event: fn(Note) -> Event, note: Note) {
        if let Err(error) = self.ledger.append(event(note)) {
            tracing::error!(%error, "not recorded");
        }
    }

    /// Ends all connections to modules, and the ledger.
    pub(crate) async fn close(&self) {
        for module in self.registry.modules() {
            if let Some(connection) = module.endpoint().get::<Connection>() {
                connection.close().await;
            }
        }
        self.note(Event::ServerStop, Note::new("stop"));
        let ledger = self.ledger.clone();
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

fn gateway(
    mode: Mode,
    registry: &Arc<Registry>,
    profiles: &Arc<mcpo2_preamble::Profiles>,
) -> Gateway {
    let profiles = Arc::clone(profiles);
    let gateway = Gateway::new(Arc::clone(registry), modules::ours())
        .with_instructions(move |principal| profiles.instructions(principal));
    match mode {
        // Any rule may oblige a result to become a reference.
        Mode::Governed => gateway.with_own_resources(),
        Mode::Observed => gateway,
    }
}

fn open_ledger(config: &Config) -> Result<Ledger, BuildError> {
    let options = config.audit.compile().map_err(because("audit"))?;
    let dir = PathBuf::from(&config.audit.dir);
    let ledger = Ledger::open(&dir, options).map_err(because("audit"))?;
    let note = Note::new("start").with("version", env!("CARGO_PKG_VERSION"));
    ledger
        .append(Event::ServerStart(note))
        .map_err(because("audit"))?;
    Ok(ledger)
}

fn metrics(ledger: &Ledger, artifacts: &Arc<mcpo2_artifact::Artifacts>) -> Metrics {
    let mut metrics = Metrics::new();
    let (queued, kept) = (ledger.clone(), Arc::clone(artifacts));
    metrics.watch(
        "mcpo2_audit_queue_depth",
        "Records that wait for the disk",
        move || queued.stats().waiting.try_into().unwrap_or(i64::MAX),
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
        BuildError {
            what: format!("{what}: {source}"),
            source,
        }
    }
}
