use std::{fmt, time::Duration};

use mcpo2_core::{Basis, Error, Fact, Method, ModuleId, Reply};
use mcpo2_route::Stats;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::{
    load::Load,
    modules::{Listed, Modules},
    policy::PolicyMetrics,
};
use crate::admission::Shed;

/// All metrics. Every label comes from a fixed set, or from the configuration: never from a caller.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    duration: Family<Operation, Histogram>,
    upstream: Family<Upstream, Histogram>,
    policy: PolicyMetrics,
    routes: Family<Route, Counter>,
    offloaded: Counter,
    in_flight: Gauge,
    sessions: Gauge,
    load: Load,
    modules: Modules,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    mcp_method_name: Text,
    error_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Upstream {
    mcp_method_name: Text,
    module: Name,
    error_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    module: Name,
    outcome: &'static str,
}

/// The name of a method that we know, or what stands for all others.
type Text = &'static str;

/// A name that is cheap to clone; empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Name {
    None,
    Module(ModuleId),
    Family(mcpo2_core::Family),
}

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        match self {
            Self::None => "".encode(encoder),
            Self::Module(module) => module.as_str().encode(encoder),
            Self::Family(family) => family.as_str().encode(encoder),
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let duration = Family::<Operation, Histogram>::new_with_constructor(histogram);
        let upstream = Family::<Upstream, Histogram>::new_with_constructor(histogram);
        let routes = Family::default();
        let (offloaded, in_flight) = (Counter::default(), Gauge::default());
        let sessions = Gauge::default();
        registry.register_with_unit(
            "mcp_server_operation_duration",
            "Duration of a request as seen by the gateway",
            Unit::Seconds,
            duration.clone(),
        );
        registry.register_with_unit(
            "mcp_client_operation_duration",
            "Duration of a request to a module, up to the head of its answer",
            Unit::Seconds,
            upstream.clone(),
        );
        let policy = PolicyMetrics::register(&mut registry);
        registry.register(
            "mcpo2_route_decisions",
            "Routing decisions",
            Family::clone(&routes),
        );
        registry.register(
            "mcpo2_artifacts_offloaded",
            "Results that became references",
            Counter::clone(&offloaded),
        );
        registry.register(
            "mcpo2_calls_in_flight",
            "Calls under way",
            Gauge::clone(&in_flight),
        );
        registry.register(
            "mcpo2_sessions",
            "Sessions that are open",
            Gauge::clone(&sessions),
        );
        let modules = Modules::default();
        registry.register_collector(Box::new(modules.clone()));
        Self {
            modules,
            duration,
            upstream,
            policy,
            routes,
            offloaded,
            in_flight,
            sessions,
            load: Load::register(&mut registry),
            registry,
        }
    }

    /// A call or a stream that was refused because there is too much to do.
    pub(crate) fn shed(&self, why: Shed) {
        self.load.shed(why);
    }

    /// A call that had to wait for its place.
    pub(crate) fn waited(&self, time: Duration) {
        self.load.waited(time);
    }

    pub(crate) fn set_memory_stage(&self, stage: u8) {
        self.load.set_memory_stage(stage);
    }

    /// Adds a number that is read when the metrics are.
    pub(crate) fn watch(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) {
        self.registry
            .register_collector(Box::new(super::service::Watched::new(name, help, read)));
    }

    pub(crate) fn set_modules(&self, modules: Vec<(ModuleId, Stats)>, listed: Vec<Listed>) {
        self.modules.set(modules, listed);
    }

    pub(crate) fn begin(&self) {
        self.in_flight.inc();
    }

    pub(crate) fn end(
        &self,
        method: &Method,
        result: Result<&Reply, &Error>,
        facts: &[Fact],
        took: Duration,
    ) {
        self.in_flight.dec();
        let operation = Operation {
            mcp_method_name: method_label(method),
            error_type: error_type(result),
        };
        self.duration
            .get_or_create(&operation)
            .observe(took.as_secs_f64());
        self.count(facts);
    }

    pub(super) fn policy(&self) -> &PolicyMetrics {
        &self.policy
    }

    /// For what has metrics of its own.
    pub(crate) fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    pub(crate) fn set_sessions(&self, open: usize) {
        self.sessions.set(open.try_into().unwrap_or(i64::MAX));
    }

    pub(crate) fn upstream(
        &self,
        method: &Method,
        module: &ModuleId,
        result: Result<&Reply, &Error>,
        took: Duration,
    ) {
        let labels = Upstream {
            mcp_method_name: method_label(method),
            module: Name::Module(module.clone()),
            error_type: error_type(result),
        };
        self.upstream
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// A call that was dropped before it was answered.
    pub(crate) fn cancelled(&self) {
        self.in_flight.dec();
    }

    pub(crate) fn encode(&self) -> String {
        self.load.refresh();
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    fn count(&self, facts: &[Fact]) {
        let mut family = Name::None;
        for fact in facts {
            match fact {
                Fact::Classified(found) => {
                    // A family that text alone speaks of is a rule pack's, so it is bounded too.
                    let known = found.basis != Basis::Nothing;
                    let named = found.family.as_ref().filter(|_| known);
                    family = named.map_or(Name::None, |family| Name::Family(family.clone()));
                }
                Fact::Decided(decided) => self.policy.decided(decided, &family),
                Fact::Routed(routing) => {
                    let module = routing.module.clone();
                    let outcome = match (&module, routing.candidates.is_empty()) {
                        (Some(_), _) => "module",
                        (None, true) => "gateway",
                        (None, false) => "rejected",
                    };
                    let labels = Route {
                        module: module.map_or(Name::None, Name::Module),
                        outcome,
                    };
                    self.routes.get_or_create(&labels).inc();
                }
                Fact::Offloaded(_) => {
                    self.offloaded.inc();
                }
                _ => {}
            }
        }
    }
}

fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 4.0, 10))
}

fn error_type(result: Result<&Reply, &Error>) -> &'static str {
    match result {
        Ok(reply) if reply.status().is_success() => "",
        Ok(_) => "protocol_error",
        Err(error) => error.kind().as_str(),
    }
}

/// Methods that nobody knows share one label, so that a caller cannot make new series.
fn method_label(method: &Method) -> Text {
    method.known().unwrap_or("_other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_cannot_make_new_series() {
        let metrics = Metrics::new();
        for n in 0..10_000 {
            metrics.begin();
            let method = Method::Other(format!("vendor/{n}").into());
            metrics.end(
                &method,
                Ok(&Reply::accepted()),
                &[],
                Duration::from_millis(1),
            );
        }
        let text = metrics.encode();
        assert!(
            text.contains("mcp_server_operation_duration_seconds_count{mcp_method_name=\"_other\"")
        );
        assert!(text.lines().count() < 100, "{text}");
    }
}
