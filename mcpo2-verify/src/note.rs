//! Texts with signatures below them, as <https://c2sp.org/signed-note>.

use std::fmt;

use crate::{
    cosignature::Cosignature,
    key::{Algorithm, KeyId, KeyName, VerifierKey},
};

mod line;

pub use line::SignatureLine;

/// A text and the signatures that stand below it, read but not believed.
///
/// The text is not to be used before [`Note::verify`] says who signed it.
///
/// ```
/// use mcpo2_verify::{key::VerifierKey, note::Note};
///
/// let key: VerifierKey =
///     "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse()?;
/// let note = Note::parse("This is an example message.\n\n— example.com/foo \
///     Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
///     .as_bytes())?;
/// assert_eq!(note.verify(&[&key])?.len(), 1);
/// assert_eq!(note.text(), "This is an example message.\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: Box<str>,
    signatures: Vec<SignatureLine>,
}

/// A key that signed a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signer<'k> {
    key: &'k VerifierKey,
    time: Option<u64>,
}

/// Why bytes are no note, or why a note is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is longer than [`Note::MAX_BYTES`].
    #[error("note is too long")]
    TooLong,
    /// It is not UTF-8, or has control characters that are no line feed.
    #[error("note has bytes that do not belong into a text")]
    Encoding,
    /// No empty line stands before signatures, or no line feed behind the last of them.
    #[error("note has no signatures below its text")]
    Form,
    /// A line below the text is no signature.
    #[error("signature {0} of a note is malformed")]
    Signature(usize),
    /// It has more than [`Note::MAX_SIGNATURES`].
    #[error("note has too many signatures")]
    TooManySignatures,
    /// A signature by a known key does not fit the text.
    #[error("signature of {name} ({id}) does not fit the note")]
    Mismatch {
        /// The name of the key.
        name: KeyName,
        /// The id of the key.
        id: KeyId,
    },
    /// None of the known keys signed it.
    #[error("note is not signed by a known key")]
    Unsigned,
}

/// Puts signatures below a text. What [`Note::parse`] takes comes out if the text ends with a line
/// feed and has no other control characters, and there is a signature.
#[must_use]
pub fn assemble(text: &str, signatures: &[SignatureLine]) -> String {
    let mut note = format!("{text}\n");
    for signature in signatures {
        note.push_str(&signature.to_string());
        note.push('\n');
    }
    note
}

/// Signs a text as a log does: the closure is given what to sign, and returns an Ed25519 signature.
///
/// # Errors
///
/// What the closure returns.
pub fn sign_note<E>(
    text: &str,
    name: &KeyName,
    id: KeyId,
    sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
) -> Result<SignatureLine, E> {
    let signature = sign(text.as_bytes())?;
    Ok(SignatureLine::new(name.clone(), id, &signature))
}

impl Note {
    /// The most bytes of a note.
    pub const MAX_BYTES: usize = 256 * 1024;

    /// The most signatures of a note.
    pub const MAX_SIGNATURES: usize = 64;

    /// Reads a note, and nothing that is only nearly one.
    ///
    /// # Errors
    ///
    /// [`NoteError`] says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(NoteError::TooLong);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Encoding)?;
        if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::Encoding);
        }
        // The text may have empty lines itself: the last one ends it.
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let signatures = parse_signatures(signatures)?;
        let text = format!("{text}\n").into();
        Ok(Self { text, signatures })
    }

    /// The text, its last line feed included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures in the order in which they stand.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Which of these keys signed the note, each once, in the order of their signatures.
    ///
    /// Signatures by other keys are passed over, those of algorithms that are not verified here
    /// included.
    ///
    /// # Errors
    ///
    /// [`NoteError::Mismatch`] if one signature by one of these keys does not fit, and
    /// [`NoteError::Unsigned`] if there is none.
    pub fn verify<'k>(&self, keys: &[&'k VerifierKey]) -> Result<Vec<Signer<'k>>, NoteError> {
        let mut signers: Vec<Signer<'k>> = Vec::new();
        for line in &self.signatures {
            let Some(key) = keys.iter().find(|key| line.names(key)) else {
                continue;
            };
            let signer = Signer::of(key, &self.text, line.signature());
            let signer = signer.ok_or_else(|| NoteError::Mismatch {
                name: line.name().clone(),
                id: line.id(),
            })?;
            if !signers.iter().any(|known| known.key == signer.key) {
                signers.push(signer);
            }
        }
        match signers.is_empty() {
            true => Err(NoteError::Unsigned),
            false => Ok(signers),
        }
    }

    /// Puts a signature below the others, or in the place of one by the same key.
    ///
    /// # Errors
    ///
    /// [`NoteError::TooManySignatures`] if there is no room for it.
    pub fn add(&mut self, line: SignatureLine) -> Result<(), NoteError> {
        let full = self.signatures.len() >= Self::MAX_SIGNATURES;
        let same = |old: &&mut SignatureLine| old.name() == line.name() && old.id() == line.id();
        match self.signatures.iter_mut().find(same) {
            Some(old) => *old = line,
            None if full => return Err(NoteError::TooManySignatures),
            None => self.signatures.push(line),
        }
        Ok(())
    }
}

/// Reads lines of signatures, each with its line feed: what stands below a note, and what a witness
/// replies.
///
/// # Errors
///
/// [`NoteError`] if a line is none, and if there are none or too many.
pub fn parse_signatures(lines: &str) -> Result<Vec<SignatureLine>, NoteError> {
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
    let mut signatures = Vec::new();
    for (index, line) in lines.split('\n').enumerate() {
        if index >= Note::MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        signatures.push(line.parse().map_err(|_| NoteError::Signature(index))?);
    }
    Ok(signatures)
}

impl<'k> Signer<'k> {
    /// The key, if it made this signature over this text.
    fn of(key: &'k VerifierKey, text: &str, signature: &[u8]) -> Option<Self> {
        let time = match key.algorithm() {
            Algorithm::Ed25519 => {
                let signature = signature.try_into().ok()?;
                key.signed(text.as_bytes(), signature).then_some(None)?
            }
            Algorithm::Cosignature => {
                let cosignature = Cosignature::from_bytes(signature)?;
                let time = cosignature.time();
                cosignature.verify(text, key).then_some(Some(time))?
            }
        };
        Some(Self { key, time })
    }

    /// The key that signed.
    #[must_use]
    pub fn key(&self) -> &'k VerifierKey {
        self.key
    }

    /// When it signed, in seconds since 1970, if it is the key of a witness.
    #[must_use]
    pub fn time(&self) -> Option<u64> {
        self.time
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&assemble(&self.text, &self.signatures))
    }
}

#[cfg(test)]
mod tests;
