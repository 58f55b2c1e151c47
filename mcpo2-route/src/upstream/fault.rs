//! What a caller is told of a connection that fails: never where it leads.

use mcpo2_core::{BoxError, Error, ErrorKind};

pub(super) fn unavailable(source: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Unavailable, "the module is not available").with_source(source)
}

#[cfg(feature = "http")]
pub(super) fn broken(source: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Upstream, "the connection to the module broke").with_source(source)
}

pub(super) fn protocol(source: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Upstream, "the module broke the protocol").with_source(source)
}

pub(super) fn timed_out(source: impl Into<BoxError>) -> Error {
    Error::new(
        ErrorKind::TimedOut,
        "the module did not answer in the time that it has",
    )
    .with_source(source)
}

pub(super) fn too_large(source: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::TooLarge, "the answer of the module is too long").with_source(source)
}

pub(super) fn too_many_sessions() -> Error {
    Error::new(
        ErrorKind::Overloaded,
        "the module has as many sessions as it may have",
    )
}
