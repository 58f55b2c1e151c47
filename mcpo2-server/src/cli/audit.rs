mod export;
mod index;
mod keep;
mod opened;
mod prove;
mod read;
mod verify;
mod witness;

use std::{path::Path, process::ExitCode};

use clap::Subcommand;
use mcpo2_core::BoxError;

use super::{chain, fail};

pub(super) use index::Scope;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Print the last records, one JSON object a line
    Tail(read::Tail),
    /// Print one record, by its number or its id
    Show(read::Show),
    /// Search the records of one tenant, or of all, by an index that is kept beside the ledger
    Query(index::Query),
    /// Make that index anew, or find where it differs from the ledger
    Reindex(index::Reindex),
    /// Verify a whole ledger: that no record in it was edited, moved, added or taken out
    Verify(verify::Verify),
    /// Prove a record, or that the ledger still has all that it had, to who has only its public key
    Prove(prove::Prove),
    /// Print the name of a ledger and the key that whoever verifies it must know
    Key(keep::Key),
    /// Give records to other systems: JSON lines, OCSF, CEF or OTLP
    Export(export::Export),
    /// Erase a person: the key of all that is personal of them is destroyed
    Erase(keep::Erase),
    /// Remove old segments; what proves the rest stays
    Retain(keep::Retain),
    /// Say that nothing may be removed or erased, or may be again
    Hold(keep::Hold),
    /// Begin a new epoch: another key signs from here on
    Rotate(keep::Rotate),
    /// Be a witness of other logs: sign what they say of themselves, as long as they do not go back on it
    Witness(witness::Witness),
}

impl Audit {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Tail(it) => ended(it.run()),
            Self::Show(it) => ended(it.run()),
            Self::Query(it) => ended(it.run()),
            Self::Reindex(it) => it.run().unwrap_or_else(|error| failed(&*error)),
            Self::Verify(it) => it.run().unwrap_or_else(|error| failed(&*error)),
            Self::Prove(it) => ended(it.run()),
            Self::Key(it) => ended(it.run()),
            Self::Export(it) => ended(it.run()),
            Self::Erase(it) => ended(it.run()),
            Self::Retain(it) => ended(it.run()),
            Self::Hold(it) => ended(it.run()),
            Self::Rotate(it) => ended(it.run()),
            Self::Witness(it) => it.run(),
        }
    }
}

fn ended(result: Result<(), BoxError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

/// Says an error and what caused it.
fn failed(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    fail(&chain(error))
}

/// Where the index of a ledger is, if nothing else is said.
fn index_file(dir: &Path) -> std::path::PathBuf {
    dir.join(mcpo2_audit::index::SQLITE_FILE)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
