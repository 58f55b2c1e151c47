use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use mcpo2_core::ModuleId;
use mcpo2_route::{Presence, Stats};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

/// How modules fared when the metrics were read last. Modules are those of the configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Modules(Arc<Mutex<Read>>);

#[derive(Debug, Default)]
struct Read {
    modules: Vec<(ModuleId, Stats)>,
    listed: Vec<Listed>,
}

/// What lists show of a module.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) module: ModuleId,
    pub(crate) presence: Presence,
    /// Entries that are behind another's of the same URI.
    pub(crate) shadowed: usize,
}

impl Modules {
    pub(super) fn set(&self, modules: Vec<(ModuleId, Stats)>, listed: Vec<Listed>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Read { modules, listed };
    }
}

impl Collector for Modules {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Read { modules, listed } = &*read;
        gauge(
            &mut encoder,
            ("mcpo2_modules_missing", "Whether a module does not answer"),
            listed
                .iter()
                .map(|listed| (&listed.module, usize::from(listed.presence.is_missing()))),
        )?;
        gauge(
            &mut encoder,
            (
                "mcpo2_modules_shadowed",
                "Entries of a module that are behind another's of the same URI",
            ),
            listed
                .iter()
                .map(|listed| (&listed.module, listed.shadowed)),
        )?;
        gauge(
            &mut encoder,
            (
                "mcpo2_upstream_inflight",
                "Calls that have a place at a module",
            ),
            modules.iter().map(|(id, stats)| (id, stats.inflight)),
        )?;
        gauge(
            &mut encoder,
            (
                "mcpo2_upstream_ejected",
                "Whether a module is asked no more for a while",
            ),
            modules
                .iter()
                .map(|(id, stats)| (id, usize::from(stats.is_ejected))),
        )?;
        counter(
            &mut encoder,
            (
                "mcpo2_upstream_ejections",
                "How often a module was asked no more for a while",
                "reason",
            ),
            modules.iter().flat_map(|(id, stats)| {
                [
                    (id, "unreachable", stats.ejected_unreachable),
                    (id, "timeout", stats.ejected_timeout),
                ]
            }),
        )?;
        counter(
            &mut encoder,
            (
                "mcpo2_upstream_refused",
                "Calls that found no place at a module, and links that were not opened anew",
                "reason",
            ),
            modules.iter().flat_map(|(id, stats)| {
                [
                    (id, "concurrency", stats.refused),
                    (id, "reopen_budget", stats.reopen_refused),
                ]
            }),
        )?;
        counter(
            &mut encoder,
            (
                "mcpo2_upstream_links_reopened",
                "Links that were opened in place of broken ones",
                "",
            ),
            modules.iter().map(|(id, stats)| (id, "", stats.reopened)),
        )?;
        counter(
            &mut encoder,
            (
                "mcpo2_upstream_noise",
                "What a module said to nobody, which was dropped",
                "kind",
            ),
            modules.iter().flat_map(|(id, stats)| {
                let noise = stats.noise.iter();
                noise.map(move |(kind, count)| (id, kind.as_str(), *count))
            }),
        )
    }
}

fn gauge<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    samples: impl Iterator<Item = (&'a ModuleId, usize)>,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (module, number) in samples {
        let value = ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX));
        value.encode(family.encode_family(&[("module", module.as_str())])?)?;
    }
    Ok(())
}

fn counter<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, label): (&str, &str, &str),
    samples: impl Iterator<Item = (&'a ModuleId, &'static str, u64)>,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (module, kind, number) in samples {
        let value = ConstCounter::new(number);
        let module = ("module", module.as_str());
        match label {
            "" => value.encode(family.encode_family(&[module])?)?,
            label => value.encode(family.encode_family(&[module, (label, kind)])?)?,
        }
    }
    Ok(())
}
