//! Works on trees of files and on stores of them, without a gateway.

mod diff;
mod differences;
mod facts;
mod gc;
mod ingest;
mod manifest;
mod part;
mod prove;
mod read;
mod reference;
mod revoke;
mod roots;
mod select;
mod source;
mod store;
mod texts;
mod verify;

use std::{fs, path::Path, process::ExitCode};

use clap::Subcommand;
use mcpo2_artifact::{
    blob::{BlobError, BlobErrorKind},
    ingest::{Error, ErrorKind},
};
use serde::Serialize;

use super::{USAGE, chain, format::Format, print, say};

const CODES: &str = "Exits with 0 where all is well, with 1 where something differs, is not verified \
or failed, and with 2 where what was asked for is wrong.";

const SOURCES: &str = "A source is a directory, an archive (tar, tar.gz, tar.zst, zip: its first bytes \
say which), any other file, or with --git a revision of a repository. The same tree has the same root \
from each. What looks like a secret is withheld and never shown.";

#[derive(Debug, clap::Args)]
pub(super) struct Artifact {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the manifest of a tree: its root, what is in it, what was withheld
    #[command(after_help = format!("{SOURCES}\n{CODES}"))]
    Manifest(Box<manifest::Manifest>),
    /// Verify that a source has a root, or that a proof leads to one
    #[command(after_help = format!("{SOURCES}\n{CODES}"))]
    Verify(Box<verify::Verify>),
    /// Say what differs between two trees
    #[command(after_help = format!("{SOURCES}\n{CODES}"))]
    Diff(Box<diff::Diff>),
    /// Select what a task needs, within a budget of tokens
    #[command(after_help = format!(
        "{SOURCES} Paths of several sources begin with the names of these. What is longer than \
         4 MiB is not searched.\n{CODES}"
    ))]
    Select(Box<select::Select>),
    /// Put a tree into a store; what the tenant has already is not kept twice
    #[command(after_help = format!("{SOURCES}\n{CODES}"))]
    Ingest(Box<ingest::Ingest>),
    /// Read a file of a stored tree
    #[command(after_help = CODES)]
    Read(Box<read::Read>),
    /// Sign a reference to a stored tree or file, or say what one says
    #[command(after_help = format!(
        "The key is made at first need, as STORE/references/secret. What a reference names is kept \
         until the reference expires.\n{CODES}"
    ))]
    Ref(Box<reference::Ref>),
    /// Revoke references, also while a gateway serves
    #[command(after_help = CODES)]
    Revoke(revoke::Revoke),
    /// Take away what nothing keeps any more
    #[command(after_help = CODES)]
    Gc(gc::Gc),
}

impl Artifact {
    pub(super) fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Manifest(it) => it.run(),
            Command::Verify(it) => it.run(),
            Command::Diff(it) => it.run(),
            Command::Select(it) => it.run(),
            Command::Ingest(it) => it.run(),
            Command::Read(it) => it.run(),
            Command::Ref(it) => it.run(),
            Command::Revoke(it) => it.run(),
            Command::Gc(it) => it.run(),
        };
        let (why, code) = match done {
            Ok(Outcome::Well) => return ExitCode::SUCCESS,
            Ok(Outcome::Otherwise) => return ExitCode::FAILURE,
            Err(Problem::Failed(why)) => (why, ExitCode::FAILURE),
            Err(Problem::Wrong(why)) => (why, USAGE.into()),
        };
        say(&format!("mcpo2: {why}"));
        code
    }
}

/// What came of a command that could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Well,
    /// Something differs, or is not verified.
    Otherwise,
}

type Done = Result<Outcome, Problem>;

/// Why a command could not be done.
#[derive(Debug)]
enum Problem {
    /// What was asked for is wrong.
    Wrong(String),
    Failed(String),
}

impl Problem {
    fn wrong(why: impl Into<String>) -> Self {
        Self::Wrong(why.into())
    }

    fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Failed(chain(error))
    }

    /// The same, and where.
    fn at(self, place: &Path) -> Self {
        let named = |why| format!("{}: {why}", place.display());
        match self {
            Self::Wrong(why) => Self::Wrong(named(why)),
            Self::Failed(why) => Self::Failed(named(why)),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Wrong(chain(&error)),
            ErrorKind::TooMany | ErrorKind::TooLarge => Self::Failed(format!(
                "{}; leave out what is not needed with --exclude or a .mcpo2ignore",
                chain(&error)
            )),
            _ => Self::failed(&error),
        }
    }
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        let hint = match error.kind() {
            BlobErrorKind::Quota(_) => "; raise --quota, or run `mcpo2 artifact gc`",
            BlobErrorKind::Full => "; run `mcpo2 artifact gc`, or make room",
            BlobErrorKind::NotFound => ": it was swept, or is another tenant's; ingest it again",
            _ => "",
        };
        Self::Failed(format!("{}{hint}", chain(&error)))
    }
}

/// Says it to people or to tools.
fn tell(format: Format, text: &str, json: &impl Serialize) -> Result<(), Problem> {
    match format {
        Format::Text => print(text),
        Format::Json => {
            let json = serde_json::to_string_pretty(json).map_err(|it| Problem::failed(&it))?;
            print(&format!("{json}\n"));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    fs::read(path).map_err(|error| Problem::wrong(error.to_string()).at(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    fs::write(path, bytes).map_err(|error| Problem::failed(&error).at(path))
}

/// A path as a terminal can show it.
fn shown(path: &str) -> String {
    match path.chars().any(char::is_control) {
        true => path.escape_debug().to_string(),
        false => path.to_owned(),
    }
}
