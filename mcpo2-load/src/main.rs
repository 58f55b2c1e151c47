//! The `mcpo2-load` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcpo2_load::cli::run()
}
