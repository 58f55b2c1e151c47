//! What was measured, beside what it is to be.

use std::{fmt::Write as _, fs, path::Path};

use serde::Serialize;

use crate::report::{Row, table};

/// Everything of one run.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    machine: Vec<String>,
    figures: Vec<Figure>,
    rows: Vec<Row>,
    #[serde(skip)]
    plots: Vec<(String, String)>,
}

/// One line of the first table. What does not apply is none.
#[derive(Debug, Default, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) digits: usize,
    pub(super) upstream: Option<f64>,
    pub(super) floor: Option<f64>,
    pub(super) chained: Option<f64>,
    pub(super) gateway: Option<f64>,
    pub(super) durable: Option<f64>,
    pub(super) target: Option<Target>,
}

/// What a figure of the gateway is to be.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Figures {
    pub(super) fn begin() -> Self {
        Self {
            machine: machine(),
            figures: Vec::new(),
            rows: Vec::new(),
            plots: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, note: String) {
        self.machine.push(note);
    }

    pub(super) fn push(&mut self, figure: Figure) {
        eprintln!("{}", figure.line());
        self.figures.push(figure);
    }

    pub(super) fn rows(&mut self, rows: Vec<Row>) {
        self.rows.extend(rows);
    }

    pub(super) fn plot(&mut self, name: &str, svg: String) {
        self.plots.push((format!("{name}.svg"), svg));
    }

    pub(super) fn are_wrong(&self) -> bool {
        self.rows.iter().any(|row| row.wrong > 0)
    }

    pub(super) fn write(&mut self, out: &Path) -> anyhow::Result<()> {
        self.machine
            .push(format!("load average at the end: {}", load_average()));
        let plots = out.join("plots");
        fs::create_dir_all(&plots)?;
        for (name, svg) in &self.plots {
            fs::write(plots.join(name), svg)?;
        }
        fs::write(
            out.join("results.json"),
            serde_json::to_string_pretty(self)?,
        )?;
        fs::write(out.join("results.md"), self.text())?;
        Ok(())
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::from("# One run of `mcpo2-load bench`\n\n");
        for line in &self.machine {
            let _ = writeln!(text, "- {line}");
        }
        text += "\n| figure | upstream | floor | floor, chained | gateway | gateway, durable | target | met |\n\
                 |---|--:|--:|--:|--:|--:|--:|---|\n";
        for figure in &self.figures {
            text += &figure.line();
            text.push('\n');
        }
        text += "\n## Every round's load\n\n";
        text += &table(&self.rows);
        for row in self.rows.iter().filter(|row| row.wrong > 0) {
            let fault = row.fault.as_deref().unwrap_or_default();
            let _ = writeln!(text, "\nwrong: {}, {}: {fault}", row.target, row.load);
        }
        text
    }
}

impl Figure {
    pub(super) fn to(self, target: Target) -> Self {
        Self {
            target: Some(target),
            ..self
        }
    }

    fn line(&self) -> String {
        let cell = |value: Option<f64>| match value {
            Some(value) => format!("{value:.*}", self.digits),
            None => "–".into(),
        };
        let (target, met) = match (self.target, self.gateway) {
            (Some(target), Some(value)) => (target.text(), target.met(value)),
            (Some(target), None) => (target.text(), "not measured"),
            (None, _) => ("–".into(), "–"),
        };
        format!(
            "| {} | {} | {} | {} | {} | {} | {target} | {met} |",
            self.name,
            cell(self.upstream),
            cell(self.floor),
            cell(self.chained),
            cell(self.gateway),
            cell(self.durable),
        )
    }
}

impl Target {
    fn text(self) -> String {
        match self {
            Self::AtMost(value) => format!("≤ {value}"),
            Self::AtLeast(value) => format!("≥ {value}"),
        }
    }

    fn met(self, value: f64) -> &'static str {
        let met = match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        };
        if met { "yes" } else { "**no**" }
    }
}

fn machine() -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let model = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or_else(|| "unknown".into(), |(_, model)| model.trim().to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    vec![
        format!("{cores} cores, {model}"),
        format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        format!("load average at the beginning: {}", load_average()),
    ]
}

fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}
