//! The stack: the map of the gateway.

use std::{sync::Arc, time::Duration};

use mcpo2_artifact::{ArtifactLayer, ReferenceLayer, context::ManifestLayer};
use mcpo2_audit::{AuditLayer, IntentLayer};
use mcpo2_classify::{ClassifyLayer, Rules};
use mcpo2_core::{Call, Directory, Duty, Error, Reply};
use mcpo2_policy::{PolicyLayer, RateLayer, RedactLayer, RemoteEngine};
use mcpo2_preamble::{PreambleLayer, Profiles};
use mcpo2_route::{Catalog, CatalogLayer, Dispatch, RouteLayer, Router};
use tower::{
    Service, ServiceBuilder,
    util::{BoxCloneSyncService, Either, MapErrLayer, option_layer},
};

use crate::{
    admission::{AdmissionLayer, Gate},
    telemetry::{Metrics, MetricsLayer},
};

mod panics;
mod spare;

pub(crate) use self::spare::Stacks;

use self::panics::PanicLayer;

/// What answers calls: all layers, and the modules below them.
pub type Stack = BoxCloneSyncService<Call, Reply, Error>;

/// What the layers decide by.
pub(crate) struct Parts {
    pub(crate) above: Above,
    /// None where names need not be real: whatever is not denied goes to the one module.
    pub(crate) catalog: Option<Arc<Catalog>>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) permits: Permits,
    pub(crate) router: Arc<Router>,
    pub(crate) profiles: Arc<Profiles>,
    pub(crate) texts: Texts,
    pub(crate) intents: IntentLayer,
    pub(crate) dispatch: Dispatch,
}

/// What permits calls, and sees to what is owed for them.
pub(crate) struct Permits {
    pub(crate) policy: PolicyLayer,
    /// What is asked of calls that the policy does not deny.
    pub(crate) remote: Option<Arc<dyn RemoteEngine>>,
    pub(crate) rates: RateLayer,
    pub(crate) redact: RedactLayer,
}

/// What puts references in the place of texts, and texts where modules may have them.
pub(crate) struct Texts {
    pub(crate) artifacts: ArtifactLayer,
    pub(crate) references: ReferenceLayer,
    pub(crate) contexts: ManifestLayer,
}

/// The obligations that the layers below the policy see to. A rule that obliges to another denies.
const DISCHARGED: [Duty; 5] = [
    Duty::Preamble,
    Duty::MaxResultBytes,
    Duty::Redact,
    Duty::RateClass,
    Duty::Durability,
];

pub(crate) fn stack(parts: Parts) -> Stack {
    let directory: Arc<dyn Directory> = Arc::<Router>::clone(&parts.router);
    let Permits {
        policy,
        remote,
        rates,
        redact,
    } = parts.permits;
    let Texts {
        artifacts,
        references,
        contexts,
    } = parts.texts;
    let policy = policy.with_directory(Arc::clone(&directory));
    let policy = policy.discharging(DISCHARGED);
    let policy = match remote {
        Some(remote) => Either::Left(policy.and_remote(remote)),
        None => Either::Right(policy),
    };
    let governed = ServiceBuilder::new()
        .layer(option_layer(parts.catalog.map(CatalogLayer::new))) // what the directory knows
        .layer(ClassifyLayer::new(parts.rules).with_directory(directory)) // + family
        .layer(policy) // Call -> Permitted
        .layer(rates) // who keeps to the rates
        .layer(RouteLayer::new(parts.router)) // Permitted -> Routed
        .layer(PreambleLayer::new(parts.profiles)) // Routed + preamble
        .layer(redact.of_references()) // nothing of what was kept
        .layer(artifacts) // large results become references
        .layer(references) // and references what they name, for modules that may know
        .layer(contexts) // + parts of files; below, for nothing in them is a reference
        .layer(redact) // nothing in results that is not to be there
        .layer(parts.intents) // no module hears of a call that is not recorded
        .layer(MetricsLayer::new(Arc::clone(&parts.above.metrics)))
        .service(parts.dispatch); // Routed -> Reply
    parts.above.over(governed)
}

/// What stands above all that decides, whatever that is.
pub(crate) struct Above {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) audit: AuditLayer,
    pub(crate) gate: Gate,
    /// How long a call may take.
    pub(crate) time: Duration,
}

impl Above {
    fn over<S>(self, governed: S) -> Stack
    where
        S: Service<Call, Response = Reply, Error = Error> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let stack = ServiceBuilder::new()
            .layer(MetricsLayer::new(self.metrics))
            .layer(self.audit) // Call -> Record, whatever happens below
            .layer(PanicLayer) // a panic fails one call
            .layer(AdmissionLayer::new(self.gate)) // who is let in, and who is not
            .layer(MapErrLayer::new(Error::from)) // tower's BoxError -> Error
            .timeout(self.time)
            .service(governed);
        BoxCloneSyncService::new(stack)
    }
}

#[cfg(test)]
mod tests;
