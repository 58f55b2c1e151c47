//! The `mcpo2` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcpo2_server::cli::run()
}
