use std::collections::BTreeMap;

use mcpo2_core::ModuleId;

use super::{Catalog, schema};

/// Why a tool is in no list and cannot be called, although its module has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Quarantine {
    /// What it says of headers for its arguments is nothing that a client may follow.
    Headers,
    /// It cannot be read.
    Unreadable,
    /// A schema of it refers to something outside of itself.
    RemoteReference,
    /// A schema of it is longer than 256 KiB.
    TooLarge,
    /// A schema of it nests deeper than 64 levels.
    TooDeep,
    /// A schema of it leads who follows its references in a circle.
    Endless,
    /// A schema of it becomes too much for who follows its references.
    Explosive,
}

impl Quarantine {
    /// Why a tool (JSON text, as its module lists it) would be left out for its schemas, if it would.
    #[must_use]
    pub fn of_tool(tool: &str) -> Option<Self> {
        schema::fault(tool)
    }

    /// Its name, for records and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Unreadable => "unreadable",
            Self::RemoteReference => "remote_reference",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::Endless => "endless",
            Self::Explosive => "explosive",
        }
    }
}

/// A tool that is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Quarantined {
    /// The name by which its module has it.
    pub tool: Box<str>,
    /// Why.
    pub reason: Quarantine,
}

impl Catalog {
    /// The tools of each module that are left out, as it was last read.
    #[must_use]
    pub fn quarantined(&self) -> BTreeMap<ModuleId, Vec<Quarantined>> {
        let slots = self.inner.slots.iter();
        let known = slots.filter_map(|(id, slot)| {
            let has = slot.state.borrow().has.clone()?;
            Some((id.clone(), has.quarantined().to_vec()))
        });
        known.collect()
    }
}
