use std::{path::PathBuf, process::ExitCode};

use super::{format::Format, print};
use crate::config::{self, Diagnostics};

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The file
    #[arg(short, long)]
    file: PathBuf,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        let checked = config::check(&self.file);
        match self.format {
            Format::Text => print(&report(&checked.diagnostics)),
            Format::Json => print(&format!("{}\n", checked.diagnostics.to_json())),
        }
        if checked.config.is_some() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn report(diagnostics: &Diagnostics) -> String {
    match diagnostics.to_string() {
        found if found.is_empty() => "ok\n".into(),
        found => format!("{}\n", found.trim_end()),
    }
}
