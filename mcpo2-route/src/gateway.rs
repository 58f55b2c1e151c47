//! What the gateway answers itself: the handshake, lists over several modules, subscriptions.

mod capabilities;
mod cursor;
mod handshake;
mod links;
mod lists;
mod subscriptions;
mod translate;

pub(crate) use subscriptions::last_message;
pub(crate) use translate::Outside;

use std::{fmt, sync::Arc};

use mcpo2_core::{
    Error, ErrorKind, Item, ItemKind, Method, Principal, Reply, Routed, message::result_response,
};
use mcpo2_seal::KeyRing;

use crate::{Catalog, CatalogOptions, Registry, Session, upstream::ClientInfo};

/// Answers what is addressed to no module: `initialize`, `server/discover`, and, where names are
/// prefixed, lists, `ping`, `logging/setLevel` and `subscriptions/listen`.
///
/// Its name and its instructions are its own. What a module says of itself in either never
/// reaches a client.
pub struct Gateway {
    registry: Arc<Registry>,
    catalog: Arc<Catalog>,
    ours: ClientInfo,
    instructions: Box<Instructions>,
    own: &'static str,
    templates: Vec<(Item, String)>,
    seal: Option<Arc<KeyRing>>,
}

type Instructions = dyn Fn(&Principal) -> Option<Arc<str>> + Send + Sync;

impl Gateway {
    /// A gateway of this name before these modules, without instructions.
    #[must_use]
    pub fn new(registry: Arc<Registry>, ours: ClientInfo) -> Self {
        let catalog =
            Catalog::with_options(Arc::clone(&registry), ours.clone(), CatalogOptions::new());
        Self {
            registry,
            catalog: Arc::new(catalog),
            ours,
            instructions: Box::new(|_| None),
            own: "{}",
            templates: Vec::new(),
            seal: KeyRing::ephemeral().ok().map(Arc::new),
        }
    }

    /// Takes lists from this catalog, which the layers above share.
    #[must_use]
    pub fn with_catalog(mut self, catalog: Arc<Catalog>) -> Self {
        self.registry = Arc::clone(catalog.registry());
        self.catalog = catalog;
        self
    }

    /// Gives each caller these instructions.
    #[must_use]
    pub fn with_instructions(
        mut self,
        instructions: impl Fn(&Principal) -> Option<Arc<str>> + Send + Sync + 'static,
    ) -> Self {
        self.instructions = Box::new(instructions);
        self
    }

    /// Seals what clients carry for the gateway with these keys. Without any, nothing of it holds
    /// at another replica or after a restart.
    #[must_use]
    pub fn with_seal(mut self, keys: Arc<KeyRing>) -> Self {
        self.seal = Some(keys);
        self
    }

    /// Says that there are resources, whether or not a module has some, and lists these templates of
    /// them, each with its JSON text, behind those of modules: for a stack whose layers answer
    /// `resources/read` themselves.
    #[must_use]
    pub fn with_own_resources(
        mut self,
        templates: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        self.own = r#"{"resources":{}}"#;
        let templates = templates.into_iter();
        let items = templates.map(|(uri, json)| (Item::new(ItemKind::Template, uri), json));
        self.templates = items.collect();
        self
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub(crate) fn ours(&self) -> &ClientInfo {
        &self.ours
    }

    /// The keys for what clients carry.
    pub(crate) fn seal(&self) -> Result<&KeyRing, Error> {
        let none = || Error::new(ErrorKind::Internal, "there is no key to seal with");
        self.seal.as_deref().ok_or_else(none)
    }

    pub(crate) async fn answer(&self, routed: &Routed) -> Result<Reply, Error> {
        let call = routed.call();
        let session = call.extensions().get::<Arc<Session>>();
        let Some(id) = call.request().id() else {
            if let Some(session) = session {
                session.notify(call.request()).await?;
            }
            return Ok(Reply::accepted());
        };
        match (call.method(), session) {
            (Method::Initialize, Some(session)) => self.initialize(call, id, session).await,
            (Method::Discover, _) => self.discover(call, id).await,
            (Method::Ping, _) => Ok(Reply::complete(result_response(id, "{}"))),
            (Method::SetLevel, Some(session)) => self.set_level(call, id, session).await,
            (Method::Listen, None) => self.listen(call, id).await,
            (method, _) => match method.lists() {
                Some(kind) => self.list(call, id, kind).await,
                None => Err(Error::not_found(ErrorKind::MethodNotFound, call.request())),
            },
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("registry", &self.registry)
            .field("ours", &self.ours)
            .finish_non_exhaustive()
    }
}
