//! What the modules have, read from their own lists and kept for a while.

mod changes;
mod has;
mod layer;
mod list;
mod merged;
mod news;
mod options;
mod quarantine;
mod read;
mod schema;
mod slot;
mod templates;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use mcpo2_core::{Call, Directory, Facts, Item, ItemKind, Method, ModuleId, Principal};
use mcpo2_seal::KeyRing;

pub use changes::Change;
pub(crate) use changes::{Changes, calmed};
pub(crate) use has::{Has, request};
pub use layer::{CatalogLayer, CatalogService};
pub(crate) use list::List;
pub use merged::PageLimits;
pub(crate) use merged::{Merged, Shadowed};
pub use news::{News, Shown};
pub use options::CatalogOptions;
pub use quarantine::{Quarantine, Quarantined};
pub use slot::Presence;

use self::{merged::Snapshot, slot::Slot};
use crate::{
    Inventory, Registry, Router, bridge::Support, parameters::Parameters, upstream::ClientInfo,
};

/// What the modules of a registry have: which names and URIs are real, whose, and what lists look
/// like to callers.
///
/// It is read from each module's lists when it is first asked for, again after a while, and when
/// a module says that it changed. A call waits only where nothing is known yet, and not for long:
/// a module that does not answer holds nobody up twice.
pub struct Catalog {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Arc<Registry>,
    ours: ClientInfo,
    options: CatalogOptions,
    slots: BTreeMap<ModuleId, Arc<Slot>>,
    snapshot: ArcSwap<Snapshot>,
    /// One at a time changes the snapshot.
    changing: Mutex<()>,
}

/// The modules that have to be looked at before somebody goes on.
type Awaited = Vec<Arc<Slot>>;

impl Catalog {
    /// What the modules of `registry` have, read again after `keep`.
    #[must_use]
    pub fn new(registry: Arc<Registry>, ours: ClientInfo, keep: Duration) -> Self {
        Self::with_options(registry, ours, CatalogOptions::new().keep(keep))
    }

    /// What the modules of `registry` have.
    #[must_use]
    pub fn with_options(
        registry: Arc<Registry>,
        ours: ClientInfo,
        options: CatalogOptions,
    ) -> Self {
        let slot = |module| (Arc::clone(module), Arc::new(Slot::new(module)));
        let slots = registry.approved().map(slot);
        let slots = slots.map(|(module, slot)| (module.id().clone(), slot));
        let inner = Inner {
            slots: slots.collect(),
            snapshot: ArcSwap::from_pointee(Snapshot::new(BTreeMap::new(), options.pages)),
            changing: Mutex::default(),
            registry,
            ours,
            options,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Reads what is not known or too old. Waits only for what is not known, and at most for the
    /// deadline. Cheap where there is nothing to read.
    pub async fn refresh(&self) {
        let awaited = self.start(|_| true);
        if !awaited.is_empty() {
            self.settle(awaited).await;
        }
    }

    /// As [`refresh`](Self::refresh), for who asks for this item: a name says whose it is, so
    /// nobody waits for another module. Gives what is to [settle](Self::settle) first, which mostly
    /// is nothing.
    fn refresh_for(&self, item: &Item) -> Awaited {
        match self.inner.registry.naming().part(item) {
            Some((module, _)) => self.start(|id| id.as_str() == module),
            None => self.start(|_| true),
        }
    }

    /// Looks anew where it is time to; gives those of these modules for which that is waited.
    fn start(&self, those: impl Fn(&ModuleId) -> bool) -> Awaited {
        let inner = &self.inner;
        for slot in inner.slots.values() {
            if slot.is_due(inner.options.keep) {
                inner.start(slot);
            }
        }
        let awaited =
            |slot: &&Arc<Slot>| those(slot.module.id()) && slot.state.borrow().is_awaited();
        inner.slots.values().filter(awaited).cloned().collect()
    }

    /// Waits until these have been looked at, or for as long as a list may wait.
    async fn settle(&self, awaited: Awaited) {
        let inner = &self.inner;
        let settled = awaited
            .iter()
            .map(|slot| slot.settled(inner.options.deadline));
        let settled = join_all(settled).await;
        for (slot, settled) in awaited.iter().zip(settled) {
            if !settled {
                inner.observe(slot);
            }
        }
    }

    /// Tells all who listen that what they see changed: for a host that changes the policy, or
    /// comes with another registry.
    pub fn changed(&self, changes: &[Change]) {
        self.inner.options.told.tell(changes);
    }

    /// Seals the ids of tasks with these keys, so that other processes that have them know whose a
    /// task is. Without any, only this one does.
    pub fn seal_with(&self, keys: &Arc<KeyRing>) {
        self.inner.options.tasks.seal_with(keys);
    }

    /// How each approved module fares.
    #[must_use]
    pub fn presence(&self) -> Vec<(ModuleId, Presence)> {
        let slots = self.inner.slots.iter();
        let presence = slots.map(|(id, slot)| (id.clone(), slot.state.borrow().presence()));
        presence.collect()
    }

    /// How many entries of each module are out of reach, since another module has one of the same
    /// URI.
    #[must_use]
    pub fn shadowed(&self) -> BTreeMap<ModuleId, usize> {
        self.inner.snapshot.load().shadowed.clone()
    }

    pub(crate) fn changes(&self) -> Changes {
        self.inner.options.told.listen(self.inner.options.interval)
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.inner.registry
    }

    pub(crate) fn options(&self) -> &CatalogOptions {
        &self.inner.options
    }

    /// The list of all modules, and how old it may grow with clients.
    pub(crate) fn list(&self, kind: ItemKind) -> Option<(Arc<Merged>, Duration)> {
        let list = Arc::clone(self.inner.snapshot.load().list(kind)?);
        let mut left = Duration::MAX;
        for slot in self.inner.slots.values() {
            let state = slot.state.borrow();
            let (Some(has), Some(read), false) = (&state.has, state.read, state.failed) else {
                return Some((list, Duration::ZERO));
            };
            if let Some(of_kind) = has.list(kind) {
                left = left.min(of_kind.caching.ttl.saturating_sub(read.elapsed()));
            }
        }
        Some((list, left))
    }

    /// The arguments of a tool that are said in headers too, where it has some. Only modules that
    /// stand in a name are known here: one under its own names is its clients' own affair.
    pub(crate) fn parameters(&self, item: &Item) -> Option<Parameters> {
        let (module, _) = self.inner.registry.naming().part(item)?;
        let slots = self.inner.slots.iter();
        let (_, slot) = slots.into_iter().find(|(id, _)| id.as_str() == module)?;
        let state = slot.state.borrow();
        state.has.as_ref()?.parameters(item.name()).cloned()
    }

    /// Whether the tool that is called, if one is, is one that its module runs as a task.
    pub(crate) async fn support(&self, module: &ModuleId, call: &Call) -> Support {
        let tool = call.item().filter(|_| *call.method() == Method::ToolsCall);
        let (Some(tool), Some(slot)) = (tool, self.inner.slots.get(module)) else {
            return Support::Never;
        };
        self.settle(self.start(|id| id == module)).await;
        slot.support(tool.name())
    }

    /// Reads a module at once, since it knows of something that is not known here; false where
    /// that was done a moment ago.
    pub(crate) async fn read_again(&self, module: &ModuleId) -> bool {
        let Some(slot) = self.inner.slots.get(module) else {
            return false;
        };
        let may = slot.may_read_again();
        if may {
            self.inner.reread(slot, BTreeSet::new()).await;
        }
        may
    }

    /// What a module has, as it was last read.
    pub(crate) fn of(&self, module: &ModuleId) -> Option<Arc<Has>> {
        self.inner.slots.get(module)?.state.borrow().has.clone()
    }

    /// Notes what a session of the module lists: what one may see there, one may also call.
    pub(crate) fn learn(&self, module: &ModuleId, kind: ItemKind, list: &List) {
        if let Some(slot) = self.inner.slots.get(module) {
            slot.learn(kind, &list.entries);
        }
    }

    /// The modules that do not answer.
    pub(crate) fn missing(&self) -> BTreeSet<ModuleId> {
        let missing = self.presence().into_iter();
        let missing = missing.filter(|(_, presence)| presence.is_missing());
        missing.map(|(id, _)| id).collect()
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("registry", &self.inner.registry)
            .field("presence", &self.presence())
            .finish_non_exhaustive()
    }
}

impl Inventory for Catalog {
    fn owner(&self, item: &Item) -> Option<ModuleId> {
        self.inner.snapshot.load().owner(item).cloned()
    }

    fn has(&self, module: &ModuleId, item: &Item) -> Option<bool> {
        if item.kind() == ItemKind::Task {
            return None;
        }
        self.inner.slots.get(module)?.has(item)
    }

    fn own_name(&self, module: &ModuleId, item: &Item) -> Option<Box<str>> {
        self.inner.slots.get(module)?.unshortened(item)
    }

    fn task(&self, module: &ModuleId, id: &str, principal: &Principal) -> Option<Box<str>> {
        self.inner.options.tasks.open(module, id, principal)
    }
}

/// Knows items by their names, and resources by who lists them.
impl Directory for Catalog {
    fn describe(&self, item: &Item) -> Option<Arc<Facts>> {
        let by_name = self.inner.registry.describe(item);
        by_name.or_else(|| {
            let owner = self.owner(item)?;
            let module = self.inner.registry.module(owner.as_str());
            module.map(|module| Arc::clone(module.facts()))
        })
    }
}

impl Router {
    /// Routes over a registry by what its modules have.
    #[must_use]
    pub fn over(catalog: &Arc<Catalog>) -> Self {
        let inventory: Arc<dyn Inventory> = Arc::<Catalog>::clone(catalog);
        Self::new(Arc::clone(catalog.registry())).with_inventory(inventory)
    }
}
