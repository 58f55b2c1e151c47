use std::{borrow::Cow, error::Error as StdError, fmt, io};

use mcpo2_core::BoxError;

use crate::manifest::ManifestError;

/// What ended an ingest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The source is not there: no directory, no repository, no revision.
    NotFound,
    /// The source cannot be read.
    Io,
    /// It has more entries than [`Limits::entries`](super::Limits::entries).
    TooMany,
    /// It has more bytes than [`Limits::bytes`](super::Limits::bytes).
    TooLarge,
    /// It takes longer than [`Limits::time`](super::Limits::time).
    TimedOut,
    /// More comes out of the archive than [`Limits::ratio`](super::Limits::ratio) allows.
    Bomb,
    /// The archive or the answer of git is not what it should be.
    Malformed,
    /// It says two things of one path, of which each reader may believe another.
    Ambiguous,
    /// A file of the tree that says what to ignore is too long, or cannot be compiled.
    IgnoreFile,
    /// The sink failed.
    Sink,
}

/// Why there is no manifest.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<BoxError>,
}

impl Error {
    pub(super) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(super) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) fn ignore_file(path: &str, source: impl Into<BoxError>) -> Self {
        let message = format!("the ignore file in {path:?} is none");
        Self::new(ErrorKind::IgnoreFile, message).with_source(source)
    }

    pub(super) fn sink(source: io::Error) -> Self {
        Self::new(ErrorKind::Sink, "the sink failed").with_source(source)
    }

    /// What ended the ingest.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.source.as_ref();
        source.map(|source| &**source as &(dyn StdError + 'static))
    }
}

/// A limit that a reader met comes through as what it is.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(inner) => inner,
            Err(error) => Self::new(ErrorKind::Io, "the source cannot be read").with_source(error),
        }
    }
}

impl From<ManifestError> for Error {
    fn from(error: ManifestError) -> Self {
        let (kind, message) = match error {
            ManifestError::Twice { .. } | ManifestError::Below { .. } => {
                (ErrorKind::Ambiguous, "the source has a path twice")
            }
            ManifestError::TooMany => (ErrorKind::TooMany, "the source has too many entries"),
            ManifestError::TooLarge => (ErrorKind::TooLarge, "the source has too many bytes"),
            _ => (ErrorKind::Malformed, "the source has what no tree has"),
        };
        Self::new(kind, message).with_source(error)
    }
}
