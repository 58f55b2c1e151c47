use http::HeaderValue;

use super::{AuthErrorKind, ProtectedResource};

/// What `WWW-Authenticate` says (RFC 6750, RFC 9728), made once.
#[derive(Debug)]
pub(super) struct Challenge {
    missing: HeaderValue,
    malformed: HeaderValue,
    invalid: HeaderValue,
}

impl Challenge {
    pub(super) fn new(resource: Option<&ProtectedResource>) -> Self {
        let of = |error: Option<&str>| {
            let mut text = String::from("Bearer realm=\"mcpo2\"");
            if let Some(error) = error {
                text.push_str(&format!(", error=\"{error}\""));
            }
            if let Some(resource) = resource {
                text.push_str(&format!(
                    ", resource_metadata=\"{}\"",
                    resource.metadata_url()
                ));
            }
            // A resource is a URL of visible ASCII without quotes, so the text is always a value.
            HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
        };
        Self {
            missing: of(None),
            malformed: of(Some("invalid_request")),
            invalid: of(Some("invalid_token")),
        }
    }

    pub(super) fn of(&self, kind: AuthErrorKind) -> HeaderValue {
        match kind {
            AuthErrorKind::Missing => self.missing.clone(),
            AuthErrorKind::Malformed => self.malformed.clone(),
            AuthErrorKind::Invalid => self.invalid.clone(),
        }
    }
}
