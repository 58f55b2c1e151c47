use mcpo2_core::ItemKind;

use super::{
    Presence, Quarantined,
    has::{Has, LISTS},
};

/// What is new of a module.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum News<'a> {
    /// It begins or ceases to answer.
    Presence(Presence),
    /// Other tools of it than before are left out: these, or none.
    Quarantine(&'a [Quarantined]),
    /// It lists something else than before: this.
    Lists(Shown<'a>),
}

/// What a module lists to everybody.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(&'a Has);

impl<'a> Shown<'a> {
    pub(super) fn new(has: &'a Has) -> Self {
        Self(has)
    }

    /// The entries of all lists: the kind, the name, URI or template by which the module has it,
    /// and the JSON text that callers see.
    pub fn entries(self) -> impl Iterator<Item = (ItemKind, &'a str, &'a str)> {
        let Self(has) = self;
        LISTS.iter().flat_map(move |(kind, _)| {
            let entries = has.list(*kind).into_iter().flat_map(|list| &list.entries);
            entries.map(|entry| (*kind, &*entry.own, &*entry.json))
        })
    }
}
