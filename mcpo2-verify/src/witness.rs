//! What a log asks of a witness, and what it replies, as <https://c2sp.org/tlog-witness>.
//!
//! Only the bodies are here: what is in them is believed by neither side before it is verified.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{
    Hash,
    checkpoint::{CheckpointError, SignedCheckpoint},
    note::{Note, NoteError, SignatureLine, parse_signatures},
    text,
};

/// The body of an `add-checkpoint`: what the log says of itself, and that it is what it said of
/// itself at the old size, with more behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: u64,
    proof: Vec<Hash>,
    checkpoint: SignedCheckpoint,
}

/// What a witness replies.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// 200: it signed, and these are its signatures.
    Cosigned(Vec<SignatureLine>),
    /// 400: the body is malformed, or its old size is above that of the checkpoint.
    Malformed,
    /// 403: no key that it knows signed the checkpoint, or a signature does not fit.
    Forbidden,
    /// 404: it does not know the log.
    UnknownLog,
    /// 409: the checkpoint that it signed last has this size, and not the old size.
    Conflict(u64),
    /// 422: the checkpoint does not go on from the one that it signed last.
    Inconsistent,
    /// Any other status. It replies 503 if it cannot keep what it would sign.
    Other(u16),
}

/// Why bytes are no body of an `add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is longer than [`AddCheckpoint::MAX_BYTES`].
    #[error("request to a witness is too long")]
    TooLong,
    /// What stands before the checkpoint is not an old size and at most 63 hashes.
    #[error("request to a witness is malformed")]
    Form,
    /// What stands behind that is no checkpoint.
    #[error("request to a witness has no checkpoint")]
    Checkpoint(#[from] CheckpointError),
}

/// Why bytes are no reply of a witness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// It is longer than [`Reply::MAX_BYTES`].
    #[error("reply of a witness is too long")]
    TooLong,
    /// A 200 without signatures, or with lines that are none.
    #[error("reply of a witness has no signatures")]
    Signatures(#[from] NoteError),
    /// A 409 without a size, or of another type than [`Reply::SIZE_TYPE`].
    #[error("reply of a witness has no size")]
    Size,
}

/// By which name a witness serves what it signed last: `SHA-256` of the origin, in hex.
#[must_use]
pub fn origin_hash(origin: &str) -> String {
    let hash: Hash = Sha256::digest(origin).into();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl AddCheckpoint {
    /// The most bytes of a body.
    pub const MAX_BYTES: usize = Note::MAX_BYTES + 4096;

    /// The most hashes that a log may send.
    pub const MAX_HASHES: usize = 63;

    /// Shows a checkpoint, and that it goes on from that of the old size.
    #[must_use]
    pub fn new(old: u64, proof: Vec<Hash>, checkpoint: SignedCheckpoint) -> Self {
        Self {
            old,
            proof,
            checkpoint,
        }
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// [`RequestError`] says what is wrong with it; the reply is [`Reply::Malformed`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        if body.len() > Self::MAX_BYTES {
            return Err(RequestError::TooLong);
        }
        let (old, proof, checkpoint) = Self::lines(body).ok_or(RequestError::Form)?;
        let checkpoint = SignedCheckpoint::parse(checkpoint.as_bytes())?;
        Ok(Self::new(old, proof, checkpoint))
    }

    fn lines(body: &[u8]) -> Option<(u64, Vec<Hash>, &str)> {
        let body = std::str::from_utf8(body).ok()?;
        let (old, rest) = body.strip_prefix("old ")?.split_once('\n')?;
        let old = text::decimal(old)?;
        let (proof, checkpoint) = text::hashes(rest, Self::MAX_HASHES)?;
        Some((old, proof, checkpoint))
    }

    /// The size at which the witness is said to have seen the log last.
    #[must_use]
    pub fn old(&self) -> u64 {
        self.old
    }

    /// The hashes that prove that the checkpoint goes on from there.
    #[must_use]
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The checkpoint that is to be signed.
    #[must_use]
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}

impl Reply {
    /// The most bytes of a body.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// The type of the body of a 409.
    pub const SIZE_TYPE: &'static str = "text/x.tlog.size";

    /// Reads a reply from its status, its `Content-Type` and its body, which matters with 200 and
    /// 409 only.
    ///
    /// # Errors
    ///
    /// [`ReplyError`] says what is wrong with it.
    pub fn parse(status: u16, content_type: Option<&str>, body: &[u8]) -> Result<Self, ReplyError> {
        if body.len() > Self::MAX_BYTES {
            return Err(ReplyError::TooLong);
        }
        Ok(match status {
            200 => {
                let lines = std::str::from_utf8(body).map_err(|_| NoteError::Encoding)?;
                Self::Cosigned(parse_signatures(lines)?)
            }
            400 => Self::Malformed,
            403 => Self::Forbidden,
            404 => Self::UnknownLog,
            409 if content_type == Some(Self::SIZE_TYPE) => {
                let size = std::str::from_utf8(body).ok();
                let size = size.and_then(|size| text::decimal(size.strip_suffix('\n')?));
                Self::Conflict(size.ok_or(ReplyError::Size)?)
            }
            409 => return Err(ReplyError::Size),
            422 => Self::Inconsistent,
            status => Self::Other(status),
        })
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Cosigned(_) => 200,
            Self::Malformed => 400,
            Self::Forbidden => 403,
            Self::UnknownLog => 404,
            Self::Conflict(_) => 409,
            Self::Inconsistent => 422,
            Self::Other(status) => *status,
        }
    }

    /// The `Content-Type` of the response.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Conflict(_) => Self::SIZE_TYPE,
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The body of the response.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::Cosigned(lines) => lines.iter().map(|line| format!("{line}\n")).collect(),
            Self::Conflict(size) => format!("{size}\n"),
            Self::Malformed => "malformed request\n".to_owned(),
            Self::Forbidden => "not signed by a key of the log\n".to_owned(),
            Self::UnknownLog => "unknown log\n".to_owned(),
            Self::Inconsistent => "not consistent with what was signed before\n".to_owned(),
            Self::Other(_) => "not available\n".to_owned(),
        }
    }
}

/// Writes the body.
impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", text::to_base64(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests;
