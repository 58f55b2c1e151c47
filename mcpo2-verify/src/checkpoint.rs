//! The size and the root of a log, as <https://c2sp.org/tlog-checkpoint>.

use std::fmt;

use crate::{
    key::{KeyName, VerifierKey},
    note::{Note, NoteError, SignatureLine, Signer},
    text,
};

/// What a log says of itself: its origin, how many records it has, and the root of their tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    origin: Box<str>,
    size: u64,
    root: [u8; 32],
}

/// A checkpoint and the note in which it stands, read but not believed.
///
/// ```
/// use mcpo2_verify::checkpoint::SignedCheckpoint;
///
/// let note = "example.com/behind-the-sofa
/// 20852163
/// CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
///
/// — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
/// ";
/// let signed = SignedCheckpoint::parse(note.as_bytes())?;
/// assert_eq!(signed.checkpoint().size(), 20_852_163);
/// assert_eq!(signed.to_string(), note);
/// # Ok::<(), mcpo2_verify::checkpoint::CheckpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

/// Why a note is no checkpoint, or why one is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note itself is wrong.
    #[error("note of a checkpoint is not usable")]
    Note(#[from] NoteError),
    /// The first line, the origin, is empty or missing.
    #[error("checkpoint has no origin")]
    Origin,
    /// The second line is no number of records.
    #[error("checkpoint has no size")]
    Size,
    /// The third line is no hash.
    #[error("checkpoint has no root")]
    Root,
    /// A line behind the third is empty.
    #[error("checkpoint has an empty line")]
    Extension,
    /// It is signed by the log of another name.
    #[error("checkpoint is not of this log")]
    OtherOrigin,
}

impl Checkpoint {
    /// What the log with this name says of itself.
    #[must_use]
    pub fn new(origin: &KeyName, size: u64, root: [u8; 32]) -> Self {
        Self {
            origin: origin.as_str().into(),
            size,
            root,
        }
    }

    /// Reads the text of a note. Lines behind the third are allowed, and passed over.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] names the line that is wrong.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointError::Root)?;
        let mut lines = text.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty());
        let origin = origin.ok_or(CheckpointError::Origin)?.into();
        let size = lines.next().and_then(text::decimal);
        let size = size.ok_or(CheckpointError::Size)?;
        let root = lines.next().and_then(text::base64_32);
        let root = root.ok_or(CheckpointError::Root)?;
        match lines.any(str::is_empty) {
            true => Err(CheckpointError::Extension),
            false => Ok(Self { origin, size, root }),
        }
    }

    /// The identity of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many records it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree over them, as RFC 6962.
    #[must_use]
    pub fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// The three lines that are signed.
    #[must_use]
    pub fn text(&self) -> String {
        let root = text::to_base64(self.root);
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }
}

impl SignedCheckpoint {
    /// Puts a signature below a checkpoint.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] if what comes out is no note.
    pub fn new(checkpoint: &Checkpoint, signature: SignatureLine) -> Result<Self, CheckpointError> {
        let note = crate::note::assemble(&checkpoint.text(), &[signature]);
        Self::parse(note.as_bytes())
    }

    /// Reads a note that is a checkpoint.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] says what is wrong with it.
    pub fn parse(note: &[u8]) -> Result<Self, CheckpointError> {
        Note::parse(note)?.try_into()
    }

    /// What the log says, to be believed once [`SignedCheckpoint::verify`] has been asked.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note in which it stands.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Verifies that the log to which this key belongs signed the checkpoint.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::OtherOrigin`] if the key has another name than the checkpoint, and
    /// [`CheckpointError::Note`] if it did not sign it.
    pub fn verify(&self, log: &VerifierKey) -> Result<&Checkpoint, CheckpointError> {
        if log.name().as_str() != self.checkpoint.origin() {
            return Err(CheckpointError::OtherOrigin);
        }
        self.note.verify(&[log])?;
        Ok(&self.checkpoint)
    }

    /// Which of these witnesses signed it, and when.
    ///
    /// # Errors
    ///
    /// [`NoteError`] as for [`Note::verify`], but for [`NoteError::Unsigned`].
    pub fn cosigners<'k>(
        &self,
        witnesses: &[&'k VerifierKey],
    ) -> Result<Vec<Signer<'k>>, NoteError> {
        match self.note.verify(witnesses) {
            Err(NoteError::Unsigned) => Ok(Vec::new()),
            signers => signers,
        }
    }

    /// Puts a signature below it, or in the place of one by the same key.
    ///
    /// # Errors
    ///
    /// [`NoteError::TooManySignatures`] if there is no room for it.
    pub fn add(&mut self, signature: SignatureLine) -> Result<(), NoteError> {
        self.note.add(signature)
    }
}

impl TryFrom<Note> for SignedCheckpoint {
    type Error = CheckpointError;

    fn try_from(note: Note) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { checkpoint, note })
    }
}

/// Writes the note.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

#[cfg(test)]
mod tests;
