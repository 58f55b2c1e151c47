//! Verifies ledgers of MCPO2 from the command line: see `mcpo2-verify help`.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    let words = std::env::args_os().skip(1).map(|word| {
        word.into_string()
            .map_err(|word| format!("{} is no text", word.display()))
    });
    let outcome = words.collect::<Result<Vec<_>, _>>();
    cli::tell(outcome.map_err(cli::Outcome::Usage).and_then(cli::run))
}
