//! Sessions that go on in another process than the one that they began in.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::join_all;
use mcpo2_core::{Id, ModuleId};
use tokio::sync::OnceCell;

use super::{Session, reverse::Asked};
use crate::{
    Connection, Registry,
    upstream::{Hello, Link, Resumption},
};

/// What a session brings with it from where it was before.
#[derive(Debug, Default)]
pub(super) struct Resume {
    /// Where to find the modules that its links led to. None where it began here.
    registry: Mutex<Option<Arc<Registry>>>,
    /// Its sessions at modules to which there is no link yet.
    from: Mutex<BTreeMap<ModuleId, Resumption>>,
    reopened: OnceCell<()>,
}

impl Session {
    /// A session that began elsewhere with this hello, and had these sessions at modules of the
    /// registry. Links are opened as they are needed.
    #[must_use]
    pub fn resumed(
        hello: Hello,
        from: impl IntoIterator<Item = (ModuleId, Resumption)>,
        registry: Arc<Registry>,
    ) -> Self {
        let approved = registry.approved().map(|module| module.id().clone());
        // Whether there are several must be known before their links are there.
        let slots = approved.map(|id| (id, super::Slot::default())).collect();
        Self {
            slots: Mutex::new(slots),
            resume: Resume {
                registry: Mutex::new(Some(registry)),
                from: Mutex::new(from.into_iter().collect()),
                reopened: OnceCell::new(),
            },
            ..Self::new(hello)
        }
    }

    /// What its client said when it began.
    #[must_use]
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Its sessions at modules, as far as others can go on with them.
    #[must_use]
    pub fn resumptions(&self) -> Vec<(ModuleId, Resumption)> {
        let mut all = self.resume.from().clone();
        let links = self.links().into_iter();
        all.extend(links.filter_map(|(id, link)| Some((id, link.resumption()?))));
        all.into_iter().collect()
    }

    /// Ends all links, and leaves sessions at modules to whoever goes on with this one.
    pub async fn release(&self) {
        let slots = std::mem::take(&mut *self.slots());
        for slot in slots.into_values() {
            if let Some(link) = slot.link.lock().await.take() {
                link.release().await;
            }
        }
    }

    /// The links to all modules: in a session that began elsewhere they are opened first, once.
    pub(crate) async fn all_links(&self) -> Vec<(ModuleId, Arc<dyn Link>)> {
        if let Some(registry) = self.resume.registry() {
            let reopened = &self.resume.reopened;
            reopened.get_or_init(|| self.reopen(&registry)).await;
        }
        self.links()
    }

    /// Takes out the slots of modules that it may not reach: a session that began elsewhere had
    /// none of them there.
    pub(super) fn keep_within_reach(&self) {
        let Some(registry) = self.resume.registry() else {
            return;
        };
        self.slots().retain(|id, _| {
            let module = registry.module(id.as_str());
            module.is_some_and(|module| self.may_reach(module))
        });
    }

    /// Who asked what this process knows nothing of: where there is but one module, that one.
    pub(super) fn asked_before(&self, id: &Id) -> Option<Asked> {
        let registry = self.resume.registry()?;
        let mut within = registry.approved().filter(|module| self.may_reach(module));
        let module = within.next().filter(|_| within.next().is_none())?;
        Some(Asked {
            module: module.id().clone(),
            id: id.clone(),
        })
    }

    async fn reopen(&self, registry: &Registry) {
        let within = registry.approved().filter(|module| self.may_reach(module));
        let each = within.map(|module| async move {
            let opened = match Connection::of(module) {
                Ok(connection) => self.link(module.id(), connection).await.map(drop),
                Err(error) => Err(error),
            };
            if let Err(error) = opened {
                tracing::warn!(module = %module.id(), error = %error.chain(), "left out of a session");
            }
        });
        join_all(each).await;
    }
}

impl Resume {
    fn registry(&self) -> Option<Arc<Registry>> {
        let registry = self.registry.lock();
        registry.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finds modules by this registry, where it had one.
    pub(super) fn follow(&self, registry: &Arc<Registry>) {
        let before = self.registry.lock();
        if let Some(before) = &mut *before.unwrap_or_else(PoisonError::into_inner) {
            *before = Arc::clone(registry);
        }
    }

    /// The session at this module that no link leads to yet.
    pub(super) fn of(&self, module: &ModuleId) -> Option<Resumption> {
        self.from().get(module).cloned()
    }

    /// A link leads to the module now.
    pub(super) fn opened(&self, module: &ModuleId) {
        self.from().remove(module);
    }

    /// Tells the modules to which no link was opened.
    pub(super) async fn forget(&self) {
        let from = std::mem::take(&mut *self.from());
        let Some(registry) = self.registry() else {
            return;
        };
        let told = registry.modules().filter_map(|module| {
            let session = from.get(module.id())?;
            let connection = Connection::of(module).ok()?;
            Some(connection.forget(session))
        });
        join_all(told).await;
    }

    fn from(&self) -> MutexGuard<'_, BTreeMap<ModuleId, Resumption>> {
        self.from.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use mcpo2_core::{ApprovalState, Endpoint, Module, ProtocolVersion};

    use super::*;
    use crate::Naming;

    #[test]
    fn a_session_that_goes_on_has_no_more_modules_than_it_had() {
        let module = |id: &str| {
            let family = "general".parse().unwrap();
            let module = Module::builder(id.parse().unwrap(), family, Endpoint::new(()));
            module.approval(ApprovalState::Approved)
        };
        let theirs = module("theirs").tenants(["acme".parse().unwrap()]);
        let modules = vec![module("all").build(), theirs.build()];
        let registry = Arc::new(Registry::new(modules, Naming::Prefixed).unwrap());
        let session = |tenant: &str| {
            let hello = Hello::new("{}", ProtocolVersion::LATEST_SESSION);
            let session = Session::resumed(hello, [], Arc::clone(&registry));
            session.of_tenant(tenant.parse().unwrap())
        };
        assert!(session("acme").has_several());
        let other = session("globex");
        assert!(!other.has_several());
        let asked = other.asked_before(&Id::number(1)).unwrap();
        assert_eq!(asked.module.as_str(), "all");
        assert!(session("acme").asked_before(&Id::number(1)).is_none());
    }
}
