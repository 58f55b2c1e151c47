//! The command line.

mod run;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use crate::{bench, soak};

/// Load on servers of MCP, and what they make of it
#[derive(Debug, Parser)]
#[command(name = "mcpo2-load", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Puts load on any servers of MCP over HTTP, in interleaved rounds, and compares them
    Run(run::Run),
    /// Serves something to measure against
    Serve(serve::Serve),
    /// Measures the gateway beside its upstream and the floor
    Bench(bench::Bench),
    /// Mixed traffic on a gateway, which fails where it grows or answers wrongly
    Soak(soak::Soak),
}

/// Runs the command that the arguments of this process say.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Run(run) => one_thread(run.run()),
        Command::Serve(serve) => serve.run(),
        Command::Bench(bench) => one_thread(bench.run()),
        Command::Soak(soak) => one_thread(soak.run()),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mcpo2-load: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// One thread makes load enough, and leaves the rest of the machine to what is measured.
fn one_thread(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
