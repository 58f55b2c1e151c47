use mcpo2_verify::{
    checkpoint::SignedCheckpoint,
    key::VerifierKey,
    note::NoteError,
    trust::{Trust, Witness},
};

use crate::witness::{Cosigned, Submission, SubmissionError};

/// What the witnesses of a ledger have signed, and whether that is enough.
#[derive(Debug, Clone)]
pub struct Witnessing {
    trust: Trust,
    /// INVARIANT: one for each witness of the policy, in its order.
    standings: Vec<Standing>,
}

/// What is known of one witness.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    size: u64,
    time: Option<u64>,
    error: Option<SubmissionError>,
}

impl Witnessing {
    /// With the witnesses and the quorum of a policy, none of which has signed yet.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        let standings = trust.witnesses().iter().map(|_| Standing::default());
        Self {
            standings: standings.collect(),
            trust,
        }
    }

    /// Takes up from a checkpoint that was cosigned before.
    ///
    /// # Errors
    ///
    /// [`NoteError::Mismatch`] if a signature by a witness does not fit it.
    pub fn resume(&mut self, published: &SignedCheckpoint) -> Result<(), NoteError> {
        let keys: Vec<_> = self.trust.witnesses().iter().map(Witness::key).collect();
        for signer in published.cosigners(&keys)? {
            let index = keys.iter().position(|key| *key == signer.key());
            let standing = index.and_then(|index| self.standings.get_mut(index));
            if let Some(standing) = standing {
                standing.size = published.checkpoint().size();
                standing.time = signer.time();
            }
        }
        Ok(())
    }

    /// The policy by which witnesses count.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The witnesses, and what is known of each.
    pub fn standings(&self) -> impl Iterator<Item = (&Witness, &Standing)> {
        self.trust.witnesses().iter().zip(&self.standings)
    }

    /// Takes a checkpoint to one of the witnesses.
    ///
    /// # Errors
    ///
    /// [`SubmissionError::RolledBack`] if it signed more before.
    pub fn submission(
        &self,
        witness: &VerifierKey,
        checkpoint: SignedCheckpoint,
    ) -> Result<Submission, SubmissionError> {
        let mut known = self.standings();
        let known = known.find(|(known, _)| known.key() == witness);
        Submission::new(
            witness,
            known.map_or(0, |(_, known)| known.size),
            checkpoint,
        )
    }

    /// Notes what came of it.
    pub fn ended(&mut self, witness: &VerifierKey, ended: &Result<Cosigned, SubmissionError>) {
        let mut known = self.trust.witnesses().iter().zip(&mut self.standings);
        let Some((_, standing)) = known.find(|(known, _)| known.key() == witness) else {
            return;
        };
        match ended {
            Ok(cosigned) => {
                standing.size = cosigned.size();
                // Its clock may be wrong by minutes; that it signed just now is known here.
                standing.time = Some(cosigned.received());
                standing.error = None;
            }
            Err(error) => standing.error = Some(error.clone()),
        }
    }

    /// Whether enough witnesses signed this checkpoint.
    ///
    /// # Errors
    ///
    /// [`NoteError::Mismatch`] if a signature by a witness does not fit it.
    pub fn witnessed(&self, checkpoint: &SignedCheckpoint) -> Result<bool, NoteError> {
        let keys: Vec<_> = self.trust.witnesses().iter().map(Witness::key).collect();
        let signers = checkpoint.cosigners(&keys)?;
        let signed = |key: &VerifierKey| signers.iter().any(|signer| signer.key() == key);
        Ok(self.trust.quorum().satisfied(signed))
    }

    /// Whether enough witnesses signed anything in these last seconds.
    #[must_use]
    pub fn within(&self, seconds: u64, now: u64) -> bool {
        let since = now.saturating_sub(seconds);
        self.trust.quorum().satisfied(|key| {
            let mut known = self.standings();
            let known = known.find(|(known, _)| known.key() == key);
            known.is_some_and(|(_, known)| known.time.is_some_and(|time| time >= since))
        })
    }
}

impl Standing {
    /// The size that it signed last, 0 if none.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When it signed last, in seconds since 1970, by the clock here; what was taken up from before is by
    /// the clock of the witness.
    #[must_use]
    pub fn time(&self) -> Option<u64> {
        self.time
    }

    /// Why it did not sign what it was asked for last.
    #[must_use]
    pub fn error(&self) -> Option<&SubmissionError> {
        self.error.as_ref()
    }
}
