//! What one module has.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::future::try_join_all;
use mcpo2_core::{
    Error, ErrorKind, Id, Item, ItemKind, Message, Method, Module, ProtocolVersion, Request,
};

use super::{list::List, quarantine::Quarantined, templates::Template};
use crate::{
    Naming,
    bridge::{self, Support},
    parameters::Parameters,
    upstream::{ClientInfo, Link},
};

/// The kinds of lists, in the order in which they are kept.
pub(crate) const LISTS: [(ItemKind, Method); 4] = [
    (ItemKind::Tool, Method::ToolsList),
    (ItemKind::Prompt, Method::PromptsList),
    (ItemKind::Resource, Method::ResourcesList),
    (ItemKind::Template, Method::TemplatesList),
];

/// What one module has, as it lists it to everybody.
#[derive(Debug)]
pub(crate) struct Has {
    /// What it says of itself.
    pub(crate) server: Bytes,
    /// The revision of its shared link.
    pub(crate) version: ProtocolVersion,
    lists: [Arc<List>; 4],
    items: HashSet<Item>,
    templates: Vec<Template>,
    /// Own names by those that callers know, where these are shortened.
    short: HashMap<(ItemKind, Box<str>), Box<str>>,
    /// What is said in headers, by the names that callers know; only of tools that have some.
    parameters: HashMap<Box<str>, Parameters>,
    /// The tools that are called as tasks, likewise.
    support: HashMap<Box<str>, Support>,
}

impl Has {
    /// Asks the module for its lists.
    pub(super) async fn read(
        module: &Module,
        link: &dyn Link,
        naming: &Naming,
        ours: &ClientInfo,
    ) -> Result<Self, Error> {
        let lists = LISTS.iter().map(|(kind, method)| async move {
            let request = request(&Id::string("mcpo2-catalog"), method)?;
            let session = ProtocolVersion::LATEST_SESSION;
            let request = bridge::outgoing(&request, session, link.version(), ours);
            match List::read(link, request, *kind, (module.id(), naming)).await {
                // A module without such a list has nothing of that kind. One that fails has not
                // lost what it has: nobody knows.
                Err(error) if error.kind() == ErrorKind::MethodNotFound => Ok(List::default()),
                read => read,
            }
        });
        let mut lists = try_join_all(lists).await?.into_iter().map(Arc::new);
        let lists = [(); 4].map(|()| lists.next().unwrap_or_default());
        let (mut items, mut short) = (HashSet::new(), HashMap::new());
        let (mut parameters, mut support) = (HashMap::new(), HashMap::new());
        for ((kind, _), list) in LISTS.iter().zip(&lists) {
            for entry in &list.entries {
                items.insert(Item::new(*kind, entry.own.clone()));
                note_short(&mut short, *kind, &entry.name, &entry.own);
                if entry.support != Support::Never {
                    support.insert(entry.name.clone(), entry.support);
                }
                if !entry.parameters.is_empty() {
                    parameters.insert(entry.name.clone(), entry.parameters.clone());
                }
            }
        }
        let [_, _, _, templates] = &lists;
        let templates = templates.entries.iter();
        let templates = templates.map(|entry| Template::new(&entry.own)).collect();
        Ok(Self {
            server: link.server().clone(),
            version: link.version(),
            lists,
            items,
            templates,
            short,
            parameters,
            support,
        })
    }

    pub(crate) fn list(&self, kind: ItemKind) -> Option<&Arc<List>> {
        let at = LISTS.iter().position(|(one, _)| *one == kind)?;
        self.lists.get(at)
    }

    /// The tools that are left out.
    pub(super) fn quarantined(&self) -> &[Quarantined] {
        let [tools, ..] = &self.lists;
        &tools.quarantined
    }

    /// Whether it lists this item, by the name that it knows.
    pub(super) fn lists(&self, item: &Item) -> bool {
        self.items.contains(item)
    }

    /// Whether one of its templates makes this URI.
    pub(super) fn makes(&self, item: &Item) -> bool {
        item.kind() == ItemKind::Resource
            && self
                .templates
                .iter()
                .any(|template| template.matches(item.name()))
    }

    /// What is said in headers of the tool that callers know by this name.
    pub(super) fn parameters(&self, tool: &str) -> Option<&Parameters> {
        self.parameters.get(tool)
    }

    /// Whether the tool that callers know by this name is called as a task.
    pub(super) fn support(&self, tool: &str) -> Option<Support> {
        self.support.get(tool).copied()
    }

    /// The own name of what is called by a shortened one.
    pub(super) fn unshortened(&self, kind: ItemKind, name: &str) -> Option<Box<str>> {
        self.short.get(&(kind, name.into())).cloned()
    }
}

/// Keeps the own name of what callers know by another that does not hold it.
pub(super) fn note_short(
    short: &mut HashMap<(ItemKind, Box<str>), Box<str>>,
    kind: ItemKind,
    name: &str,
    own: &str,
) {
    let named = matches!(kind, ItemKind::Tool | ItemKind::Prompt);
    if named && (own.is_empty() || !name.ends_with(own)) {
        short.insert((kind, name.into()), own.into());
    }
}

/// A request of the gateway for a list.
pub(crate) fn request(id: &Id, method: &Method) -> Result<Request, Error> {
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{}}}}"#);
    match Message::parse(text) {
        Ok(Message::Request(request)) => Ok(request),
        Ok(Message::Response(_)) | Err(_) => Err(Error::new(ErrorKind::Internal, "internal error")),
    }
}
