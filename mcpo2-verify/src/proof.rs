//! That a record stands in a log, in one file, as <https://c2sp.org/tlog-proof>.

use std::fmt;

use crate::{
    Hash,
    checkpoint::{CheckpointError, SignedCheckpoint},
    note::Note,
    text,
    tree::{TreeError, verify_inclusion},
    trust::{Believed, Trust, TrustError},
};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Where a leaf stands in a tree, the hashes that lead from it to the root, and the checkpoint that
/// has the root: what stands in a `.tlog-proof`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    extra: Option<Box<[u8]>>,
    index: u64,
    path: Vec<Hash>,
    checkpoint: SignedCheckpoint,
}

/// Why bytes are no proof, or why one does not prove that a record stands in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// It is longer than [`Proof::MAX_BYTES`].
    #[error("proof is too long")]
    TooLong,
    /// The lines before the checkpoint are not those of a proof.
    #[error("proof is malformed")]
    Form,
    /// What stands behind them is no checkpoint.
    #[error("proof has no checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is not believed.
    #[error("checkpoint of the proof is not believed")]
    Trust(#[from] TrustError),
    /// The hashes do not lead from the leaf to the root.
    #[error("record is not where the proof says")]
    Inclusion(#[from] TreeError),
}

impl Proof {
    /// The most bytes of a proof.
    pub const MAX_BYTES: usize = 512 * 1024;

    /// The most hashes: as many as a tree is deep.
    const MAX_HASHES: usize = 64;

    /// A proof that a leaf is at `index` in the tree of a checkpoint.
    #[must_use]
    pub fn new(index: u64, path: Vec<Hash>, checkpoint: SignedCheckpoint) -> Self {
        Self {
            extra: None,
            index,
            path,
            checkpoint,
        }
    }

    /// The proof with bytes that prove nothing by themselves; in MCPO2, the leaf.
    #[must_use]
    pub fn with_extra(mut self, extra: &[u8]) -> Self {
        self.extra = Some(extra.into());
        self
    }

    /// Reads a proof.
    ///
    /// # Errors
    ///
    /// [`ProofError`] says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(ProofError::TooLong);
        }
        let proof = std::str::from_utf8(bytes).map_err(|_| ProofError::Form)?;
        let (head, rest) = Self::head(proof).ok_or(ProofError::Form)?;
        let (path, checkpoint) = text::hashes(rest, Self::MAX_HASHES).ok_or(ProofError::Form)?;
        Ok(Self {
            extra: head.extra,
            index: head.index,
            path,
            checkpoint: SignedCheckpoint::parse(checkpoint.as_bytes())?,
        })
    }

    fn head(proof: &str) -> Option<(Head, &str)> {
        let rest = proof.strip_prefix(HEADER)?.strip_prefix('\n')?;
        let (extra, rest) = match rest.strip_prefix("extra ") {
            None => (None, rest),
            Some(rest) => {
                let (extra, rest) = rest.split_once('\n')?;
                (Some(text::base64(extra)?.into()), rest)
            }
        };
        let (index, rest) = rest.strip_prefix("index ")?.split_once('\n')?;
        let index = text::decimal(index)?;
        Some((Head { extra, index }, rest))
    }

    /// Bytes that came along, and are not to be believed before they are hashed to the leaf.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// Which record it is, from 0 on.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The hashes that lead from the leaf to the root.
    #[must_use]
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// The checkpoint that has the root.
    #[must_use]
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Verifies that the leaf with this hash stands in a log that is believed.
    ///
    /// `rotations` are the notes of the log, as [`Trust::verify`] takes them.
    ///
    /// # Errors
    ///
    /// [`ProofError::Trust`] if the checkpoint is not believed, and [`ProofError::Inclusion`] if
    /// the leaf is not where the proof says.
    pub fn verify<'t>(
        &self,
        leaf_hash: &Hash,
        trust: &'t Trust,
        rotations: &[Note],
    ) -> Result<Believed<'t>, ProofError> {
        let believed = trust.verify(&self.checkpoint, rotations)?;
        let (size, root) = (believed.checkpoint().size(), believed.checkpoint().root());
        verify_inclusion(self.index, size, leaf_hash, &self.path, root)?;
        Ok(believed)
    }
}

/// What stands before the hashes.
struct Head {
    extra: Option<Box<[u8]>>,
    index: u64,
}

/// Writes the file.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", text::to_base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", text::to_base64(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests;
