use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// How often the configuration was read again, and which one serves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reloads {
    total: Family<Labels, Counter>,
    generation: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    result: &'static str,
    source: &'static str,
}

impl Reloads {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let this = Self::default();
        registry.register(
            "mcpo2_config_reload",
            "Reloads of the configuration",
            Family::clone(&this.total),
        );
        registry.register(
            "mcpo2_config_generation",
            "The generation of the configuration that serves: 1 at the start",
            Gauge::clone(&this.generation),
        );
        this.generation.set(1);
        this
    }

    /// One that ended like this, by this trigger; from here on this generation serves.
    pub(crate) fn count(&self, result: &'static str, source: &'static str, generation: u64) {
        self.total.get_or_create(&Labels { result, source }).inc();
        self.generation
            .set(generation.try_into().unwrap_or(i64::MAX));
    }
}
