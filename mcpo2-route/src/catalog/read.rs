//! Reading a module, and what follows from what was read.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use mcpo2_core::{Error, ModuleId};

use super::{
    Inner, News,
    changes::Change,
    has::Has,
    merged::Snapshot,
    news::Shown,
    slot::{Slot, differences},
};
use crate::Connection;

impl Inner {
    /// Reads a module in a task of its own: whoever waits for it may go away.
    pub(super) fn start(self: &Arc<Self>, slot: &Arc<Slot>) {
        let (catalog, slot) = (Arc::clone(self), Arc::clone(slot));
        tokio::spawn(async move { catalog.reread(&slot, BTreeSet::new()).await });
    }

    /// Reads a module, and tells of what changed and of what it `said` that changed.
    pub(super) async fn reread(self: &Arc<Self>, slot: &Arc<Slot>, said: BTreeSet<Change>) {
        let _reading = slot.reading.lock().await;
        let _mark = Mark::new(slot);
        match self.read(slot).await {
            Ok(has) => self.known(slot, has, said),
            Err(error) => {
                let module = slot.module.id();
                tracing::warn!(%module, error = %error.chain(), "not read");
                slot.failed();
            }
        }
        self.observe(slot);
    }

    async fn read(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<Has, Error> {
        let link = Connection::of(&slot.module)?.shared().await?;
        let naming = self.registry.naming();
        // Before it is read, so that no change falls between the two.
        self.watch(slot, &link);
        Has::read(&slot.module, &*link, naming, &self.ours).await
    }

    fn known(&self, slot: &Slot, has: Has, mut said: BTreeSet<Change>) {
        let has = Arc::new(has);
        // INVARIANT: it is in the snapshot before who waits for it goes on.
        self.keep(slot.module.id(), Arc::clone(&has));
        let (before, first) = slot.known(&has);
        self.tell(slot.module.id(), before.as_deref(), &has);
        // What is there when a module is first looked at is no change.
        if !first {
            said.extend(differences(before.as_deref(), &has));
        }
        let said: Vec<_> = said.into_iter().collect();
        self.options.told.tell(&said);
    }

    fn keep(&self, id: &ModuleId, has: Arc<Has>) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.snapshot.load();
        let mut modules = known.modules.clone();
        modules.insert(id.clone(), has);
        let snapshot = Snapshot::new(modules, self.options.pages);
        for (module, entries) in &snapshot.shadowed {
            if known.shadowed.get(module) != Some(entries) {
                tracing::warn!(%module, entries, "behind others of the same URI");
            }
        }
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Tells the host what a module has, where that is news.
    fn tell(&self, module: &ModuleId, before: Option<&Has>, now: &Has) {
        let observer = &self.options.observer;
        if before.map_or(&[][..], Has::quarantined) != now.quarantined() {
            observer(module, News::Quarantine(now.quarantined()));
        }
        if !differences(before, now).is_empty() {
            observer(module, News::Lists(Shown::new(now)));
        }
    }

    /// Tells the host how a module fares, where that is news.
    pub(super) fn observe(&self, slot: &Slot) {
        if let Some(presence) = slot.news() {
            (self.options.observer)(slot.module.id(), News::Presence(presence));
        }
    }
}

/// Somebody reads the module, until dropped.
struct Mark<'a>(&'a Slot);

impl<'a> Mark<'a> {
    fn new(slot: &'a Slot) -> Self {
        slot.state.send_modify(|state| state.reading = true);
        Self(slot)
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.reading = false);
    }
}
