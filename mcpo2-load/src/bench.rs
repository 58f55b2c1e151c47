//! Measures the gateway beside its upstream and the floor.

mod field;
mod figures;
mod idle;
mod measure;
pub(crate) mod setting;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;

use self::{figures::Figures, measure::Bench as Measuring, setting::Setting};
use crate::process::allow_fds;

/// Measures each row of the table in BENCHMARKS.md. Fails where an answer was wrong, never where
/// one was slow.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// The gateway; the `mcpo2` beside this program, if none is given
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Where `results.md`, `results.json` and the plots are written
    #[arg(long, default_value = "benches")]
    out: PathBuf,
    /// Stretches or shortens each round
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// How many idle streams and sessions there are
    #[arg(long, default_value_t = 5_000)]
    idle: usize,
    /// Measures only the parts whose name contains this: calls, starts, idle, large, lists, sessions
    #[arg(long)]
    only: Option<String>,
}

impl Bench {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let wanted = u64::try_from(self.idle)? * 3 + 2_000;
        let allowed = allow_fds(wanted);
        let mut figures = Figures::begin();
        if allowed < wanted {
            figures.note(format!(
                "only {allowed} file descriptors are allowed here, so fewer streams were opened"
            ));
        }
        let streams = self
            .idle
            .min(usize::try_from(allowed.saturating_sub(500) / 3)?);
        let setting = Setting::new(self.gateway.clone())?;
        let mut bench = Measuring::new(&setting, self.scale, &mut figures);
        let wants = |part: &str| self.only.as_ref().is_none_or(|only| part.contains(&**only));
        if wants("starts") {
            bench.starts().await.context("starts")?;
        }
        if wants("calls") {
            bench.calls().await.context("calls")?;
        }
        if wants("large") {
            bench.large().await.context("large")?;
        }
        if wants("lists") {
            bench.lists().await.context("lists")?;
        }
        if wants("sessions") {
            bench.sessions().await.context("sessions")?;
        }
        if wants("idle") {
            bench.idle(streams).await.context("idle")?;
        }
        figures.write(&self.out)?;
        println!("{}", figures.text());
        Ok(ExitCode::from(u8::from(figures.are_wrong())))
    }
}
