use std::{io, path::Path, sync::Arc};

use mcpo2_audit::{Ledger, Statements};
use mcpo2_core::BoxError;
use mcpo2_verify::{Hash, checkpoint::SignedCheckpoint, note::Note, trust::Trust};

use super::{WitnessConfig, WitnessTask, WitnessedLedger};

/// The ledger of this gateway, as witnesses see it.
#[derive(Debug)]
pub struct OwnLedger {
    ledger: Ledger,
    statements: Statements,
}

/// What has the checkpoints of a gateway's ledger signed by the witnesses of a policy file.
pub(crate) fn own_task(
    ledger: &Ledger,
    dir: &Path,
    policy: &Path,
) -> Result<WitnessTask<OwnLedger>, BoxError> {
    let named = |error: BoxError| format!("{}: {error}", policy.display());
    let text = std::fs::read(policy).map_err(|error| named(error.into()))?;
    let trust = Trust::parse(&text).map_err(|error| named(error.into()))?;
    let statements = Statements::of(dir);
    let published = statements.published()?;
    let own = OwnLedger {
        ledger: ledger.clone(),
        statements,
    };
    let config = WitnessConfig::new(trust);
    Ok(WitnessTask::new(config, Arc::new(own), published.as_ref())?)
}

impl WitnessedLedger for OwnLedger {
    fn checkpoint(&self) -> Option<SignedCheckpoint> {
        let newest = self.statements.newest();
        newest
            .inspect_err(|error| tracing::error!(%error, "no checkpoint can be witnessed"))
            .ok()
            .flatten()
    }

    fn consistency(&self, old: u64, new: u64) -> io::Result<Vec<Hash>> {
        self.statements.consistency(old, new)
    }

    fn rotations(&self) -> io::Result<Vec<Note>> {
        self.statements.rotations()
    }

    fn store_cosigned(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        let published = self.ledger.publish_witnessed(checkpoint);
        published.map_err(io::Error::other)
    }
}
