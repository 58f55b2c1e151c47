use std::fmt;

use mcpo2_core::ProtocolVersion;

/// What it takes to go on with a session at a module: its id there, and the revision that was
/// agreed on. Whoever has it can speak in the session, so it shows nothing of the id.
#[derive(Clone, PartialEq, Eq)]
pub struct Resumption {
    id: Box<str>,
    version: ProtocolVersion,
}

impl Resumption {
    /// The session of this id, which speaks this revision.
    pub fn new(id: impl Into<Box<str>>, version: ProtocolVersion) -> Self {
        let id = id.into();
        Self { id, version }
    }

    /// The id that the module knows the session by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The revision that was agreed on.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }
}

impl fmt::Debug for Resumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resumption")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
