//! What the words of the command line mean.

use std::{io, process::ExitCode};

use mcpo2_verify::log::Finding;

mod args;
mod commands;
mod json;
mod show;

use args::Args;

/// How a command may end that did not find that all holds.
pub(crate) enum Outcome {
    /// The command makes no sense.
    Usage(String),
    /// Something does not hold; as JSON, or for people.
    Found(Finding, bool),
}

const HELP: &str = "\
Verifies ledgers of MCPO2 with public keys only.

  mcpo2-verify log DIR             the whole ledger in this directory
      --since FILE                 a checkpoint that you remember
      --window SECONDS             how far the newest record may be from the witnesses' time
      --values                     each record with personal values must still have them
  mcpo2-verify range DIR FROM TO   the records from FROM up to, but not with, TO
      --print                      write the public part of each, a line each
  mcpo2-verify proof FILE          a .tlog-proof
      --record FILE                the body of the record
      --field PATH --salt HEX --value JSON
                                   a field that is not public in it, any number of times
      --ledger DIR                 where the rotation notes are, if keys changed
  mcpo2-verify consistency OLD NEW PROOF
                                   that one checkpoint follows from the other; PROOF has a
                                   hash in base64 a line
      --ledger DIR                 as above
  mcpo2-verify explain CODE        what an exit code means

  --key VKEY                       the first key of the log, as you know it from elsewhere
  --trust FILE                     a policy with logs and witnesses (c2sp.org/tlog-policy)
  --json                           say it as JSON

Exits with 0 if all holds, 2 if the command makes no sense, and else with the code of what was
found, which `explain` explains.
";

pub(crate) fn run(words: Vec<String>) -> Result<String, Outcome> {
    let mut args = Args::parse(words).map_err(Outcome::Usage)?;
    let command = args.next();
    match command.as_deref() {
        Some("log") => commands::log(args),
        Some("range") => commands::range(args),
        Some("proof") => commands::proof(args),
        Some("consistency") => commands::consistency(args),
        Some("explain") => commands::explain(args),
        Some("help") => Ok(HELP.to_owned()),
        None if args.flag("--help") => Ok(HELP.to_owned()),
        None if args.flag("--version") => {
            Ok(format!("mcpo2-verify {}\n", env!("CARGO_PKG_VERSION")))
        }
        Some(other) => Err(Outcome::Usage(format!("{other} is no command"))),
        None => Err(Outcome::Usage("a command is missing".to_owned())),
    }
}

/// Says how it ended, on the right stream and by the right code.
pub(crate) fn tell(outcome: Result<String, Outcome>) -> ExitCode {
    match outcome {
        Ok(text) => print(io::stdout(), &text, 0),
        Err(Outcome::Found(finding, true)) => {
            let code = finding.attack().exit_code();
            print(io::stdout(), &show::finding_as_json(&finding), code)
        }
        Err(Outcome::Found(finding, false)) => {
            let code = finding.attack().exit_code();
            print(io::stderr(), &show::finding(&finding), code)
        }
        Err(Outcome::Usage(why)) => {
            let text = format!("mcpo2-verify: {why}; `mcpo2-verify help` tells what there is\n");
            print(io::stderr(), &text, 2)
        }
    }
}

fn print(mut to: impl io::Write, text: &str, code: u8) -> ExitCode {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Ok(()) => ExitCode::from(code),
        // who reads it no longer listens; an outcome that was not told is none that holds
        Err(_) => ExitCode::from(code.max(1)),
    }
}
