use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mcpo2_core::{
    ARTIFACT_SCHEME, Call, Candidate, Directory, Error, ErrorKind, Facts, Item, ItemKind, Method,
    Module, ModuleId, Principal, Region, Routing, Target,
};
use serde::{Deserialize, de::IgnoredAny};

use crate::{Registry, names::Own};

/// Where permitted calls go, and why.
///
/// Deciding is pure: the same call, registry and inventory give the same plan and explanation.
#[derive(Clone)]
pub struct Router {
    registry: Arc<Registry>,
    inventory: Arc<dyn Inventory>,
    requirements: Requirements,
}

/// What modules have, as far as that is known.
pub trait Inventory: Send + Sync + 'static {
    /// The module that has this resource or template.
    fn owner(&self, item: &Item) -> Option<ModuleId>;

    /// Whether the module has this item, by the name that the module knows; none where nobody
    /// has looked.
    fn has(&self, module: &ModuleId, item: &Item) -> Option<bool>;

    /// The module's own name of an item whose name is shortened; none where nobody knows it.
    fn own_name(&self, module: &ModuleId, item: &Item) -> Option<Box<str>> {
        let _ = (module, item);
        None
    }

    /// The module's own id of a task that `principal` began there; none for anybody else.
    fn task(&self, module: &ModuleId, id: &str, principal: &Principal) -> Option<Box<str>> {
        let _ = (module, id, principal);
        None
    }
}

/// Nothing is known: whatever its name says goes to its module.
impl Inventory for () {
    fn owner(&self, _item: &Item) -> Option<ModuleId> {
        None
    }

    fn has(&self, _module: &ModuleId, _item: &Item) -> Option<bool> {
        None
    }
}

/// What a module must be for any call to go there, whatever policy allows.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Requirements {
    /// Where modules may run; anywhere, if empty.
    pub regions: BTreeSet<Region>,
    /// How far modules must be trusted, 0 to 4.
    pub min_tier: u8,
}

/// Where one call goes, and why.
#[derive(Debug)]
pub struct Plan {
    /// Where it goes, or why it goes nowhere.
    pub target: Result<Target, Error>,
    /// What was looked at.
    pub explanation: Routing,
}

impl Router {
    /// Routes by the names of the modules in this registry.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            inventory: Arc::new(()),
            requirements: Requirements::default(),
        }
    }

    /// Looks also at what modules have: what they have not is not found, as is what they may not
    /// show.
    #[must_use]
    pub fn with_inventory(mut self, inventory: Arc<dyn Inventory>) -> Self {
        self.inventory = inventory;
        self
    }

    /// Sends calls only to modules that meet these.
    #[must_use]
    pub fn with_requirements(mut self, requirements: Requirements) -> Self {
        self.requirements = requirements;
        self
    }

    /// Where this call goes, and why.
    #[must_use]
    pub fn plan(&self, call: &Call) -> Plan {
        let mut explanation = Routing {
            module: None,
            item: None,
            candidates: Vec::new(),
            registry: self.registry.digest(),
        };
        let target = match self.destination(call) {
            Destination::Gateway => Ok(Target::gateway()),
            Destination::Nowhere => Err(not_found(call)),
            Destination::Withheld => Err(without_tasks()),
            Destination::Module(module, name) => {
                self.admit(call, module, name.map(Arc::from), &mut explanation)
            }
        };
        if let Ok(target) = &target {
            explanation.module = target.facts().map(|facts| facts.module().clone());
            explanation.item = target.item_name().cloned();
        }
        Plan {
            target,
            explanation,
        }
    }

    fn destination<'a>(&'a self, call: &'a Call) -> Destination<'a> {
        let sole = self.registry.sole();
        let method = call.method();
        if call.version().is_stateless() && !in_stateless(method) {
            return Destination::Nowhere;
        }
        if matches!(method, Method::Initialize | Method::Discover) || call.request().id().is_none()
        {
            return Destination::Gateway;
        }
        if let Some(item) = call.item() {
            if sole.is_none() && item.kind() == ItemKind::Task && !may_follow_tasks(call) {
                return Destination::Withheld;
            }
            return self.find(item, call.principal());
        }
        if method.item_kind().is_some() {
            return Destination::Nowhere;
        }
        if let Some(module) = sole {
            return Destination::Module(module, None);
        }
        let answered = method.lists().is_some()
            || matches!(method, Method::Ping | Method::SetLevel | Method::Listen);
        if answered {
            Destination::Gateway
        } else {
            Destination::Nowhere
        }
    }

    fn find<'a>(&'a self, item: &'a Item, principal: &Principal) -> Destination<'a> {
        if is_artifact(item) {
            return Destination::Gateway;
        }
        let Some((module, own)) = self.registry.naming().part(item) else {
            return match self.whole(item) {
                Some(module) => Destination::Module(module, None),
                None => Destination::Nowhere,
            };
        };
        let Some(module) = self.registry.module(module) else {
            return Destination::Nowhere;
        };
        let own = match (own, item.kind()) {
            (Own::Name(own), _) => Some(own.into()),
            (Own::Sealed, ItemKind::Task) => {
                let own = self.inventory.task(module.id(), item.name(), principal);
                own.map(|own| Cow::Owned(own.into()))
            }
            (Own::Sealed, _) => {
                let own = self.inventory.own_name(module.id(), item);
                own.map(|own| Cow::Owned(own.into()))
            }
        };
        own.map_or(Destination::Nowhere, |own| {
            Destination::Module(module, Some(own))
        })
    }

    /// The module of an item whose name does not say it.
    fn whole(&self, item: &Item) -> Option<&Arc<Module>> {
        let owner = || self.registry.module(self.inventory.owner(item)?.as_str());
        self.registry.sole().or_else(owner)
    }

    /// The hard filters, in order: who may not have a module never learns how it fares.
    fn admit(
        &self,
        call: &Call,
        module: &Arc<Module>,
        name: Option<Arc<str>>,
        explanation: &mut Routing,
    ) -> Result<Target, Error> {
        let rejected = self.rejected(call, module, name.as_ref());
        let verdict = rejected.unwrap_or("chosen").into();
        explanation.candidates.push(Candidate {
            module: module.id().clone(),
            verdict,
        });
        let target = match rejected {
            None => Target::module(module),
            Some(_) => None,
        };
        let target = target.ok_or_else(|| not_found(call))?;
        Ok(match name {
            Some(name) => target.under_name(name),
            None => target,
        })
    }

    fn rejected(
        &self,
        call: &Call,
        module: &Arc<Module>,
        name: Option<&Arc<str>>,
    ) -> Option<&'static str> {
        let facts = module.facts();
        let Requirements { regions, min_tier } = &self.requirements;
        if Target::module(module).is_none() {
            return Some("not approved");
        }
        if !regions.is_empty()
            && !facts
                .region()
                .is_some_and(|region| regions.contains(region))
        {
            return Some("region not allowed");
        }
        if facts.tier() < *min_tier {
            return Some("trust too low");
        }
        let item = call.item()?;
        let name = name.unwrap_or(item.shared_name());
        let known = Item::new(item.kind(), Arc::clone(name));
        (self.inventory.has(module.id(), &known) == Some(false)).then_some("item missing")
    }
}

impl Directory for Router {
    fn describe(&self, item: &Item) -> Option<Arc<Facts>> {
        if is_artifact(item) {
            return None;
        }
        let module = match self.registry.naming().part(item) {
            Some((module, _)) => self.registry.module(module),
            None => self.whole(item),
        };
        module.map(|module| Arc::clone(module.facts()))
    }
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router")
            .field("registry", &self.registry)
            .field("requirements", &self.requirements)
            .finish_non_exhaustive()
    }
}

enum Destination<'a> {
    Gateway,
    Nowhere,
    /// The client did not say that it knows what this is.
    Withheld,
    Module(&'a Arc<Module>, Option<Cow<'a, str>>),
}

fn not_found(call: &Call) -> Error {
    let removed = call.version().is_stateless() && !in_stateless(call.method());
    if removed {
        return Error::new(ErrorKind::MethodNotFound, "Method not found");
    }
    let names = call.item().is_some() || call.method().item_kind().is_some();
    let kind = if names {
        ErrorKind::NotFound
    } else {
        ErrorKind::MethodNotFound
    };
    Error::not_found(kind, call.request())
}

/// The extension of the stateless revision that has tasks.
const TASKS: &str = "io.modelcontextprotocol/tasks";

/// Whether a client may ask for tasks: since the stateless revision only one that says so.
pub(crate) fn may_follow_tasks(call: &Call) -> bool {
    #[derive(Deserialize)]
    struct Capabilities<'a> {
        #[serde(borrow, default)]
        extensions: BTreeMap<Cow<'a, str>, IgnoredAny>,
    }
    let said = call.request().meta().client_capabilities();
    let said = said.and_then(|said| serde_json::from_str::<Capabilities<'_>>(said).ok());
    !call.version().is_stateless() || said.is_some_and(|said| said.extensions.contains_key(TASKS))
}

pub(crate) fn without_tasks() -> Error {
    let message = "the client does not declare the tasks extension";
    let needed = format!(r#"{{"requiredCapabilities":{{"extensions":{{"{TASKS}":{{}}}}}}}}"#);
    Error::new(ErrorKind::MissingCapability, message).with_data(needed)
}

/// The stateless revision has no handshake, and none of what needs a session.
fn in_stateless(method: &Method) -> bool {
    !matches!(
        method,
        Method::Initialize
            | Method::Ping
            | Method::SetLevel
            | Method::ResourcesSubscribe
            | Method::ResourcesUnsubscribe
            | Method::TasksResult
            | Method::TasksList
    )
}

fn is_artifact(item: &Item) -> bool {
    let scheme = item.name().split_once("://").map(|(scheme, _)| scheme);
    let is_resource = matches!(item.kind(), ItemKind::Resource | ItemKind::Template);
    is_resource && scheme == Some(ARTIFACT_SCHEME)
}
