use std::{error::Error as StdError, fmt};

use mcpo2_core::BoxError;

use super::Resource;

/// What went wrong with a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BlobErrorKind {
    /// It is not there, or not there for this tenant.
    NotFound,
    /// The medium has no room.
    Full,
    /// The tenant may not have more of this.
    Quota(Resource),
    /// Another process uses this directory, or another sweep this space.
    Locked,
    /// What is there is not what was put.
    Corrupt,
    /// The bytes given are not those of this digest or size, or the name stands for something else.
    Mismatch,
    /// An upload goes on at another offset: this one.
    Offset(u64),
    /// It is longer than it may be.
    TooLarge,
    /// The keys of the tenant cannot be had.
    Keys,
    /// The store cannot do this.
    Unsupported,
    /// The medium failed. What was asked may have been done, or not.
    Io,
}

/// Why a blob was not kept, read or removed.
#[derive(Debug)]
pub struct BlobError {
    kind: BlobErrorKind,
    source: Option<BoxError>,
}

impl BlobError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: BlobErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// The same, and what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> BlobErrorKind {
        self.kind
    }
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.kind {
            BlobErrorKind::NotFound => "no such blob",
            BlobErrorKind::Full => "no room in the store",
            BlobErrorKind::Quota(what) => return write!(f, "the quota of {what} is used up"),
            BlobErrorKind::Locked => "somebody else is at work there",
            BlobErrorKind::Corrupt => "what is stored is not what was put",
            BlobErrorKind::Mismatch => "not what was announced",
            BlobErrorKind::Offset(at) => return write!(f, "the upload goes on at offset {at}"),
            BlobErrorKind::TooLarge => "longer than it may be",
            BlobErrorKind::Keys => "the keys of the tenant cannot be had",
            BlobErrorKind::Unsupported => "the store cannot do this",
            BlobErrorKind::Io => "the medium of the store failed",
        };
        f.write_str(text)
    }
}

impl StdError for BlobError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.source.as_ref()?;
        Some(&**source)
    }
}

impl From<BlobErrorKind> for BlobError {
    fn from(kind: BlobErrorKind) -> Self {
        Self::new(kind)
    }
}

impl From<std::io::Error> for BlobError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error.kind() {
            ErrorKind::NotFound => BlobErrorKind::NotFound,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BlobErrorKind::Full,
            _ => BlobErrorKind::Io,
        };
        Self::new(kind).with_source(error)
    }
}
