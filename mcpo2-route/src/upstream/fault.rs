//! What a caller is told of a connection that fails: never where it leads.

use mcpo2_core::{BoxError, Error, ErrorKind};

pub(crate) fn unavailable(source: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Unavailable, "the module is not available").with_source(source)
}

/// No connection came about, so nothing was sent. It reads as what hindered it.
#[cfg(feature = "http")]
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unreachable(BoxError);

#[cfg(feature = "http")]
pub(super) fn unreachable(source: impl Into<BoxError>) -> Error {
    unavailable(Unreachable(source.into()))
}

/// Whether a request was not sent, since no connection came about.
#[cfg(feature = "http")]
pub(super) fn is_unreachable(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<Unreachable>())
}

/// A module knows a session no more, and so has not taken what was said in it.
#[derive(Debug, thiserror::Error)]
#[error("the module knows the session no more")]
struct Lost;

#[cfg(feature = "http")]
pub(super) fn lost() -> Error {
    unavailable(Lost)
}

/// Whether a request was refused only because its session is known no more.
pub(crate) fn is_lost(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<Lost>())
}

#[cfg(feature = "http")]
pub(crate) fn broken(source: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Upstream, "the connection to the module broke")
        .with_source(Broken(source.into()))
}

/// A connection ended before its time. It reads as how it did.
#[cfg(feature = "http")]
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Broken(BoxError);

/// Whether a connection broke, as opposed to a module that answers wrongly.
#[cfg(feature = "http")]
pub(super) fn is_broken(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<Broken>())
}

pub(crate) fn protocol(source: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Upstream, "the module broke the protocol").with_source(source)
}

pub(crate) fn timed_out(source: impl Into<BoxError>) -> Error {
    Error::new(
        ErrorKind::TimedOut,
        "the module did not answer in the time that it has",
    )
    .with_source(source)
}

pub(crate) fn too_large(source: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::TooLarge, "the answer of the module is too long").with_source(source)
}

pub(crate) fn too_many_sessions() -> Error {
    Error::new(
        ErrorKind::Overloaded,
        "the module has as many sessions as it may have",
    )
}
