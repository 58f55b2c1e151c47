use std::{borrow::Cow, error::Error as StdError, fmt};

use mcpo2_core::BoxError;

use crate::{StoreError, StoreErrorKind};

/// What went wrong with an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It is not there, or not there for this caller, or the range is none of it.
    NotFound,
    /// It is longer than one object may be.
    TooLarge,
    /// All that may be kept at once is kept already.
    Full,
    /// What the store gave is not what was put.
    Corrupt,
    /// The store failed.
    Store,
    /// The operating system gave no random bytes.
    Random,
    /// It is there, and cannot be had in the way that is asked for.
    Unsupported,
}

/// Why an artifact was not kept, or not read.
///
/// It is for the operator; [`mcpo2_core::Error`] made of it tells the caller no more than he may
/// know.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<BoxError>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Of a part that a host gives, such as what opens workspaces: why it failed.
    pub fn failed(source: impl Into<BoxError>) -> Self {
        Self::new(ErrorKind::Store, "a part of the host failed").with_source(source)
    }

    pub(crate) fn not_found(message: &'static str) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// This message is for the caller as well, who may read what it is about.
    pub(crate) fn unsupported(message: &'static str) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
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
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn StdError + 'static))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let (kind, message) = match error.kind() {
            StoreErrorKind::NotFound => (ErrorKind::NotFound, "the store has no such object"),
            StoreErrorKind::Full => (ErrorKind::Full, "the store is full"),
            StoreErrorKind::Io => (ErrorKind::Store, "the store failed"),
        };
        Self::new(kind, message).with_source(error)
    }
}

/// What a call whose result cannot be kept is answered with.
impl From<Error> for mcpo2_core::Error {
    fn from(error: Error) -> Self {
        use mcpo2_core::ErrorKind as Kind;
        let (kind, message) = match error.kind() {
            ErrorKind::TooLarge | ErrorKind::Full => (Kind::TooLarge, "result too large"),
            _ => (Kind::Internal, "internal error"),
        };
        Self::new(kind, message).with_source(error)
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is outside its bounds.
    #[error("`{field}` is {value}, and must be {bound}")]
    Bound {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// What it must be.
        bound: &'static str,
    },
    /// A glob of tools or workspaces is none.
    #[error("not a glob: `{glob}`")]
    Glob {
        /// As it is written.
        glob: String,
        /// Why.
        source: BoxError,
    },
    /// An argument that takes packs has no name.
    #[error("`into.argument` is empty")]
    Argument,
    /// The store cannot be opened.
    #[error("the artifact store cannot be opened")]
    Store(#[from] StoreError),
}
