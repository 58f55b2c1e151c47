use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};

use crate::{
    Era, Exchange, Expected, Load, Pace, Target, Work,
    plot::latencies,
    report::{interleave, rows, table},
    target::{HeaderLine, Named},
};

/// Puts the same load on each target in turn, and says how they compare.
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// A target, as NAME=URL; may stand several times
    #[arg(long = "target", required = true, value_name = "NAME=URL")]
    targets: Vec<Named>,
    /// The process behind a target, as NAME=PID: its CPU time, memory and descriptors are read
    #[arg(long = "pid", value_name = "NAME=PID")]
    pids: Vec<Named>,
    /// A header on each request, as `Name: value`
    #[arg(long = "header")]
    headers: Vec<HeaderLine>,
    /// The target that the others are compared with; the first, if none is given
    #[arg(long)]
    baseline: Option<String>,
    /// How many connections; several make as many comparisons
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    connections: Vec<usize>,
    /// How long a round lasts, in seconds
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many rounds each target has
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Requests a second, in all; each connection as fast as it can, if none is given
    #[arg(long)]
    rate: Option<f64>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    out: Out,
}

/// What each request asks for.
#[derive(Debug, clap::Args)]
struct Asked {
    /// The shape of requests
    #[arg(long, value_enum, default_value = "modern")]
    era: Era,
    /// Asks for the list of tools in place of calling one
    #[arg(long)]
    list: bool,
    /// The tool that is called
    #[arg(long, default_value = "echo")]
    tool: String,
    /// Its arguments, in place of a text that must come back
    #[arg(long, value_name = "JSON")]
    arguments: Option<String>,
    /// How long the text is
    #[arg(long, default_value_t = 32)]
    bytes: usize,
    /// What the result must hold
    #[arg(long, value_name = "TEXT")]
    expect: Option<String>,
}

/// Where to besides the standard output.
#[derive(Debug, clap::Args)]
struct Out {
    /// Writes all figures into this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes a plot of the latencies under the last load into this file
    #[arg(long)]
    svg: Option<PathBuf>,
}

impl Run {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let targets = self.targets()?;
        let each: Vec<&Target> = targets.iter().collect();
        let exchange = self.asked.exchange()?;
        let first = targets.first().map(|target| target.name.clone());
        let baseline = self.baseline.clone().or(first);
        let mut all = Vec::new();
        let mut plot = String::new();
        for connections in &self.connections {
            let load = Load {
                connections: *connections,
                duration: Duration::try_from_secs_f64(self.seconds)?,
                pace: self.rate.map_or(Pace::Closed, Pace::Open),
                era: self.asked.era,
                exchange: exchange.clone(),
            };
            let series = interleave(&load, &each, self.rounds).await?;
            let rows = rows(&load, &series, baseline.as_deref());
            plot = latencies(&crate::report::named(&load), &rows);
            all.extend(rows);
        }
        print!("{}", table(&all));
        if let Some(path) = &self.out.json {
            std::fs::write(path, serde_json::to_string_pretty(&all)?)?;
        }
        if let Some(path) = &self.out.svg {
            std::fs::write(path, plot)?;
        }
        let mut wrong = all.iter().filter(|row| row.wrong > 0).peekable();
        let failed = wrong.peek().is_some();
        for row in wrong {
            let fault = row.fault.as_deref().unwrap_or_default();
            eprintln!(
                "{}, {}: {} wrong answers, first: {fault}",
                row.target, row.load, row.wrong
            );
        }
        Ok(ExitCode::from(u8::from(failed)))
    }

    fn targets(&self) -> anyhow::Result<Vec<Target>> {
        let mut targets = Vec::new();
        for named in &self.targets {
            let mut target = Target::new(&*named.name, &named.value)?;
            for HeaderLine(name, value) in &self.headers {
                target = target.with_header(name.clone(), value.clone());
            }
            targets.push(target);
        }
        for pid in &self.pids {
            let Some(target) = targets.iter_mut().find(|one| one.name == pid.name) else {
                bail!("`--pid {}=…` names no target", pid.name);
            };
            target.pid = Some(pid.value.parse().context("a pid is a number")?);
        }
        Ok(targets)
    }
}

impl Asked {
    fn exchange(&self) -> anyhow::Result<Exchange> {
        let (work, mut expected) = match (&self.arguments, self.list) {
            (_, true) => (Work::List, Expected::Result),
            (Some(arguments), false) => {
                let object: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(arguments).context("`--arguments` is a JSON object")?;
                let work = Work::Call {
                    tool: self.tool.clone(),
                    arguments: serde_json::to_string(&object)?,
                };
                (work, Expected::Result)
            }
            (None, false) => Work::echo(&self.tool, self.bytes),
        };
        if let Some(text) = &self.expect {
            expected = Expected::Text(text.clone().into());
        }
        Ok(Exchange::new(self.era, &work, expected))
    }
}
