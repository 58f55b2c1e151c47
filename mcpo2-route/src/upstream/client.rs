/// What the gateway tells modules of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    name: Box<str>,
    version: Box<str>,
}

impl ClientInfo {
    /// A client of this name and version.
    pub fn new(name: impl Into<Box<str>>, version: impl Into<Box<str>>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({ "name": self.name, "version": self.version })
    }
}

impl Default for ClientInfo {
    /// This gateway.
    fn default() -> Self {
        Self::new("mcpo2", env!("CARGO_PKG_VERSION"))
    }
}
