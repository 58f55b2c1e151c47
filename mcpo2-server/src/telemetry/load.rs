use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::sparing;
use crate::admission::Shed;

/// How much there is to do, and what was not done.
#[derive(Debug)]
pub(super) struct Load {
    shed: Family<Reason, Counter>,
    waited: Histogram,
    memory_stage: Gauge,
    left_out: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

impl Load {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let load = Self {
            shed: Family::default(),
            waited: Histogram::new(exponential_buckets(0.000_5, 4.0, 8)),
            memory_stage: Gauge::default(),
            left_out: Counter::default(),
        };
        // A counter that is there before it counts shows its first step.
        for why in Shed::ALL {
            load.counter(why);
        }
        registry.register(
            "mcpo2_shed",
            "Calls, streams and connections that were refused or cut off for want of room",
            Family::clone(&load.shed),
        );
        registry.register_with_unit(
            "mcpo2_queue_wait",
            "How long calls waited that found no place at once",
            Unit::Seconds,
            load.waited.clone(),
        );
        registry.register(
            "mcpo2_memory_stage",
            "0 where there is memory enough, 1 where no sessions and streams begin, 2 where calls are refused",
            Gauge::clone(&load.memory_stage),
        );
        registry.register(
            "mcpo2_log_lines_left_out",
            "Lines of the log that were not written, since there were too many like them",
            Counter::clone(&load.left_out),
        );
        load
    }

    /// Brings up to date what is counted elsewhere.
    pub(super) fn refresh(&self) {
        self.left_out.inner().store(sparing::left_out(), Relaxed);
    }

    pub(super) fn shed(&self, why: Shed) {
        self.counter(why).inc();
    }

    fn counter(&self, why: Shed) -> Counter {
        let reason = why.as_str();
        self.shed.get_or_create_owned(&Reason { reason })
    }

    pub(super) fn waited(&self, time: Duration) {
        self.waited.observe(time.as_secs_f64());
    }

    pub(super) fn set_memory_stage(&self, stage: u8) {
        self.memory_stage.set(stage.into());
    }
}
