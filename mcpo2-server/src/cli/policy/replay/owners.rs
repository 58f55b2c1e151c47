use std::{collections::BTreeSet, sync::Arc};

use mcpo2_core::{Directory as _, Endpoint, Facts, Family, Item, ItemKind, ModuleId};
use mcpo2_policy::Matter;
use mcpo2_route::{Naming, Registry};

use crate::config::Sources;

/// Which module owns what.
#[derive(Debug)]
pub(super) struct Owners(Option<Registry>);

/// What a record says of the owner of what it names.
#[derive(Debug, Default)]
pub(super) struct Told<'e> {
    /// The family that was found.
    pub(super) family: Option<&'e Family>,
    /// Whether that is the module's own.
    pub(super) is_registered: bool,
    /// Where the call went.
    pub(super) module: Option<&'e str>,
}

/// The owner, and what of it is not known.
pub(super) type Owner = (Option<Arc<Facts>>, BTreeSet<Matter>);

impl Owners {
    /// By the modules of a configuration.
    pub(super) fn of(sources: &Sources) -> Result<Self, String> {
        let modules = sources.modules.iter();
        let modules = modules.map(|module| module.registered(Endpoint::new(())));
        let naming = match &sources.unprefixed {
            Some(alone) => Naming::Unprefixed(alone.clone()),
            None => Naming::Prefixed,
        };
        let registry = Registry::new(modules, naming).map_err(|error| error.to_string())?;
        Ok(Self(Some(registry)))
    }

    /// By what records say alone.
    pub(super) fn unknown() -> Self {
        Self(None)
    }

    pub(super) fn are_known(&self) -> bool {
        self.0.is_some()
    }

    /// The owner of an item.
    pub(super) fn owner(&self, item: &Item, told: &Told<'_>) -> Owner {
        let Some(registry) = &self.0 else {
            return stub(told, module(item, told));
        };
        if let Some(facts) = registry.describe(item) {
            return (Some(facts), BTreeSet::new());
        }
        let routed = told.module.and_then(|module| registry.module(module));
        match routed {
            Some(module) => (Some(Arc::clone(module.facts())), BTreeSet::new()),
            // The name tells that it is of none that there is.
            None if prefix(item).is_some() => (None, BTreeSet::new()),
            None => stub(told, None),
        }
    }
}

/// What is known without the module.
fn stub(told: &Told<'_>, module: Option<ModuleId>) -> Owner {
    let Some(family) = told.family.filter(|_| told.is_registered) else {
        return (None, BTreeSet::new());
    };
    let mut lost = BTreeSet::from([Matter::Region, Matter::Tier]);
    if module.is_none() {
        lost.insert(Matter::Module);
    }
    let module = module.or_else(|| ModuleId::new("unknown").ok());
    let facts = module.map(|module| Arc::new(Facts::new(module, family.clone())));
    (facts, lost)
}

fn module(item: &Item, told: &Told<'_>) -> Option<ModuleId> {
    let named = prefix(item).or(told.module)?;
    ModuleId::new(named).ok()
}

/// The id before the name of a tool, a prompt or a task.
fn prefix(item: &Item) -> Option<&str> {
    let kinds = [ItemKind::Tool, ItemKind::Prompt, ItemKind::Task];
    let (module, _) = item.name().split_once("__")?;
    kinds.contains(&item.kind()).then_some(module)
}
