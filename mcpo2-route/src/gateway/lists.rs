use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use mcpo2_core::{
    Call, Error, ErrorKind, Fact, Id, ItemKind, Listing, Module, ModuleId, Reply, message::ListPage,
};

use super::{Gateway, cursor};
use crate::{
    Connection, Session,
    bridge::{self, Caller},
    catalog::{self, List, Merged, Shadowed},
};

impl Gateway {
    /// The entries of all modules, in order of their ids, under the names that callers know; one
    /// page of them.
    ///
    /// A module that does not answer in time is there with what it had before, or not at all: it
    /// does not take the others with it.
    pub(super) async fn list(&self, call: &Call, id: &Id, kind: ItemKind) -> Result<Reply, Error> {
        self.catalog.refresh().await;
        let session = call.extensions().get::<Arc<Session>>();
        let (list, ttl) = match session {
            Some(_) => (self.of_caller(call, id, kind).await, Duration::ZERO),
            None if self.may_differ(call)? => {
                (self.of_caller(call, id, kind).await, Duration::ZERO)
            }
            None => {
                let missing = self.catalog.missing();
                record(call, missing.into_iter().collect());
                let none = || Error::new(ErrorKind::Internal, "this kind has no list");
                self.catalog.list(kind).ok_or_else(none)?
            }
        };
        let first = match cursor::asked(call.request())? {
            Some(cursor) => self.first(call, kind, &list, &cursor)?,
            None => 0,
        };
        let turned = list.page(first).ok_or_else(cursor::unknown)?;
        let is_last = turned.next.is_none();
        let ours = kind == ItemKind::Template && is_last && !self.templates.is_empty();
        let entries = match ours {
            true => Arc::new(turned.entries.and(self.templates.iter().cloned())),
            false => turned.entries,
        };
        let mut page = ListPage::new(entries, id);
        if let Some(next) = turned.next {
            let cursor = self.cursor(call, kind, &list, next)?;
            page = page.with_member("nextCursor", &format!("\"{cursor}\""));
        }
        if call.version().is_stateless() {
            let ttl = u64::try_from(ttl.as_millis())
                .unwrap_or(u64::MAX)
                .min(MAX_TTL);
            page = page
                .with_member("resultType", r#""complete""#)
                .with_member("ttlMs", &ttl.to_string())
                .with_scope(list.caching.public);
        }
        Ok(Reply::page(page))
    }

    /// Whether a module may list something else to this caller without a session than to others:
    /// one that has sessions, and is told what it can ask the client there.
    fn may_differ(&self, call: &Call) -> Result<bool, Error> {
        let mut modules = self.registry.approved();
        let has_sessions =
            |module: &Arc<Module>| Connection::of(module).is_ok_and(Connection::has_sessions);
        Ok(modules.any(has_sessions) && Caller::of(call)?.is_some())
    }

    /// The list as this caller sees it: a module that has sessions may show each another.
    async fn of_caller(&self, call: &Call, id: &Id, kind: ItemKind) -> Arc<Merged> {
        let tenant = call.principal().tenant();
        let approved = self.registry.approved();
        let modules: Vec<_> = approved
            .filter(|module| module.facts().is_for(tenant))
            .collect();
        let each = modules.iter().map(|module| async move {
            let asked = self.ask(call, id, kind, module);
            let deadline = self.catalog.options().deadline;
            match tokio::time::timeout(deadline, asked).await {
                Ok(Ok(list)) => Ok(list),
                Ok(Err(error)) if error.kind() == ErrorKind::MethodNotFound => Ok(Arc::default()),
                Ok(Err(error)) => Err(error.chain().to_string()),
                Err(late) => Err(late.to_string()),
            }
        });
        let (mut lists, mut missing) = (Vec::new(), Vec::new());
        for (module, listed) in modules.iter().zip(join_all(each).await) {
            let id = module.id();
            match listed {
                Ok(list) => lists.push((id, list)),
                Err(error) => {
                    tracing::warn!(module = %id, error, list = %kind, "does not answer");
                    missing.push(id.clone());
                    let before = self.catalog.of(id);
                    let before = before.and_then(|has| has.list(kind).cloned());
                    lists.extend(before.map(|list| (id, list)));
                }
            }
        }
        record(call, missing);
        let lists = lists.iter().map(|(id, list)| (*id, &**list));
        let pages = self.catalog.options().pages;
        Arc::new(Merged::new(kind, lists, pages, &mut Shadowed::new()))
    }

    /// One module's list, as the caller sees it.
    async fn ask(
        &self,
        call: &Call,
        id: &Id,
        kind: ItemKind,
        module: &Arc<Module>,
    ) -> Result<Arc<List>, Error> {
        let connection = Connection::of(module)?;
        let own = match call.extensions().get::<Arc<Session>>() {
            Some(session) => Some(self.open_link(session, module).await?)
                .filter(|link| !link.version().is_stateless()),
            None => connection.own_link(call, None).await?,
        };
        let (link, is_own) = match own {
            Some(own) => (own, true),
            None => (connection.shared().await?, false),
        };
        let kept = self.catalog.of(module.id());
        if !is_own && let Some(list) = kept.and_then(|has| has.list(kind).cloned()) {
            return Ok(list);
        }
        let mut place = connection.admit(call.principal().tenant())?;
        // The client's id, which nothing else has on this link: its request goes no further.
        let request = catalog::request(id, call.method())?;
        let request = bridge::outgoing(&request, call.version(), link.version(), self.ours());
        let named = (module.id(), self.registry.naming());
        let read = List::read(&*link, request, kind, named).await;
        place.settle(module.id(), read.as_ref(), link.is_open());
        let list = read?;
        self.catalog.learn(module.id(), kind, &list);
        Ok(Arc::new(list))
    }
}

/// Lists are not kept longer than this, whatever modules say: a day.
const MAX_TTL: u64 = 24 * 3600 * 1000;

fn record(call: &Call, missing: Vec<ModuleId>) {
    if !missing.is_empty() {
        call.trail().record(Fact::Listing(Listing { missing }));
    }
}
