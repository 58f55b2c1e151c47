use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{Client, Era, Exchange, Process, Target};

/// How a round is paced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each connection sends as soon as it is answered.
    Closed,
    /// So many requests begin each second, whether the last are answered or not; what waits for a
    /// connection counts as waiting for its answer (no coordinated omission).
    Open(f64),
}

/// Load on one target.
#[derive(Debug, Clone)]
pub struct Load {
    /// The connections.
    pub connections: usize,
    /// How long it lasts.
    pub duration: Duration,
    /// Its pace.
    pub pace: Pace,
    /// How requests are shaped.
    pub era: Era,
    /// What is asked, and what must come back.
    pub exchange: Exchange,
}

/// What one round on one target showed.
#[derive(Debug, Clone)]
pub struct Round {
    /// The answers that were right.
    pub calls: u64,
    /// The answers that were wrong, or did not come.
    pub wrong: u64,
    /// What was wrong with the first of these.
    pub fault: Option<String>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Latencies in nanoseconds.
    pub latency: Histogram<u64>,
    /// The CPU time that the process of the target took.
    pub cpu: Option<Duration>,
}

impl Load {
    /// Puts this load on a target, for one round.
    ///
    /// # Errors
    ///
    /// Where no connection stands. Wrong answers are counted, and are no error.
    pub async fn run(&self, target: &Target) -> anyhow::Result<Round> {
        let mut clients = Vec::new();
        for _ in 0..self.connections.max(1) {
            let mut client = Client::connect(target, self.era).await?;
            // What is opened or read once only is no part of the measure.
            first(&mut client, &self.exchange)
                .await
                .with_context(|| format!("the first answer of {}", target.name))?;
            clients.push(client);
        }
        let process = target.pid.map(Process);
        let before = process.map(Process::cpu).transpose()?;
        let start = Instant::now();
        let due = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for client in clients {
            tasks.spawn(one(self.clone(), client, start, Arc::clone(&due)));
        }
        let mut round = Round::new();
        while let Some(done) = tasks.join_next().await {
            round.add(&done?);
        }
        round.elapsed = start.elapsed();
        if let (Some(process), Some(before)) = (process, before) {
            round.cpu = Some(process.cpu()?.saturating_sub(before));
        }
        Ok(round)
    }
}

/// Waits for a right answer: a gateway that has just begun may not know its modules yet.
async fn first(client: &mut Client, exchange: &Exchange) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        match client.call(exchange).await {
            Err(_) if Instant::now() < until => sleep_until(Instant::now() + AGAIN).await,
            done => return done,
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(100);

/// What one connection does.
async fn one(load: Load, mut client: Client, start: Instant, due: Arc<AtomicU64>) -> Round {
    let mut round = Round::new();
    let end = start + load.duration;
    loop {
        let begun = match load.pace {
            Pace::Closed => Instant::now(),
            Pace::Open(rate) => {
                let turn = due.fetch_add(1, Ordering::Relaxed);
                let turn = u32::try_from(turn).unwrap_or(u32::MAX);
                let at = start + Duration::from_secs_f64(f64::from(turn) / rate);
                if at < end {
                    sleep_until(at).await;
                }
                at
            }
        };
        if begun >= end {
            return round;
        }
        match client.call(&load.exchange).await {
            Ok(()) => {
                round.calls += 1;
                let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
                round.latency.saturating_record(nanos);
            }
            Err(error) => {
                round.wrong += 1;
                round.fault.get_or_insert_with(|| format!("{error:#}"));
                if round.wrong > 100 {
                    return round;
                }
            }
        }
    }
}

impl Round {
    fn new() -> Self {
        Self {
            calls: 0,
            wrong: 0,
            fault: None,
            elapsed: Duration::ZERO,
            latency: histogram(),
            cpu: None,
        }
    }

    pub(crate) fn sum(rounds: &[Self]) -> Self {
        let mut all = Self::new();
        rounds.iter().for_each(|round| all.add(round));
        all
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.wrong += other.wrong;
        if self.fault.is_none() {
            self.fault.clone_from(&other.fault);
        }
        self.elapsed += other.elapsed;
        self.cpu = self
            .cpu
            .zip(other.cpu)
            .map_or(other.cpu, |(one, two)| Some(one + two));
        // Both have the same bounds, and grow with what they hold.
        let _ = self.latency.add(&other.latency);
    }

    /// Right answers a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        number(self.calls) / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// CPU time a right answer, in microseconds.
    #[must_use]
    pub fn cpu_us(&self) -> Option<f64> {
        (self.calls > 0).then_some(self.cpu?.as_secs_f64() * 1e6 / number(self.calls))
    }

    /// The latency below which this share of answers came, in microseconds.
    #[must_use]
    pub fn quantile_us(&self, share: f64) -> f64 {
        number(self.latency.value_at_quantile(share)) / 1e3
    }
}

/// One microsecond to one minute, to three digits.
#[expect(
    clippy::expect_used,
    reason = "constants, and the test below runs through it"
)]
fn histogram() -> Histogram<u64> {
    let mut histogram =
        Histogram::new_with_bounds(1_000, 60_000_000_000, 3).expect("bounds in order");
    histogram.auto(true);
    histogram
}

/// A count as a number to divide.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a measurement stay far below 2^52"
)]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Work, serve::Upstream};

    #[tokio::test]
    async fn an_open_loop_counts_from_when_a_request_was_due() {
        let upstream = Upstream::start("127.0.0.1:0", 1).await.unwrap();
        let target = Target::new("upstream", &upstream.url()).unwrap();
        let late = Work::Call {
            tool: "late".into(),
            arguments: "{}".into(),
        };
        // One connection, an answer each 200 ms, and a request due each 50 ms.
        let load = Load {
            connections: 1,
            duration: Duration::from_secs(1),
            pace: Pace::Open(20.0),
            era: Era::Modern,
            exchange: Exchange::new(Era::Modern, &late, crate::Expected::Result),
        };
        let round = load.run(&target).await.unwrap();
        assert_eq!((round.calls, round.wrong), (20, 0), "{round:?}");
        assert!(
            round.quantile_us(1.0) > 2_000_000.0,
            "the last waited for all before it"
        );
    }

    #[tokio::test]
    async fn a_wrong_answer_is_counted_and_said() {
        let upstream = Upstream::start("127.0.0.1:0", 3).await.unwrap();
        let target = Target::new("upstream", &upstream.url()).unwrap();
        let mut client = Client::connect(&target, Era::Legacy).await.unwrap();
        let wrong = Exchange::new(Era::Legacy, &crate::Work::List, crate::Expected::Tools(4));
        let error = client.call(&wrong).await.unwrap_err().to_string();
        assert!(error.starts_with("not what was expected"), "{error}");
    }
}
