use std::ops::Range;

use mcpo2_core::Digest;

use crate::manifest::{Content, Entry, InclusionProof, Manifest, ProofError, tree::Hash};

use super::{
    Cover, ExcerptProof, Groups,
    span::{Part, Side},
};

/// A proof of a part of a file, for which its bytes are still to be read.
///
/// It is made by [`Manifest::plan`]; reading is left to the caller, who may have to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    file: InclusionProof,
    part: Part,
    hashes: Vec<Hash>,
}

impl Plan {
    /// The bytes of the file that [`Plan::prove`] takes.
    #[must_use]
    pub fn reads(&self) -> Range<u64> {
        self.part.covered()
    }

    /// The proof, of the bytes that were read.
    ///
    /// # Errors
    ///
    /// [`ProofError::Content`] where they are not those of [`Plan::reads`].
    pub fn prove(self, read: &[u8]) -> Result<ExcerptProof, ProofError> {
        let proof = ExcerptProof {
            file: self.file,
            part: self.part,
            hashes: self.hashes.into(),
            data: read.into(),
        };
        proof.check_content()?;
        Ok(proof)
    }
}

impl Manifest {
    /// A plan to prove a range of bytes of a file.
    ///
    /// # Errors
    ///
    /// [`ProofError::NoFile`] where no file has this path, [`ProofError::Content`] where the groups
    /// are those of another, [`ProofError::Range`] where the range is empty or not in the file; the
    /// empty range of an empty file is one.
    pub fn plan(
        &self,
        path: &str,
        groups: &Groups,
        range: Range<u64>,
        cover: Cover,
    ) -> Result<Plan, ProofError> {
        let file = self.prove(path).ok_or(ProofError::NoFile)?;
        let (size, digest) = file_of(file.claimed())?;
        if (groups.size(), groups.digest()) != (size, digest) {
            return Err(ProofError::Content);
        }
        let part = Part::new(size, range, cover)?;
        let mut hashes = Vec::new();
        let found = part.digest(|side| match side {
            Side::Inside(span) => Ok::<_, ProofError>(groups.node(span)),
            Side::Outside(span) => {
                let value = groups.node(span);
                hashes.push(value);
                Ok(value)
            }
        })?;
        if found != *digest.as_bytes() {
            return Err(ProofError::Content);
        }
        Ok(Plan { file, part, hashes })
    }

    /// The proof of a range of bytes of a file that is at hand.
    ///
    /// # Errors
    ///
    /// Those of [`Manifest::plan`].
    pub fn excerpt(
        &self,
        path: &str,
        content: &[u8],
        range: Range<u64>,
        cover: Cover,
    ) -> Result<ExcerptProof, ProofError> {
        let plan = self.plan(path, &Groups::of(content), range, cover)?;
        let Range { start, end } = plan.reads();
        let reads = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let read = reads.and_then(|(start, end)| content.get(start..end));
        plan.prove(read.ok_or(ProofError::Content)?)
    }
}

/// The size and the digest of what must be a file.
pub(super) fn file_of(entry: &Entry) -> Result<(u64, Digest), ProofError> {
    match entry.content() {
        Content::File { size, digest, .. } => Ok((*size, *digest)),
        _ => Err(ProofError::NoFile),
    }
}
