use std::sync::Arc;

use arc_swap::ArcSwap;
use mcpo2_artifact::{ArtifactLayer, Artifacts, Passing, ReferenceLayer};
use mcpo2_audit::{AuditLayer, IntentLayer, Ledger};
use mcpo2_core::{Call, Error, Frame, Reply};
use mcpo2_policy::Buckets;
use mcpo2_route::{Catalog, CatalogOptions, Change, Dispatch, Gateway, Naming, Registry, Router};
use tokio::sync::watch;
use tower_http::cors::CorsLayer;

use super::{BuildError, Mode, because, contexts, lists, modules, verdicts::Verdicts};
use crate::{
    admission::{Gate, Strangers},
    config::{Builtin, Config, Transport},
    cors,
    edge::http::{BodyLimits, Guard},
    identity::Authenticator,
    keys::Keys,
    library::Opened,
    lookalikes::Lookalikes,
    serve::Tls,
    stack::{Above, Parts, Stack, Stacks, Texts, stack},
    telemetry::{Metrics, Reloads},
};

/// What one configuration became: everything that decides about a request.
///
/// A request takes one when it begins and keeps it to its end, so that it never sees the half of
/// a reload.
#[derive(Debug)]
pub(crate) struct Generation {
    number: u64,
    config: Config,
    stacks: Stacks,
    routes: Routes,
    verdicts: Verdicts,
    keys: Keys,
    authenticator: Authenticator,
    tls: Option<Tls>,
    guard: Guard,
    cors: CorsLayer,
}

/// What stays when the configuration changes.
#[derive(Debug)]
pub(crate) struct Lasting {
    pub(crate) ledger: Ledger,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) artifacts: Arc<Artifacts>,
    pub(crate) library: Option<Opened>,
    pub(crate) reloads: Reloads,
    pub(crate) gate: Gate,
    /// What callers have used of their rates.
    pub(crate) buckets: Arc<Buckets>,
    pub(crate) strangers: Strangers,
    pub(crate) mode: Mode,
}

impl Lasting {
    /// Records how many refusals of strangers have no record of their own since the last time.
    pub(crate) fn record_strangers(&self) {
        for reject in self.strangers.take() {
            if let Err(error) = self.ledger.reject(reject) {
                tracing::error!(%error, "not recorded");
            }
        }
    }
}

/// The modules, and how calls find to them.
#[derive(Debug, Clone)]
struct Routes {
    registry: Arc<Registry>,
    /// None where names need not be real: whatever is not denied goes to the one module.
    catalog: Option<Arc<Catalog>>,
    router: Arc<Router>,
    /// What is suspicious among the names that the catalog has.
    lookalikes: Lookalikes,
}

/// The generation that serves now, shared by all who ask for it.
#[derive(Debug, Clone)]
pub(crate) struct Generations {
    now: Arc<ArcSwap<Generation>>,
    changes: watch::Sender<u64>,
}

impl Generations {
    pub(crate) fn new(first: Generation) -> Self {
        Self {
            changes: watch::Sender::new(first.number),
            now: Arc::new(ArcSwap::from_pointee(first)),
        }
    }

    /// The one for a request that begins now.
    pub(crate) fn now(&self) -> Arc<Generation> {
        self.now.load_full()
    }

    /// Puts `next` in the place of the one that serves.
    pub(crate) fn swap(&self, next: Generation) {
        let number = next.number;
        let next = Arc::new(next);
        let before = self.now.swap(Arc::clone(&next));
        self.changes.send_replace(number);
        if let Some(catalog) = next.catalog().filter(|_| next.shows_otherwise(&before)) {
            catalog.changed(&Change::ALL);
        }
    }

    /// Tells the number of each generation that begins to serve from here on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

#[cfg(test)]
impl Generations {
    /// The same, with another stack from here on.
    pub(crate) fn replace_stack(&self, lasting: &Lasting, stack: Stack) {
        let now = self.now();
        let next = Generation::build(now.config.clone(), lasting, Some(&now)).unwrap();
        let stacks = stack.into();
        self.swap(Generation { stacks, ..next });
    }
}

impl Generation {
    /// Compiles what decides, and puts the stack together. What did not change since `before` is
    /// taken over, connections to modules first of all.
    pub(crate) fn build(
        config: Config,
        lasting: &Lasting,
        before: Option<&Self>,
    ) -> Result<Self, BuildError> {
        let routes = Routes::build(&config, lasting, before)?;
        let verdicts = Verdicts::build(&config, lasting.mode, before.map(Self::decided_by))?;
        let keys = Keys::of(&config, before.map(|before| &before.keys));
        let keys = keys.map_err(because("http.sessions.keys"))?;
        let authenticator = Authenticator::new(&config.identity).map_err(because("identity"))?;
        let tls = config.http.tls.as_ref().map(Tls::new).transpose();
        let tls = tls.map_err(because("http.tls"))?;
        let (http, loopback) = (&config.http, config.listen.ip().is_loopback());
        let guard = Guard::new(loopback, &http.allowed_hosts, &http.allowed_origins);
        let number = before.map_or(1, |before| before.number + 1);
        let stack = assemble(&config, number, lasting, (&routes, &verdicts, &keys))?;
        modules::weigh(&routes.registry, &config);
        lasting.gate.configure(&config.http.admission);
        Ok(Self {
            number,
            stacks: stack.into(),
            routes,
            verdicts,
            keys,
            authenticator,
            tls,
            cors: cors::layer(guard.origins()),
            guard,
            config,
        })
    }

    /// Its number: the first is 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether callers may see other lists than before.
    fn shows_otherwise(&self, before: &Self) -> bool {
        !Arc::ptr_eq(&self.routes.router, &before.routes.router)
            || !Arc::ptr_eq(&self.verdicts.policy, &before.verdicts.policy)
            || !Arc::ptr_eq(&self.verdicts.engines, &before.verdicts.engines)
            || self.config.environment != before.config.environment
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// What a module says outside of calls, as far as a client may have it.
    pub(crate) fn outside(&self, frame: Frame, lasting: &Lasting) -> Option<Frame> {
        self.verdicts.outside(frame, lasting)
    }

    pub(super) fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.routes.registry
    }

    /// What modules have; none with one module under its own names.
    pub(crate) fn catalog(&self) -> Option<&Arc<Catalog>> {
        self.routes.catalog.as_ref()
    }

    /// What is suspicious among the names that modules list.
    pub(crate) fn lookalikes(&self) -> &Lookalikes {
        &self.routes.lookalikes
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// What those who connect are shown; none where HTTP is plain.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// What the pages of browsers may read.
    pub(crate) fn cors(&self) -> &CorsLayer {
        &self.cors
    }

    pub(crate) fn body_limits(&self) -> BodyLimits {
        BodyLimits {
            bytes: self.config.http.max_body_bytes,
            time: self.config.http.timeouts.body,
        }
    }

    /// Runs a call through the stack.
    pub(crate) async fn run(&self, call: Call) -> Result<Reply, Error> {
        self.stacks.run(call).await
    }
}

impl Routes {
    fn build(
        config: &Config,
        lasting: &Lasting,
        before: Option<&Generation>,
    ) -> Result<Self, BuildError> {
        let connections = modules::connect(config, before).map_err(because("modules"))?;
        let same_lists = before.is_some_and(|before| before.config.lists == config.lists);
        let kept = before.map(|before| &before.routes).filter(|routes| {
            let before = routes.registry.modules();
            before.count() == connections.len()
                && same_lists
                && connections.iter().all(|module| {
                    routes
                        .registry
                        .modules()
                        .any(|kept| Arc::ptr_eq(kept, module))
                })
        });
        if let Some(kept) = kept {
            return Ok(kept.clone());
        }
        let naming = match (lasting.mode, &config.lists.unprefixed) {
            (Mode::Governed, None) => Naming::Prefixed,
            (Mode::Governed, Some(alone)) => Naming::Unprefixed(alone.clone()),
            (Mode::Observed, _) => Naming::Plain,
        };
        let registry = Arc::new(Registry::new(connections, naming).map_err(because("modules"))?);
        let lookalikes = Lookalikes::default();
        let (catalog, router) = match lasting.mode {
            Mode::Governed => {
                let before = before.and_then(|before| before.routes.catalog.as_deref());
                let options = lists::options(&config.lists, &lasting.ledger, &lookalikes, before);
                let (registry, ours) = (Arc::clone(&registry), modules::ours());
                let catalog = Arc::new(Catalog::with_options(registry, ours, options));
                let router = Router::over(&catalog);
                (Some(catalog), router)
            }
            Mode::Observed => (None, Router::new(Arc::clone(&registry))),
        };
        Ok(Self {
            registry,
            catalog,
            router: Arc::new(router),
            lookalikes,
        })
    }
}

fn assemble(
    config: &Config,
    generation: u64,
    lasting: &Lasting,
    (routes, verdicts, keys): (&Routes, &Verdicts, &Keys),
) -> Result<Stack, BuildError> {
    let profiles = config.preamble.clone().compile();
    let profiles = Arc::new(profiles.map_err(because("preamble"))?);
    let gateway = gateway(config, lasting, routes, &profiles, keys);
    let above = Above {
        metrics: Arc::clone(&lasting.metrics),
        audit: AuditLayer::new(lasting.ledger.clone())
            .with_generation(generation)
            .with_durability(config.audit.durability)
            .with_receipts(config.audit.checkpoints.receipts),
        gate: lasting.gate.clone(),
        time: config.http.timeouts.request,
    };
    Ok(stack(Parts {
        above,
        catalog: routes.catalog.clone(),
        rules: Arc::clone(&verdicts.rules),
        permits: verdicts.permits(config, lasting)?,
        router: Arc::clone(&routes.router),
        profiles,
        texts: Texts {
            artifacts: artifacts(config, lasting),
            references: references(config, lasting)?,
            contexts: contexts::layer(config, lasting)?,
        },
        intents: intents(config, lasting),
        dispatch: Dispatch::new(Arc::new(gateway)),
    }))
}

fn artifacts(config: &Config, lasting: &Lasting) -> ArtifactLayer {
    let layer = ArtifactLayer::new(Arc::clone(&lasting.artifacts));
    let mut modules = config.modules.iter();
    let tools = modules.find(|module| match &module.transport {
        Transport::Builtin(part) => part.name == Builtin::Artifact,
        _ => false,
    });
    match tools {
        Some(module) => layer.with_tools(module.id.clone()),
        None => layer,
    }
}

fn references(config: &Config, lasting: &Lasting) -> Result<ReferenceLayer, BuildError> {
    let mut passing = Passing::default();
    for module in &config.modules {
        if let Some(config) = &module.references {
            let with = passing.with(module.id.clone(), config.clone());
            passing = with.map_err(because("modules"))?;
        }
    }
    let artifacts = Arc::clone(&lasting.artifacts);
    Ok(ReferenceLayer::new(artifacts, Arc::new(passing)))
}

fn intents(config: &Config, lasting: &Lasting) -> IntentLayer {
    let audit = &config.audit;
    IntentLayer::new(lasting.ledger.clone())
        .with_durability(audit.durability)
        .with_reads(audit.reads.unwrap_or(audit.durability))
}

fn gateway(
    config: &Config,
    lasting: &Lasting,
    routes: &Routes,
    profiles: &Arc<mcpo2_preamble::Profiles>,
    keys: &Keys,
) -> Gateway {
    let profiles = Arc::clone(profiles);
    let gateway = Gateway::new(Arc::clone(&routes.registry), modules::ours());
    let gateway = match &routes.catalog {
        Some(catalog) => {
            catalog.seal_with(keys.ring());
            gateway.with_catalog(Arc::clone(catalog))
        }
        None => {
            let options = CatalogOptions::new().deadline(config.lists.deadline);
            let registry = Arc::clone(&routes.registry);
            let catalog = Catalog::with_options(registry, modules::ours(), options);
            gateway.with_catalog(Arc::new(catalog))
        }
    };
    let gateway = gateway
        .with_seal(Arc::clone(keys.ring()))
        .with_instructions(move |principal| profiles.instructions(principal));
    match lasting.mode {
        // Any rule may oblige a result to become a reference.
        Mode::Governed => gateway.with_own_resources(lasting.artifacts.templates()),
        Mode::Observed => gateway,
    }
}
