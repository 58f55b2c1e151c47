mod witness;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;

use super::{fail, print};

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Verify a whole ledger: that no record in it was edited, moved, added or taken out
    Verify {
        /// The directory of the ledger
        dir: PathBuf,
    },
    /// Print the last records, one JSON object a line
    Tail {
        /// The directory of the ledger
        dir: PathBuf,
        /// How many
        #[arg(short = 'n', default_value_t = 10)]
        lines: usize,
    },
    /// Be a witness of other logs: sign what they say of themselves, as long as they do not go back on it
    Witness(witness::Witness),
}

impl Audit {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Verify { dir } => verify(&dir),
            Self::Tail { dir, lines } => tail(&dir, lines),
            Self::Witness(witness) => witness.run(),
        }
    }
}

fn verify(dir: &std::path::Path) -> ExitCode {
    match mcpo2_audit::verify(dir) {
        Ok(report) => {
            print(&format!(
                "ok: {} records in {} segments under {} signed checkpoints\norigin  {}\nsize    {}\n",
                report.counts.records(),
                report.counts.segments,
                report.counts.commits,
                report.origin,
                report.extent.size,
            ));
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

fn tail(dir: &std::path::Path, lines: usize) -> ExitCode {
    let entries = match mcpo2_audit::tail(dir, lines) {
        Ok(entries) => entries,
        Err(error) => return fail(&error),
    };
    for entry in entries {
        match serde_json::to_string(&entry.json) {
            Ok(json) => print(&format!("{json}\n")),
            Err(error) => return fail(&error),
        }
    }
    ExitCode::SUCCESS
}
