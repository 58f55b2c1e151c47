//! Links of a session, opened without letting a slow module hold up the others.

use std::sync::Arc;

use futures_util::future::join_all;
use mcpo2_core::{Error, ErrorKind, Module, ModuleId, TenantId};

use super::Gateway;
use crate::{Connection, Session, catalog::Has, upstream::Link};

impl Gateway {
    /// The session's link to a module.
    ///
    /// A task of its own opens it, and goes on where nobody waits any more: a module that is slow
    /// to start would else be started again and again, and never be there.
    pub(super) async fn open_link(
        &self,
        session: &Arc<Session>,
        module: &Arc<Module>,
    ) -> Result<Arc<dyn Link>, Error> {
        let (session, module) = (Arc::clone(session), Arc::clone(module));
        let opening = tokio::spawn(async move {
            let connection = Connection::of(&module)?;
            session.link(module.id(), connection).await
        });
        let broken = |error| Error::new(ErrorKind::Internal, "internal error").with_source(error);
        opening.await.map_err(broken)?
    }

    /// Opens a link to each module that the session may reach, and says what each that answers says of itself. One
    /// that does not answer in time does not hide the others; with the only one there is all the
    /// time.
    pub(super) async fn open_links(&self, session: &Arc<Session>) -> Result<Opened, Error> {
        let approved = self.registry.approved();
        let modules: Vec<_> = approved
            .filter(|module| session.may_reach(module))
            .collect();
        let only = self.registry.sole().is_some();
        let deadline = self.catalog.options().deadline;
        let each = modules.iter().map(|module| async move {
            let opening = self.open_link(session, module);
            match only {
                true => opening.await,
                false => match tokio::time::timeout(deadline, opening).await {
                    Ok(opened) => opened,
                    Err(late) => Err(unavailable().with_source(late)),
                },
            }
        });
        let mut opened = Opened::default();
        for (module, link) in modules.iter().zip(join_all(each).await) {
            match link {
                Ok(link) => opened.said.push(Said::of(&*link)),
                Err(error) => {
                    tracing::warn!(module = %module.id(), error = %error.chain(), "does not answer");
                    let before = self.catalog.of(module.id());
                    opened.said.extend(before.map(|has| Said::before(&has)));
                    opened.missing.push(module.id().clone());
                    opened.last = Some(error);
                }
            }
        }
        opened.unless_empty()
    }

    /// What each module that is known, and there for this tenant, says of itself to calls without a
    /// session.
    pub(super) async fn known(&self, tenant: &TenantId) -> Result<Opened, Error> {
        let mut opened = Opened::default();
        if let Some(only) = self.registry.sole() {
            let link = Connection::of(only)?.shared().await?;
            opened.said.push(Said::of(&*link));
            return Ok(opened);
        }
        self.catalog.refresh().await;
        let mut approved = self.registry.approved();
        while let Some(module) = approved.find(|module| module.facts().is_for(tenant)) {
            match self.catalog.of(module.id()) {
                Some(has) => opened.said.push(Said::before(&has)),
                None => opened.last = Some(unavailable()),
            }
        }
        opened.missing = self.catalog.missing().into_iter().collect();
        opened.unless_empty()
    }
}

/// What modules say of themselves.
#[derive(Debug, Default)]
pub(super) struct Opened {
    pub(super) said: Vec<Said>,
    pub(super) missing: Vec<ModuleId>,
    last: Option<Error>,
}

/// What one module says of itself, and in which revision.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) server: bytes::Bytes,
    pub(super) version: mcpo2_core::ProtocolVersion,
}

impl Opened {
    fn unless_empty(mut self) -> Result<Self, Error> {
        match self.last.take() {
            Some(error) if self.said.is_empty() => Err(error),
            _ => Ok(self),
        }
    }
}

impl Said {
    fn of(link: &dyn Link) -> Self {
        Self {
            server: link.server().clone(),
            version: link.version(),
        }
    }

    fn before(has: &Has) -> Self {
        Self {
            server: has.server.clone(),
            version: has.version,
        }
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "the module is not available")
}
