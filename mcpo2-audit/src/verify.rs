use std::{fs, io, path::Path};

use mcpo2_verify::{
    Hash,
    key::VerifierKey,
    log::{self, Finding, Options, Report},
    trust::Trust,
};

/// How much of a ledger there is: who keeps it can tell whether that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many records.
    pub size: u64,
    /// The root of the tree of them.
    pub root: Hash,
}

/// Why a ledger does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The ledger has no file `origin` that can be read.
    #[error("the ledger does not say who it is: no file `origin` can be read")]
    Unnamed(#[source] io::Error),
    /// The file `origin` names no key.
    #[error("the file `origin` of the ledger names no key")]
    Keyless,
    /// The first thing that does not hold.
    #[error(transparent)]
    Finding(#[from] Finding),
}

/// Checks all of a ledger, by the first key that it names itself.
///
/// So it shows what was edited, and not that the ledger is the one that it says: whoever verifies
/// for others knows the key from elsewhere, and uses [`mcpo2_verify::log::verify`].
///
/// # Errors
///
/// The first thing that does not hold.
pub fn verify(dir: impl AsRef<Path>) -> Result<Report, VerifyError> {
    let dir = dir.as_ref();
    let trust = Trust::without_witnesses(own_key(dir)?);
    Ok(log::verify(dir, &trust, &Options::default())?)
}

/// The first key of a ledger, as it names it itself.
fn own_key(dir: &Path) -> Result<VerifierKey, VerifyError> {
    let origin = fs::read_to_string(dir.join("origin")).map_err(VerifyError::Unnamed)?;
    let key = origin.lines().nth(1).and_then(|key| key.parse().ok());
    key.ok_or(VerifyError::Keyless)
}
