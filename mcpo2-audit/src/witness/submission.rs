use mcpo2_verify::{
    Hash,
    checkpoint::SignedCheckpoint,
    key::VerifierKey,
    note::{NoteError, SignatureLine},
    witness::{AddCheckpoint, Reply, ReplyError},
};

/// How far the clock of a witness may be from ours, in seconds.
const MAX_SKEW: u64 = 600;

/// How often a witness may say that it signed another size.
const MAX_CONFLICTS: u8 = 3;

/// One checkpoint on its way to one witness.
///
/// It makes the body from a proof, and says what a reply means. What to do until then, and how
/// long, is up to who sends it.
#[derive(Debug, Clone)]
pub struct Submission {
    witness: VerifierKey,
    checkpoint: SignedCheckpoint,
    old: u64,
    conflicts: u8,
    forgot: Option<u64>,
}

/// What a reply brought.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Progress {
    /// The witness signed.
    Cosigned(Cosigned),
    /// The witness signed another size last: to be sent with a proof from there.
    Retry(Box<Submission>),
}

/// A signature of the witness, which was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    line: SignatureLine,
    size: u64,
    time: u64,
    received: u64,
    forgot: Option<u64>,
}

/// Why a witness did not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmissionError {
    /// It signed more than the ledger has: the ledger was set back, or the witness lies.
    #[error("witness says that it signed size {signed}, and the ledger has {size}")]
    RolledBack {
        /// The size that it signed.
        signed: u64,
        /// The size that the ledger has.
        size: u64,
    },
    /// It says that the checkpoint does not go on from what it signed: it saw another history, or
    /// lies.
    #[error("witness has seen another history")]
    Inconsistent,
    /// It does not know the log.
    #[error("witness does not know the log")]
    UnknownLog,
    /// It does not know the key of the log.
    #[error("witness does not know the key of the log")]
    Forbidden,
    /// It does not understand what was sent.
    #[error("witness does not understand the request")]
    Malformed,
    /// It names one size after the other, or the one that was sent.
    #[error("witness does not say what it signed last")]
    Conflict,
    /// It replied with this status.
    #[error("witness replied with status {0}")]
    Status(u16),
    /// Its reply is malformed.
    #[error("reply of the witness is malformed")]
    Reply(#[from] ReplyError),
    /// No signature in its reply is by its key.
    #[error("witness sent no signature of its own")]
    Unsigned,
    /// A signature by its key does not fit the checkpoint.
    #[error("signature of the witness does not fit the checkpoint")]
    Signature,
    /// It signed at a time that is far from now.
    #[error("witness signed at {time}, and it is {now}")]
    Time {
        /// When it says that it signed.
        time: u64,
        /// The time here.
        now: u64,
    },
    /// It could not be asked, or did not answer in time.
    #[error("witness cannot be reached")]
    Unreachable,
    /// The ledger could not prove that the checkpoint goes on.
    #[error("ledger has no proof for the witness")]
    NoProof,
}

impl Submission {
    /// Takes a checkpoint to a witness that is known to have signed this size before, or 0.
    ///
    /// # Errors
    ///
    /// [`SubmissionError::RolledBack`] if that is more than the checkpoint has.
    pub fn new(
        witness: &VerifierKey,
        signed: u64,
        checkpoint: SignedCheckpoint,
    ) -> Result<Self, SubmissionError> {
        let size = checkpoint.checkpoint().size();
        if signed > size {
            return Err(SubmissionError::RolledBack { signed, size });
        }
        Ok(Self {
            witness: witness.clone(),
            checkpoint,
            old: signed,
            conflicts: 0,
            forgot: None,
        })
    }

    /// The size from which the proof must lead.
    #[must_use]
    pub fn old(&self) -> u64 {
        self.old
    }

    /// The size to which the proof must lead.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.checkpoint.checkpoint().size()
    }

    /// The body to be sent, with a proof from [`Submission::old`] to [`Submission::size`].
    #[must_use]
    pub fn body(&self, proof: Vec<Hash>) -> String {
        AddCheckpoint::new(self.old, proof, self.checkpoint.clone()).to_string()
    }

    /// Takes a reply at this time, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`SubmissionError`] if the witness did not sign and will not for another proof.
    pub fn reply(
        self,
        reply: Result<Reply, ReplyError>,
        now: u64,
    ) -> Result<Progress, SubmissionError> {
        match reply? {
            Reply::Cosigned(lines) => self.verify(lines, now).map(Progress::Cosigned),
            Reply::Conflict(size) => self
                .conflict(size)
                .map(|again| Progress::Retry(again.into())),
            Reply::Malformed => Err(SubmissionError::Malformed),
            Reply::Forbidden => Err(SubmissionError::Forbidden),
            Reply::UnknownLog => Err(SubmissionError::UnknownLog),
            Reply::Inconsistent => Err(SubmissionError::Inconsistent),
            other => Err(SubmissionError::Status(other.status())),
        }
    }

    /// Takes the signature by the key of the witness; others are passed over.
    fn verify(mut self, lines: Vec<SignatureLine>, now: u64) -> Result<Cosigned, SubmissionError> {
        let mut own = lines.into_iter().filter(|line| line.names(&self.witness));
        let line = own.next().ok_or(SubmissionError::Unsigned)?;
        let added = match own.next() {
            Some(_) => Err(NoteError::TooManySignatures),
            None => self.checkpoint.add(line.clone()),
        };
        added.map_err(|_| SubmissionError::Signature)?;
        let signers = self.checkpoint.cosigners(&[&self.witness]);
        let signers = signers.map_err(|_| SubmissionError::Signature)?;
        let time = signers.first().and_then(|signer| signer.time());
        let time = time.ok_or(SubmissionError::Signature)?;
        if time == 0 || time.abs_diff(now) > MAX_SKEW {
            return Err(SubmissionError::Time { time, now });
        }
        let (size, forgot) = (self.size(), self.forgot);
        Ok(Cosigned {
            line,
            size,
            time,
            received: now,
            forgot,
        })
    }

    fn conflict(mut self, signed: u64) -> Result<Self, SubmissionError> {
        let size = self.size();
        if signed > size {
            return Err(SubmissionError::RolledBack { signed, size });
        }
        self.conflicts = self.conflicts.saturating_add(1);
        if signed == self.old || self.conflicts > MAX_CONFLICTS {
            return Err(SubmissionError::Conflict);
        }
        if signed < self.old {
            self.forgot = Some(self.old);
        }
        self.old = signed;
        Ok(self)
    }
}

impl Cosigned {
    /// The signature, to be put below the checkpoint.
    #[must_use]
    pub fn line(&self) -> &SignatureLine {
        &self.line
    }

    /// The size that was signed.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When, in seconds since 1970, by the clock of the witness.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// When it was received, by the clock here.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The size that the witness had signed, if it no longer knew that it had. It then might sign
    /// another history.
    #[must_use]
    pub fn forgot(&self) -> Option<u64> {
        self.forgot
    }
}

impl SubmissionError {
    /// Whether it says that the ledger is not what it was, and somebody should look now.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::RolledBack { .. } | Self::Inconsistent)
    }
}
