use std::{borrow::Cow, error::Error as StdError, fmt, io, path::Path};

use mcpo2_core::BoxError;

/// What is wrong with the ledger, as far as an answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Another process, or another [`Ledger`](crate::Ledger) of this one, has it open.
    Locked,
    /// It was changed or damaged: [`verify`](crate::verify) says where.
    Damaged,
    /// The file system refused something.
    Io,
    /// As many records wait as may wait, or the disk is full.
    Full,
    /// Writing has failed before, so nothing more is recorded until it is opened anew.
    Poisoned,
    /// It was closed.
    Closed,
    /// A hold is on it, so nothing is removed or erased.
    Held,
    /// It cannot do what was asked for, and did nothing.
    Unsupported,
}

/// Why a ledger cannot be opened, or cannot take a record.
///
/// As an error of a call it becomes [`Overloaded`](mcpo2_core::ErrorKind::Overloaded) where the
/// ledger is full, and [`Unavailable`](mcpo2_core::ErrorKind::Unavailable) otherwise.
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

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Turns an error of the file system into ours: `what` says what was tried.
    pub(crate) fn io<'a>(what: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |error| {
            Self::new(ErrorKind::Io, format!("cannot {what} {}", path.display())).with_source(error)
        }
    }

    /// What is wrong.
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
        let source = self.source.as_ref()?;
        Some(&**source)
    }
}

impl From<Error> for mcpo2_core::Error {
    /// What a caller may know of it: too much to do, or not available.
    fn from(error: Error) -> Self {
        use mcpo2_core::ErrorKind::{Overloaded, Unavailable};
        let (kind, message) = match error.kind {
            ErrorKind::Full => (Overloaded, "too many calls at once"),
            _ => (Unavailable, "no call can be taken now"),
        };
        Self::new(kind, message).with_source(error)
    }
}
