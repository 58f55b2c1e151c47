use std::fmt;

use http::{HeaderValue, StatusCode};

/// Why a caller is not let in, as far as the answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// There is no credential, and there has to be one.
    Missing,
    /// There is something that cannot be read as one credential.
    Malformed,
    /// There is a credential, and it is not valid.
    Invalid,
}

/// Why a caller is not let in.
///
/// Its `Display` is fit for the caller. [`reason`](Self::reason) says more, to the operator only;
/// neither holds any of what the caller sent.
#[derive(Debug, Clone)]
pub struct AuthError {
    kind: AuthErrorKind,
    reason: &'static str,
    challenge: HeaderValue,
}

impl AuthError {
    pub(super) fn new(kind: AuthErrorKind, reason: &'static str, challenge: HeaderValue) -> Self {
        Self {
            kind,
            reason,
            challenge,
        }
    }

    /// Why, as far as the answer depends on it.
    #[must_use]
    pub fn kind(&self) -> AuthErrorKind {
        self.kind
    }

    /// Why, for the operator.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// The status of the answer: 400 for what cannot be read, 401 for the rest (RFC 6750).
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind {
            AuthErrorKind::Malformed => StatusCode::BAD_REQUEST,
            AuthErrorKind::Missing | AuthErrorKind::Invalid => StatusCode::UNAUTHORIZED,
        }
    }

    /// The `WWW-Authenticate` of the answer.
    #[must_use]
    pub fn www_authenticate(&self) -> &HeaderValue {
        &self.challenge
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            AuthErrorKind::Missing => "authentication is required",
            AuthErrorKind::Malformed => "the Authorization header cannot be read",
            AuthErrorKind::Invalid => "the credential is not valid",
        })
    }
}

impl std::error::Error for AuthError {}

/// Why an [`Authenticator`](super::Authenticator) cannot be made of its configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("identity.{path}: {message}")]
pub struct IdentityError {
    path: String,
    message: String,
}

impl IdentityError {
    pub(super) fn api_key(index: usize, message: impl fmt::Display) -> Self {
        Self {
            path: format!("api_keys.{index}"),
            message: message.to_string(),
        }
    }

    pub(super) fn anonymous(message: &dyn fmt::Display) -> Self {
        Self {
            path: "anonymous".into(),
            message: message.to_string(),
        }
    }

    pub(super) fn jwt(key: &str, message: impl fmt::Display) -> Self {
        Self {
            path: format!("jwt.{key}"),
            message: message.to_string(),
        }
    }

    pub(super) fn resource(message: impl Into<String>) -> Self {
        Self {
            path: "resource".into(),
            message: message.into(),
        }
    }

    /// Which key below `identity` is wrong: its steps, parted by dots.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}
