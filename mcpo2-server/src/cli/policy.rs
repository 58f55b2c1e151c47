//! Works on policies: what a gateway would decide, without one.

mod beside;
mod diff;
mod explain;
mod export;
mod fmt;
mod lint;
mod replay;
mod request;
mod survey;
mod test;
mod who_can;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Subcommand;
use mcpo2_policy::{Config, Engine, GivenModule, Known};
use serde::Serialize;

use super::{USAGE, format::Format, print, say};
use crate::{
    config::{Diagnostics, Sources},
    engines::{Engines, Fault},
};

const CODES: &str = "Exits with 0 where all is well, with 1 where something was found, denied or \
failed, and with 2 where what was asked for is wrong or a file cannot be read.";

#[derive(Debug, clap::Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the tests that stand in a policy
    #[command(after_help = format!(
        "{CODES}\nA rule that decides in no test is something that was found, with --coverage."
    ))]
    Test(test::Test),
    /// Say what becomes of a request, and why
    #[command(after_help = format!("{CODES}\nA request that asks for approval counts as denied."))]
    Explain(Box<explain::Explain>),
    /// Find rules that never match, that change nothing or that name what is not there
    #[command(after_help = CODES)]
    Lint(lint::Lint),
    /// Write files of bundles in one form: order of keys, two spaces
    #[command(after_help = format!(
        "{CODES}\nWith --file, the files of its bundles are meant, and not itself. Comments at the \
         head of a file stay; a file with others is left as it is, unless --force says to lose \
         them. A signature does not hold for a file that was written anew."
    ))]
    Fmt(fmt::Fmt),
    /// Say who may call what by a new policy that they might not by the old one, or no longer may
    #[command(after_help = format!("{CODES}\nAny difference is something that was found."))]
    Diff(diff::Diff),
    /// Decide the calls of a ledger again, and say what is newly allowed and newly denied
    #[command(after_help = format!(
        "{CODES}\nAny difference is something that was found, unless --fail-on says which. A call that \
         cannot be decided without what the ledger does not tell is never a difference."
    ))]
    Replay(Box<replay::Replay>),
    /// Say who may call a tool
    #[command(after_help = format!("{CODES}\nIt is denied where nobody may call it."))]
    WhoCan(who_can::WhoCan),
    /// Write the rules in another language: those that mean exactly the same there
    #[command(after_help = format!(
        "{CODES}\nA rule that the other language cannot say exactly is something that was found, and \
         nothing is written."
    ))]
    Export(export::Export),
}

impl Policy {
    pub(super) fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Test(test) => test.run(),
            Command::Explain(explain) => explain.run(),
            Command::Lint(lint) => lint.run(),
            Command::Fmt(fmt) => fmt.run(),
            Command::Diff(diff) => diff.run(),
            Command::Replay(replay) => replay.run(),
            Command::WhoCan(who_can) => who_can.run(),
            Command::Export(export) => export.run(),
        };
        match done {
            Ok(Found::Nothing) => ExitCode::SUCCESS,
            Ok(Found::Something) => ExitCode::FAILURE,
            Err(Unusable(why)) => {
                say(why.trim_end());
                USAGE.into()
            }
        }
    }
}

/// What came of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Something,
}

impl Found {
    fn of(something: bool) -> Self {
        if something {
            Self::Something
        } else {
            Self::Nothing
        }
    }
}

/// Why a command could not do what was asked.
#[derive(Debug)]
struct Unusable(String);

type Done = Result<Found, Unusable>;

impl From<Box<Diagnostics>> for Unusable {
    fn from(found: Box<Diagnostics>) -> Self {
        Self(found.to_string())
    }
}

impl From<String> for Unusable {
    fn from(why: String) -> Self {
        Self(format!("mcpo2: {why}"))
    }
}

/// Which policy is meant.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// The policy of a configuration, with its bundles
    #[arg(short, long, value_name = "CONFIG")]
    file: Option<PathBuf>,
    /// The policy of these bundles alone
    #[arg(long, value_name = "FILE", num_args = 1..)]
    bundle: Vec<PathBuf>,
}

impl Of {
    fn sources(&self, known: &Known) -> Sources {
        match &self.file {
            Some(file) => Sources::of_config(file, known),
            None => Sources::of_bundles(&self.bundle, known),
        }
    }

    fn read(&self) -> Result<Read, Unusable> {
        Read::of(self.sources(&Known::default()))
    }
}

/// A policy that compiles.
struct Read {
    config: Config,
    policy: Arc<mcpo2_policy::Policy>,
    sources: Sources,
}

impl Read {
    fn of(mut sources: Sources) -> Result<Self, Unusable> {
        let config = sources.policy.take();
        let compiled = config.and_then(|config| Some((config.untested().compile().ok()?, config)));
        match compiled {
            Some((policy, config)) => Ok(Self {
                config,
                policy: policy.into(),
                sources,
            }),
            None => Err(Unusable(sources.found.errors().to_string())),
        }
    }

    /// What decides beside the policy.
    fn engines(&self) -> Result<Engines, Unusable> {
        Engines::open(&self.sources.engines).map_err(|faults| {
            let line = |fault: &Fault| format!("mcpo2: `engines/{}`: {fault}", fault.key);
            let lines: Vec<String> = faults.iter().map(line).collect();
            Unusable(lines.join("\n"))
        })
    }

    /// All that decides in this process.
    fn engine(&self) -> Result<Arc<dyn Engine>, Unusable> {
        Ok(match self.engines()?.beside(&self.policy) {
            Some(all) => all,
            None => Arc::<mcpo2_policy::Policy>::clone(&self.policy),
        })
    }

    /// Says of an agent elsewhere that it was not asked.
    fn mention_remote(&self) {
        if self.sources.engines.opa.is_some() {
            say("mcpo2: the agent of `engines.opa` was not asked: it may deny more");
        }
    }

    /// The module of the configuration whose tool or prompt has this name.
    fn owner(&self, name: &str) -> Option<GivenModule> {
        let (id, _) = name.split_once("__")?;
        let mut modules = self.sources.modules.iter();
        let module = modules.find(|module| module.id.as_str() == id)?;
        Some(GivenModule {
            id: Some(id.to_owned()),
            family: module.family.to_string(),
            region: module.region.as_ref().map(ToString::to_string),
            tier: module.tier,
        })
    }

    /// The policy of a configuration or of a bundle, whichever this file is.
    fn either(path: &Path) -> Result<Self, Unusable> {
        let known = Known::default();
        Self::of(match crate::config::is_bundle(path)? {
            true => Sources::of_bundles(&[path.to_owned()], &known),
            false => Sources::of_config(path, &known),
        })
    }
}

/// Says it to people or to tools.
fn tell(format: Format, text: &str, json: &impl Serialize) -> Result<(), Unusable> {
    match format {
        Format::Text => print(text),
        Format::Json => {
            let json = serde_json::to_string_pretty(json).map_err(|error| error.to_string())?;
            print(&format!("{json}\n"));
        }
    }
    Ok(())
}
