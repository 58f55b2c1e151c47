use std::io;

use mcpo2_verify::{Hash, checkpoint::SignedCheckpoint, note::Note};

/// What a ledger gives to be witnessed, and gets back.
///
/// It is asked on threads that may block.
pub trait WitnessedLedger: Send + Sync + 'static {
    /// What it says of itself now; nothing while it has no records.
    fn checkpoint(&self) -> Option<SignedCheckpoint>;

    /// The proof that the tree of the new size begins with that of the old size.
    ///
    /// # Errors
    ///
    /// If it has no tree of these sizes, or cannot read it.
    fn consistency(&self, old: u64, new: u64) -> io::Result<Vec<Hash>>;

    /// The notes by which its keys follow each other, from the first on, for witnesses that take
    /// them; none if it has had one key only.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    fn rotations(&self) -> io::Result<Vec<Note>> {
        Ok(Vec::new())
    }

    /// Publishes a checkpoint that enough witnesses signed.
    ///
    /// # Errors
    ///
    /// If it could not be kept.
    fn store_cosigned(&self, checkpoint: &SignedCheckpoint) -> io::Result<()>;
}
