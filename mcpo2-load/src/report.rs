//! What rounds add up to.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{Load, Pace, Process, Round, Target, load::number};

/// All rounds of one target under one load.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) target: String,
    pub(crate) rounds: Vec<Round>,
    rss_kib: Option<u64>,
    fds: Option<u64>,
}

/// One line of a table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) load: String,
    pub(crate) target: String,
    pub(crate) calls: u64,
    pub(crate) wrong: u64,
    pub(crate) fault: Option<String>,
    /// Calls a second.
    pub(crate) rate: Rate,
    pub(crate) cpu: Cpu,
    pub(crate) latency: Latency,
    pub(crate) rss_kib: Option<u64>,
    pub(crate) fds: Option<u64>,
}

/// The median over rounds, and the median of the ratios to the baseline in the same round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rate {
    pub(crate) of: f64,
    pub(crate) ratio: Option<f64>,
}

/// CPU time a call, likewise.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cpu {
    pub(crate) us: Option<f64>,
    pub(crate) ratio: Option<f64>,
}

/// Latencies of all rounds together, in microseconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// By share of answers, for plots.
    pub(crate) quantiles: Vec<(f64, f64)>,
}

/// Puts the same load on all targets in turn, so many times.
pub(crate) async fn interleave(
    load: &Load,
    targets: &[&Target],
    rounds: usize,
) -> anyhow::Result<Vec<Series>> {
    let mut series: Vec<Series> = targets.iter().map(|target| Series::of(target)).collect();
    for at in 0..rounds {
        // Turned about in each round, so that nobody always comes after the same neighbour.
        for turn in 0..targets.len() {
            let which = (at + turn) % targets.len();
            if let (Some(target), Some(series)) = (targets.get(which), series.get_mut(which)) {
                let round = load.run(target).await?;
                let process = target.pid.map(Process);
                series.rss_kib = process.and_then(|process| process.rss_kib().ok());
                series.fds = process.and_then(|process| process.fds().ok());
                series.rounds.push(round);
            }
        }
    }
    Ok(series)
}

impl Series {
    fn of(target: &Target) -> Self {
        Self {
            target: target.name.clone(),
            rounds: Vec::new(),
            rss_kib: None,
            fds: None,
        }
    }

    fn median(&self, of: impl Fn(&Round) -> Option<f64>) -> Option<f64> {
        median(self.rounds.iter().filter_map(of))
    }

    fn ratio(&self, to: &Self, of: impl Fn(&Round) -> Option<f64>) -> Option<f64> {
        let pairs = self.rounds.iter().zip(&to.rounds);
        median(pairs.filter_map(|(one, base)| Some(of(one)? / of(base)?)))
    }

    /// These rounds as a line, compared with a baseline of the same rounds.
    pub(crate) fn row(&self, load: &Load, baseline: Option<&Self>) -> Row {
        let mut all = Round::sum(&self.rounds);
        let fault = all.fault.take();
        let rate = |round: &Round| Some(round.rate()).filter(|rate| *rate > 0.0);
        let quantiles = [
            0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999,
        ];
        Row {
            load: named(load),
            target: self.target.clone(),
            calls: all.calls,
            wrong: all.wrong,
            fault,
            rate: Rate {
                of: self.median(rate).unwrap_or(0.0),
                ratio: baseline.and_then(|base| self.ratio(base, rate)),
            },
            cpu: Cpu {
                us: self.median(Round::cpu_us),
                ratio: baseline.and_then(|base| self.ratio(base, Round::cpu_us)),
            },
            latency: Latency {
                p50_us: all.quantile_us(0.5),
                p99_us: all.quantile_us(0.99),
                p999_us: all.quantile_us(0.999),
                quantiles: quantiles
                    .into_iter()
                    .map(|share| (share, all.quantile_us(share)))
                    .collect(),
            },
            rss_kib: self.rss_kib,
            fds: self.fds,
        }
    }
}

/// The lines of a comparison; the baseline is the series of this name.
pub(crate) fn rows(load: &Load, series: &[Series], baseline: Option<&str>) -> Vec<Row> {
    let base = series.iter().find(|one| Some(&*one.target) == baseline);
    series.iter().map(|one| one.row(load, base)).collect()
}

/// A load in words.
pub(crate) fn named(load: &Load) -> String {
    match load.pace {
        Pace::Closed => format!("{} connections", load.connections),
        Pace::Open(rate) => format!("{rate:.0}/s over {} connections", load.connections),
    }
}

/// Lines as a table of Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| load | target | calls/s | of baseline | CPU µs/call | of baseline | p50 µs | p99 µs | p99.9 µs | RSS MiB | fds | wrong |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {} | {} | {} | {:.0} | {:.0} | {:.0} | {} | {} | {} |",
            row.load,
            row.target,
            row.rate.of,
            shown(row.rate.ratio, 2),
            shown(row.cpu.us, 1),
            shown(row.cpu.ratio, 2),
            row.latency.p50_us,
            row.latency.p99_us,
            row.latency.p999_us,
            shown(row.rss_kib.map(|kib| number(kib) / 1024.0), 1),
            row.fds.map_or_else(String::new, |fds| fds.to_string()),
            row.wrong,
        );
    }
    text
}

pub(crate) fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}

/// The middle one.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values.get(middle).copied(),
        _ => Some(f64::midpoint(
            *values.get(middle.checked_sub(1)?)?,
            *values.get(middle)?,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
        assert_eq!(median(std::iter::empty()), None);
    }
}
