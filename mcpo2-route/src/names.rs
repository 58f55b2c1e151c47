use mcpo2_core::{Item, ItemKind, ModuleId};

/// How the names that a caller knows follow from those that a module knows.
///
/// ```
/// use mcpo2_route::Naming;
/// let github = "github".parse()?;
/// assert_eq!(Naming::Prefixed.exposed(&github, "get_issue"), "github__get_issue");
/// assert_eq!(Naming::Plain.exposed(&github, "get_issue"), "get_issue");
/// # Ok::<(), mcpo2_core::NameError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// As they are. For a registry of one module.
    Plain,
    /// `module__name` for tools and prompts. A module id has no underscore, so the first `__`
    /// parts the two, and a name stays the same when another module joins. URIs stay as they are.
    Prefixed,
}

const PARTING: &str = "__";

impl Naming {
    /// The name that a caller knows.
    #[must_use]
    pub fn exposed(self, module: &ModuleId, name: &str) -> String {
        match self {
            Self::Plain => name.to_owned(),
            Self::Prefixed => format!("{module}{PARTING}{name}"),
        }
    }

    /// The module and its own name for what a caller calls `item`, where the name tells.
    pub(crate) fn part(self, item: &Item) -> Option<(&str, &str)> {
        let named = matches!(item.kind(), ItemKind::Tool | ItemKind::Prompt);
        match self {
            Self::Prefixed if named => item.name().split_once(PARTING),
            Self::Plain | Self::Prefixed => None,
        }
    }
}
