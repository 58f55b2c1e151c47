//! The command line.

mod artifact;
mod audit;
mod check;
mod format;
mod key;
mod policy;
mod progress;
mod serve;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// A policy-aware gateway for the Model Context Protocol.
#[derive(Debug, Parser)]
#[command(name = "mcpo2", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve: by a file, or before one module that needs none
    Serve(serve::Serve),
    /// Check a configuration file, and say where it is wrong
    Check(check::Check),
    /// Show it all on built-in modules: policy, routes, preambles, references, the ledger
    Demo(Demo),
    /// Make an API key: shown once, with the hash for the configuration
    Key(key::Key),
    /// Read and verify a ledger
    #[command(subcommand)]
    Audit(Box<audit::Audit>),
    /// Make manifests of trees, select from them, and keep them in a store, without a gateway
    Artifact(artifact::Artifact),
    /// Test, explain, compare and tidy policies, without a gateway
    Policy(policy::Policy),
    /// Print the JSON schema of the configuration, for editors
    Schema,
}

#[derive(Debug, clap::Args)]
struct Demo {
    /// Keep the state (ledger, results) here
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Keep running afterwards, for clients of your own
    #[arg(long)]
    serve: bool,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: std::net::SocketAddr,
}

/// Runs the command that the arguments name.
///
/// Exits with 0, with 1 where something failed, and with 2 where what was asked for is wrong.
#[must_use]
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Check(check) => check.run(),
        Command::Demo(demo) => demo.run(),
        Command::Key(key) => key.run(),
        Command::Audit(audit) => audit.run(),
        Command::Artifact(artifact) => artifact.run(),
        Command::Policy(policy) => policy.run(),
        Command::Schema => {
            print(&format!("{:#}\n", crate::config::schema()));
            ExitCode::SUCCESS
        }
    }
}

impl Demo {
    fn run(self) -> ExitCode {
        let options = crate::demo::DemoOptions {
            dir: self.dir,
            serve: self.serve,
            listen: self.listen,
        };
        let Some(runtime) = runtime() else {
            return ExitCode::FAILURE;
        };
        match runtime.block_on(crate::demo::run(options, &mut std::io::stdout())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }
}

fn runtime() -> Option<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .inspect_err(|error| say(&format!("mcpo2: no runtime: {error}")))
        .ok()
}

/// Says on standard error what happens; standard output is for what was asked for.
fn say(line: &str) {
    use std::io::Write as _;
    // A closed terminal is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn print(text: &str) {
    use std::io::Write as _;
    // Whoever closed the pipe has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// An error and what caused it.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        said.push_str(&format!(": {source}"));
        next = source.source();
    }
    said
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    say(&format!("mcpo2: {error}"));
    ExitCode::FAILURE
}

/// What was asked for is wrong.
const USAGE: u8 = 2;
