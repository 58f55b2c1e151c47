//! Which logs and which witnesses are believed, as <https://c2sp.org/tlog-policy> writes it down.

use crate::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    key::VerifierKey,
    note::{Note, NoteError, Signer},
    rotation::{Epochs, RotationError},
};

mod policy;
mod quorum;

pub use policy::{PolicyError, PolicyErrorKind};
pub use quorum::Quorum;

/// The logs that are believed, by their first keys, and how many witnesses must have seen what they
/// say.
///
/// It has to reach whoever verifies by another way than the ledger: who can change both is believed.
///
/// ```
/// use mcpo2_verify::trust::Trust;
///
/// let trust = Trust::parse(b"# the log, and no witnesses
/// log example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
/// quorum none
/// ")?;
/// assert_eq!(trust.logs().len(), 1);
/// # Ok::<(), mcpo2_verify::trust::PolicyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    quorum: Quorum,
}

/// A log that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    key: VerifierKey,
    url: Option<Box<[u8]>>,
}

/// A witness whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    name: Box<[u8]>,
    key: VerifierKey,
    url: Option<Box<[u8]>>,
}

/// A checkpoint that is believed, and by whom it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Believed<'t> {
    checkpoint: Checkpoint,
    log: VerifierKey,
    cosigners: Vec<Signer<'t>>,
}

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// It is of a log that is not among those that are believed.
    #[error("log is not one that is believed")]
    UnknownLog,
    /// The notes by which keys follow each other do not follow from the first key.
    #[error("keys of the log do not follow from its first key")]
    Rotation(#[from] RotationError),
    /// A signature does not fit, or the log did not sign.
    #[error("checkpoint is not signed as it must be")]
    Note(#[from] NoteError),
    /// Not enough witnesses signed it.
    #[error("checkpoint is not signed by enough witnesses")]
    Quorum,
}

impl Trust {
    /// Believes one log, whoever else has seen what it says: a log that shows different histories
    /// to different people is not found out.
    #[must_use]
    pub fn without_witnesses(log: VerifierKey) -> Self {
        Self {
            logs: vec![Log {
                key: log,
                url: None,
            }],
            witnesses: Vec::new(),
            quorum: Quorum::none(),
        }
    }

    /// Reads a policy file.
    ///
    /// Keys of logs are Ed25519 (0x01), those of witnesses Ed25519 cosignatures (0x04); others are
    /// refused, and not passed over: a witness that can never count should not seem to.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] says what is wrong, and in which line.
    pub fn parse(policy: &[u8]) -> Result<Self, PolicyError> {
        policy::parse(policy)
    }

    /// The logs that are believed.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses whose signatures count.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Which of them must have signed.
    #[must_use]
    pub fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// Whether a checkpoint is to be believed: its log signed it with the key of its size, no known
    /// signature is wrong, and enough witnesses signed it.
    ///
    /// `rotations` are the notes of the log in their order, as [`Epochs::rotate`] takes them.
    ///
    /// # Errors
    ///
    /// [`TrustError`] says why not.
    pub fn verify(
        &self,
        signed: &SignedCheckpoint,
        rotations: &[Note],
    ) -> Result<Believed<'_>, TrustError> {
        let checkpoint = signed.checkpoint();
        let logs = self.signing(checkpoint, rotations)?;
        let signers = signed.note().verify(&logs.iter().collect::<Vec<_>>())?;
        let log = signers.first().ok_or(NoteError::Unsigned)?.key().clone();
        let witnesses: Vec<_> = self.witnesses.iter().map(Witness::key).collect();
        let cosigners = signed.cosigners(&witnesses)?;
        let has_signed = |key: &VerifierKey| cosigners.iter().any(|signer| signer.key() == key);
        match self.quorum.satisfied(has_signed) {
            true => Ok(Believed {
                checkpoint: checkpoint.clone(),
                log,
                cosigners,
            }),
            false => Err(TrustError::Quorum),
        }
    }

    /// The keys by one of which a checkpoint must be signed.
    ///
    /// More than one log can have a name; only one of them has the rotations.
    fn signing(
        &self,
        checkpoint: &Checkpoint,
        rotations: &[Note],
    ) -> Result<Vec<VerifierKey>, TrustError> {
        let mut keys = Vec::new();
        let mut error = TrustError::UnknownLog;
        for log in &self.logs {
            if log.key.name().as_str() != checkpoint.origin() {
                continue;
            }
            let mut epochs = Epochs::new(log.key.clone());
            let followed = rotations
                .iter()
                .try_for_each(|note| epochs.rotate(note).map(drop));
            match followed {
                Ok(()) => keys.push(epochs.key(checkpoint.size()).clone()),
                Err(wrong) => error = wrong.into(),
            }
        }
        match keys.is_empty() {
            true => Err(error),
            false => Ok(keys),
        }
    }
}

impl Log {
    /// Its first key, whose name is its origin.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Where it is found, if the file says so.
    #[must_use]
    pub fn url(&self) -> Option<&[u8]> {
        self.url.as_deref()
    }
}

impl Witness {
    /// What the file calls it; the name of its key may be another.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The URL below which it takes checkpoints, if the file says so.
    #[must_use]
    pub fn url(&self) -> Option<&[u8]> {
        self.url.as_deref()
    }
}

impl<'t> Believed<'t> {
    /// What the log says.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The key by which it said so.
    #[must_use]
    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    /// The witnesses that signed, and when.
    #[must_use]
    pub fn cosigners(&self) -> &[Signer<'t>] {
        &self.cosigners
    }
}

#[cfg(test)]
mod tests;
