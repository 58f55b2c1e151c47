use std::fmt;

use mcpo2_core::ProtocolVersion;

/// What it takes to go on with a session at a module: its id there, the revision that was agreed
/// on, and where that was. Whoever has it can speak in the session, so it shows nothing of the id.
#[derive(Clone, PartialEq, Eq)]
pub struct Resumption {
    id: Box<str>,
    version: ProtocolVersion,
    place: u64,
}

impl Resumption {
    /// The session of this id, which speaks this revision at this place.
    pub fn new(id: impl Into<Box<str>>, version: ProtocolVersion, place: u64) -> Self {
        let id = id.into();
        Self { id, version, place }
    }

    /// The id that the module knows the session by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What tells the address of the module from others. A session is told to no other address,
    /// even if a module of the same name is there now.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place
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
