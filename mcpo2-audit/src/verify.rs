use std::path::Path;

use mcpo2_verify::Hash;

/// How much of a ledger there is: who keeps it can tell whether that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many records.
    pub size: u64,
    /// The root of the tree of them.
    pub root: Hash,
}

/// Placeholder until the verifier is there.
pub fn verify(_dir: impl AsRef<Path>) -> Result<(), ()> {
    Ok(())
}
