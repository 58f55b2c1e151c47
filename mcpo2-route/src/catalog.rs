//! What the modules have, read from their own lists and kept for a while.

mod layer;
mod templates;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use mcpo2_core::{
    Directory, Error, ErrorKind, Facts, Item, ItemKind, Message, Method, Module, ModuleId, Request,
};
use tokio::sync::Mutex;

pub use layer::{CatalogLayer, CatalogService};

use self::templates::Template;
use crate::{
    Connection, Inventory, Registry, Router, bridge,
    gateway::pages,
    upstream::{ClientInfo, Link},
};

/// What the modules of a registry have: which names and URIs are real, and whose.
///
/// It is read from each module's lists on the first call and again after a while; a call waits
/// for it only where nothing is known yet.
#[derive(Debug)]
pub struct Catalog {
    registry: Arc<Registry>,
    ours: ClientInfo,
    modules: ArcSwap<BTreeMap<ModuleId, Arc<Entry>>>,
    reading: Mutex<()>,
    keep: Duration,
}

/// What one module has. None where it could never be asked.
#[derive(Debug)]
struct Entry {
    read: Instant,
    /// It could not be asked again, and what is known is from before.
    failed: bool,
    has: Option<Arc<Has>>,
}

#[derive(Debug, Default)]
struct Has {
    items: HashSet<Item>,
    templates: Vec<Template>,
}

/// A module that could not be asked is asked again after this long.
const RETRY: Duration = Duration::from_secs(5);

const LISTS: [Method; 4] = [
    Method::ToolsList,
    Method::PromptsList,
    Method::ResourcesList,
    Method::TemplatesList,
];

impl Catalog {
    /// What the modules of `registry` have, read again after `keep`.
    #[must_use]
    pub fn new(registry: Arc<Registry>, ours: ClientInfo, keep: Duration) -> Self {
        let modules = ArcSwap::default();
        Self {
            registry,
            ours,
            modules,
            reading: Mutex::default(),
            keep,
        }
    }

    /// Reads what is not known or too old. Cheap where nothing is.
    pub async fn refresh(&self) {
        if self.due().next().is_none() {
            return;
        }
        let known = self.modules.load().len() == self.registry.approved().count();
        let _reading = match (known, self.reading.try_lock()) {
            (_, Ok(reading)) => reading,
            // Somebody reads; what is known is good enough until then.
            (true, Err(_)) => return,
            (false, Err(_)) => self.reading.lock().await,
        };
        let due: Vec<_> = self.due().cloned().collect();
        let read = join_all(due.iter().map(|module| self.read(module))).await;
        let mut modules = BTreeMap::clone(&self.modules.load());
        for (module, has) in due.iter().zip(read) {
            let before = || modules.get(module.id())?.has.clone();
            let entry = Entry {
                read: Instant::now(),
                failed: has.is_none(),
                has: has.map(Arc::new).or_else(before),
            };
            modules.insert(module.id().clone(), Arc::new(entry));
        }
        self.modules.store(Arc::new(modules));
    }

    fn due(&self) -> impl Iterator<Item = &Arc<Module>> {
        let known = self.modules.load_full();
        self.registry.approved().filter(move |module| {
            known.get(module.id()).is_none_or(|entry| {
                let keep = if entry.failed { RETRY } else { self.keep };
                entry.read.elapsed() >= keep
            })
        })
    }

    async fn read(&self, module: &Arc<Module>) -> Option<Has> {
        let read = async {
            let link = Connection::of(module)?.shared().await?;
            let mut has = Has::default();
            for method in &LISTS {
                match self.read_list(&*link, method, &mut has).await {
                    // A module without such a list has nothing of that kind. One that fails has
                    // not lost what it has: nobody knows.
                    Err(error) if error.kind() == ErrorKind::MethodNotFound => {}
                    read => read?,
                }
            }
            Ok::<_, Error>(has)
        };
        read.await
            .inspect_err(
                |error| tracing::warn!(module = %module.id(), error = %error.chain(), "not read"),
            )
            .ok()
    }

    async fn read_list(
        &self,
        link: &dyn Link,
        method: &Method,
        has: &mut Has,
    ) -> Result<(), Error> {
        let Some(kind) = method.lists() else {
            return Ok(());
        };
        let request = self.request(link, method)?;
        pages(link, request, kind, |listed| {
            for name in listed.iter().filter_map(|entry| entry.name()) {
                if kind == ItemKind::Template {
                    has.templates.push(Template::new(&name));
                }
                has.items.insert(Item::new(kind, name));
            }
        })
        .await
    }

    fn request(&self, link: &dyn Link, method: &Method) -> Result<Request, Error> {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":"mcpo2-catalog","method":"{method}","params":{{}}}}"#
        );
        let internal = || Error::new(ErrorKind::Internal, "internal error");
        let Ok(Message::Request(request)) = Message::parse(text) else {
            return Err(internal());
        };
        let session = mcpo2_core::ProtocolVersion::LATEST_SESSION;
        Ok(bridge::outgoing(
            &request,
            session,
            link.version(),
            &self.ours,
        ))
    }

    fn has_all(&self, id: &ModuleId) -> Option<Arc<Entry>> {
        self.modules.load().get(id).cloned()
    }
}

impl Inventory for Catalog {
    fn owner(&self, item: &Item) -> Option<ModuleId> {
        let modules = self.modules.load();
        modules
            .iter()
            .find(|(_, entry)| entry.has.as_ref().is_some_and(|has| has.serves(item)))
            .map(|(id, _)| id.clone())
    }

    fn has(&self, module: &ModuleId, item: &Item) -> Option<bool> {
        if item.kind() == ItemKind::Task {
            return None;
        }
        Some(self.has_all(module)?.has.as_ref()?.serves(item))
    }
}

impl Has {
    fn serves(&self, item: &Item) -> bool {
        self.items.contains(item)
            || item.kind() == ItemKind::Resource
                && self
                    .templates
                    .iter()
                    .any(|template| template.matches(item.name()))
    }
}

/// Knows items by their names, and resources by who lists them.
impl Directory for Catalog {
    fn describe(&self, item: &Item) -> Option<Arc<Facts>> {
        let by_name = self.registry.describe(item);
        by_name.or_else(|| {
            let owner = self.owner(item)?;
            self.registry
                .module(owner.as_str())
                .map(|module| Arc::clone(module.facts()))
        })
    }
}

impl Router {
    /// Routes over a registry by what its modules have.
    #[must_use]
    pub fn over(catalog: &Arc<Catalog>) -> Self {
        let inventory: Arc<dyn Inventory> = Arc::<Catalog>::clone(catalog);
        Self::new(Arc::clone(&catalog.registry)).with_inventory(inventory)
    }
}
