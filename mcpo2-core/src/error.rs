use std::{borrow::Cow, error::Error as StdError, fmt};

use serde_json::json;

use crate::{ItemKind, Request};

/// Any error, as tower's own layers give it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// What went wrong, as far as the answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The policy denied it. To the caller it looks like [`NotFound`](Self::NotFound), unless the
    /// denial has a public code.
    Denied,
    /// Somebody has to approve it first.
    ApprovalRequired,
    /// What is addressed is not there.
    NotFound,
    /// The method is not there.
    MethodNotFound,
    /// The request is no valid request.
    InvalidRequest,
    /// The parameters of the request are not valid.
    InvalidParams,
    /// A header does not say what the body says.
    HeaderMismatch,
    /// The client did not say that it can do what this needs.
    MissingCapability,
    /// No module can take it now.
    Unavailable,
    /// There is too much to do.
    Overloaded,
    /// It took too long.
    TimedOut,
    /// The module broke the protocol, or the connection to it broke.
    Upstream,
    /// Something is longer than its limit.
    TooLarge,
    /// A fault of the gateway.
    Internal,
}

impl ErrorKind {
    /// Its name, for records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::ApprovalRequired => "approval_required",
            Self::NotFound => "not_found",
            Self::MethodNotFound => "method_not_found",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidParams => "invalid_params",
            Self::HeaderMismatch => "header_mismatch",
            Self::MissingCapability => "missing_capability",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::TimedOut => "timed_out",
            Self::Upstream => "upstream",
            Self::TooLarge => "too_large",
            Self::Internal => "internal",
        }
    }
}

/// Why a call has no reply.
///
/// Its `Display` is fit for a caller. What is not stands in [`source`](StdError::source), which
/// only the operator sees.
///
/// ```
/// use mcpo2_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::Unavailable, "the module is not available")
///     .with_source("connection refused by 10.0.0.7:443");
/// assert_eq!(error.to_string(), "the module is not available");
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    /// JSON text.
    data: Option<Box<str>>,
    source: Option<BoxError>,
}

impl Error {
    /// An error of this kind; the message is for the caller.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            data: None,
            source: None,
        }
    }

    /// The error for what is not there, or is not there for this caller: the two are the same to
    /// the letter, so that nobody learns of what he may not use.
    #[must_use]
    pub fn not_found(kind: ErrorKind, request: &Request) -> Self {
        let message = match request.item() {
            Some(item) => match item.kind() {
                ItemKind::Resource | ItemKind::Template => "Resource not found".into(),
                kind => format!("Unknown {kind}: {}", item.name()).into(),
            },
            None if request.method().item_kind().is_some() => "Nothing is addressed".into(),
            None => "Method not found".into(),
        };
        let uri = request
            .item()
            .filter(|item| item.kind() == ItemKind::Resource)
            .map(|item| json!({ "uri": item.name() }));
        Self {
            kind,
            message,
            data: uri.map(|data| data.to_string().into()),
            source: None,
        }
    }

    /// The error for what the caller may know of and may not do, with the code that the operator
    /// chose to show.
    #[must_use]
    pub fn denied(public_code: &str) -> Self {
        let data = json!({ "policy": public_code }).to_string();
        Self::new(ErrorKind::Denied, "denied by policy").with_data(data)
    }

    /// The same error with `data` for the caller, which is JSON text.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Box<str>>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// What the caller learns beside the message, as JSON text.
    #[must_use]
    pub fn data(&self) -> Option<&str> {
        self.data.as_deref()
    }

    /// The same error, and what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong, as far as the answer depends on it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error and all that caused it, for the operator and nobody else.
    #[must_use]
    pub fn chain(&self) -> impl fmt::Display {
        Chain(self)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

struct Chain<'a>(&'a Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        let mut source = StdError::source(self.0);
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn StdError + 'static))
    }
}

impl From<BoxError> for Error {
    /// One of ours as it is, and what tower's own layers say by its meaning.
    fn from(error: BoxError) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(ours) => return *ours,
            Err(other) => other,
        };
        // INVARIANT: these are the texts of tower's `Overloaded` and `Elapsed`. The types are out
        // of reach, since this crate depends on no runtime; `mcpo2-server` tests the texts.
        let (kind, message) = match error.to_string().as_str() {
            "service overloaded" => (ErrorKind::Overloaded, "too many calls at once"),
            "request timed out" => (ErrorKind::TimedOut, "the call took too long"),
            _ => (ErrorKind::Internal, "internal error"),
        };
        Self::new(kind, message).with_source(error)
    }
}
