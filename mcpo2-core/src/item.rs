use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// What kind of thing a request addresses or a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ItemKind {
    /// A tool, by name.
    Tool,
    /// A prompt, by name.
    Prompt,
    /// A resource, by URI.
    Resource,
    /// A resource template, by URI template.
    Template,
    /// A task, by id.
    Task,
}

impl ItemKind {
    /// The member of a list result that holds the items, and the member of an item that names it.
    #[must_use]
    pub fn list_members(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Tool => Some(("tools", "name")),
            Self::Prompt => Some(("prompts", "name")),
            Self::Resource => Some(("resources", "uri")),
            Self::Template => Some(("resourceTemplates", "uriTemplate")),
            Self::Task => None,
        }
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Template => "template",
            Self::Task => "task",
        })
    }
}

/// One thing that a request addresses: a tool, a prompt, a resource, a template or a task.
///
/// ```
/// use mcpo2_core::{Item, ItemKind};
/// let item = Item::new(ItemKind::Tool, "github__get_issue");
/// assert_eq!(item.to_string(), "tool `github__get_issue`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Item {
    kind: ItemKind,
    name: Arc<str>,
}

impl Item {
    /// An item of this kind and name; the name of a resource is its URI.
    pub fn new(kind: ItemKind, name: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ItemKind {
        self.kind
    }

    /// Its name, URI, URI template or task id.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, for who keeps it.
    #[must_use]
    pub fn shared_name(&self) -> &Arc<str> {
        &self.name
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}
