use std::fmt;

use serde::{Deserialize, Deserializer};

/// A text that nobody may see: it has no `Display`, cannot be serialised, and `Debug` hides it.
///
/// ```compile_fail
/// fn shown<T: serde::Serialize>(_: &T) {}
/// fn leak(secret: &mcpo2_server::config::Secret) { shown(secret) }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self)
    }
}
