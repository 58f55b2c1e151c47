use std::fmt::Write as _;

use mcpo2_policy::{Trial, Tried};
use serde::Serialize;

use super::{Done, Format, Found, Of, tell};

#[derive(Debug, clap::Args)]
pub(super) struct Test {
    #[command(flatten)]
    of: Of,
    /// Also name the rules that decide in no test
    #[arg(long)]
    coverage: bool,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// For tools.
#[derive(Debug, Serialize)]
struct Said<'t> {
    tests: &'t [Tried],
    failed: usize,
    rules: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    never_decisive: Option<&'t Vec<String>>,
}

impl Test {
    pub(super) fn run(self) -> Done {
        let read = self.of.read()?;
        let trial = read.config.trial().map_err(|error| error.to_string())?;
        let failed = trial
            .tests
            .iter()
            .filter(|test| test.failure.is_some())
            .count();
        let bundles: Vec<&str> = read
            .config
            .bundles
            .iter()
            .map(|bundle| &*bundle.id)
            .collect();
        let text = self.text(&trial, &bundles, failed);
        let said = Said {
            tests: &trial.tests,
            failed,
            rules: trial.rules,
            never_decisive: self.coverage.then_some(&trial.never_decisive),
        };
        tell(self.format, &text, &said)?;
        let uncovered = self.coverage && !trial.never_decisive.is_empty();
        Ok(Found::of(failed > 0 || uncovered))
    }

    fn text(&self, trial: &Trial, bundles: &[&str], failed: usize) -> String {
        let mut text = String::new();
        for test in &trial.tests {
            let bundle = test.bundle.and_then(|at| bundles.get(at));
            let of = bundle.map(|id| format!("{id}: ")).unwrap_or_default();
            let _ = match &test.failure {
                None => writeln!(text, "ok      {of}{}", test.name),
                Some(failure) => writeln!(text, "failed  {of}{failure}"),
            };
        }
        let _ = writeln!(text, "{} tests, {failed} failed", trial.tests.len());
        if self.coverage {
            let (never, rules) = (&trial.never_decisive, trial.rules);
            let decisive = rules.saturating_sub(never.len());
            let _ = writeln!(text, "\n{decisive} of {rules} rules decide in a test");
            for rule in never {
                let _ = writeln!(text, "never   {rule}");
            }
        }
        text
    }
}
