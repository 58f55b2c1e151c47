use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use mcpo2_core::ModuleId;
use mcpo2_route::{Presence, Quarantined, Stats};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use crate::lookalikes::Suspicious;

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
    /// Tools that are left out.
    pub(crate) quarantined: Vec<Quarantined>,
    /// Names that readers may take for others.
    pub(crate) suspicious: BTreeSet<Suspicious>,
}

impl Modules {
    pub(super) fn set(&self, modules: Vec<(ModuleId, Stats)>, listed: Vec<Listed>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Read { modules, listed };
    }
}

/// A gauge of what lists show: its name, what it is, and its value.
type OfListed = (&'static str, &'static str, fn(&Listed) -> usize);

/// A gauge of how a module fares.
type OfStats = (&'static str, &'static str, fn(&Stats) -> usize);

/// A counter of how a module fared: its name, what it is, its second label, and the values under
/// that.
type Counted = (&'static str, &'static str, &'static str, Counts);

type Counts = fn(&Stats) -> Vec<(&'static str, u64)>;

const LISTED: [OfListed; 4] = [
    (
        "mcpo2_modules_missing",
        "Whether a module does not answer",
        |listed| usize::from(listed.presence.is_missing()),
    ),
    (
        "mcpo2_modules_shadowed",
        "Entries of a module that are behind another's of the same URI",
        |listed| listed.shadowed,
    ),
    (
        "mcpo2_modules_quarantined",
        "Tools of a module that are left out",
        |listed| listed.quarantined.len(),
    ),
    (
        "mcpo2_modules_suspicious_names",
        "Names of a module that readers may take for others",
        |listed| listed.suspicious.len(),
    ),
];

const FARES: [OfStats; 2] = [
    (
        "mcpo2_upstream_inflight",
        "Calls that have a place at a module",
        |stats| stats.inflight,
    ),
    (
        "mcpo2_upstream_ejected",
        "Whether a module is asked no more for a while",
        |stats| usize::from(stats.is_ejected),
    ),
];

const COUNTED: [Counted; 5] = [
    (
        "mcpo2_upstream_ejections",
        "How often a module was asked no more for a while",
        "reason",
        |stats| {
            vec![
                ("unreachable", stats.ejected_unreachable),
                ("timeout", stats.ejected_timeout),
            ]
        },
    ),
    (
        "mcpo2_upstream_refused",
        "Calls that found no place at a module, and links that were not opened anew",
        "reason",
        |stats| {
            vec![
                ("concurrency", stats.refused),
                ("reopen_budget", stats.reopen_refused),
            ]
        },
    ),
    (
        "mcpo2_upstream_links_reopened",
        "Links that were opened in place of broken ones",
        "",
        |stats| vec![("", stats.reopened)],
    ),
    (
        "mcpo2_upstream_second_tries",
        "Calls that went to a second address of a module, since the first took none",
        "",
        |stats| vec![("", stats.second_tries)],
    ),
    (
        "mcpo2_upstream_noise",
        "What a module said to nobody, which was dropped",
        "kind",
        |stats| {
            let noise = stats.noise.iter();
            noise.map(|(kind, count)| (kind.as_str(), *count)).collect()
        },
    ),
];

impl Collector for Modules {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Read { modules, listed } = &*read;
        for (name, help, value) in LISTED {
            let samples = listed.iter().map(|listed| (&listed.module, value(listed)));
            gauge(&mut encoder, (name, help), samples)?;
        }
        for (name, help, value) in FARES {
            let samples = modules.iter().map(|(id, stats)| (id, value(stats)));
            gauge(&mut encoder, (name, help), samples)?;
        }
        for (name, help, label, values) in COUNTED {
            let samples = modules.iter().flat_map(|(id, stats)| {
                let values = values(stats).into_iter();
                values.map(move |(kind, number)| (id, kind, number))
            });
            counter(&mut encoder, (name, help, label), samples)?;
        }
        Ok(())
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
