use std::{borrow::Cow, error::Error as StdError, fmt};

use mcpo2_core::BoxError;

/// What is wrong with an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It cannot be reached or written now; it may be later.
    Unavailable,
    /// What it holds cannot be read. It can be made anew from the ledger.
    Damaged,
    /// It is the index of another ledger.
    OtherLedger,
    /// A newer version has made it.
    Newer,
    /// It cannot hold what it was given.
    Invalid,
    /// The ledger that it follows cannot be read.
    Source,
}

/// Why an index does not answer, or does not take rows.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<BoxError>,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// The same with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
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
