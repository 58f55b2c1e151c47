use std::fmt::Write as _;

use serde::Serialize;

use crate::{Process, load::number, report::median};

/// What a process holds at one time.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Sample {
    rss_kib: u64,
    fds: u64,
    threads: u64,
    children: u64,
}

/// What it held over time.
#[derive(Debug, Default, Serialize)]
pub(super) struct Samples(Vec<Sample>);

/// One kind of what is held, and how much it may grow, in all and by share.
struct Kind {
    name: &'static str,
    of: fn(&Sample) -> u64,
    most: f64,
    share: f64,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "KiB of memory",
        of: |sample| sample.rss_kib,
        most: 6.0 * 1024.0,
        share: 0.08,
    },
    Kind {
        name: "descriptors",
        of: |sample| sample.fds,
        most: 24.0,
        share: 0.1,
    },
    Kind {
        name: "threads",
        of: |sample| sample.threads,
        most: 4.0,
        share: 0.1,
    },
    Kind {
        name: "child processes",
        of: |sample| sample.children,
        most: 4.0,
        share: 0.1,
    },
];

impl Sample {
    pub(super) fn of(process: Process) -> anyhow::Result<Self> {
        Ok(Self {
            rss_kib: process.rss_kib()?,
            fds: process.fds()?,
            threads: process.threads()?,
            children: process.children(),
        })
    }
}

impl Samples {
    pub(super) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    pub(super) fn least_fds(&self) -> u64 {
        self.0.iter().map(|sample| sample.fds).min().unwrap_or(0)
    }

    /// What grew. The first fifth is warm-up; of the rest the median of the last third is held
    /// against that of the first, so that a peak is no growth.
    pub(super) fn growth(&self) -> Vec<String> {
        let steady = self.0.get(self.0.len() / 5..).unwrap_or_default();
        let third = steady.len() / 3;
        let (Some(first), Some(last)) = (steady.get(..third), steady.get(steady.len() - third..))
        else {
            return Vec::new();
        };
        let middle = |samples: &[Sample], of: fn(&Sample) -> u64| {
            median(samples.iter().map(|sample| number(of(sample)))).unwrap_or(0.0)
        };
        let grown = KINDS.iter().filter_map(|kind| {
            let (before, after) = (middle(first, kind.of), middle(last, kind.of));
            let grew = after - before > kind.most.max(before * kind.share);
            grew.then(|| format!("{} grew from {before} to {after}", kind.name))
        });
        grown.collect()
    }

    pub(super) fn summary(&self) -> String {
        let mut text = format!("{} samples", self.0.len());
        for kind in KINDS {
            let values = || self.0.iter().map(|sample| number((kind.of)(sample)));
            let least = values().fold(f64::MAX, f64::min);
            let most = values().fold(0.0, f64::max);
            let last = values().next_back().unwrap_or(0.0);
            let _ = write!(text, "; {}: {least} to {most}, last {last}", kind.name);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(rss: impl Fn(u64) -> u64) -> Samples {
        let sample = |n| Sample {
            rss_kib: rss(n),
            fds: 50,
            threads: 5,
            children: 1,
        };
        Samples((0..240).map(sample).collect())
    }

    #[test]
    fn a_leak_is_found_and_a_warm_up_or_a_peak_is_none() {
        let leak = samples(|n| 20_000 + n * 100).growth();
        assert_eq!(leak.len(), 1, "{leak:?}");
        assert!(leak[0].starts_with("KiB of memory grew"));
        assert!(
            samples(|n| if n < 40 { 10_000 + n * 500 } else { 30_000 })
                .growth()
                .is_empty()
        );
        assert!(
            samples(|n| if n == 239 {
                90_000
            } else {
                30_000 + n % 7 * 300
            })
            .growth()
            .is_empty()
        );
    }
}
