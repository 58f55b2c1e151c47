use std::{fmt, str::FromStr};

use crate::ItemKind;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The method of an MCP message, as in the specification.
        ///
        /// ```
        /// use mcpo2_core::Method;
        /// assert_eq!(Method::from("tools/call"), Method::ToolsCall);
        /// assert_eq!(Method::from("vendor/echo").as_str(), "vendor/echo");
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Method {
            $($(#[$doc])* $variant,)*
            /// Any method that this version does not know, kept to the letter.
            Other(Box<str>),
        }

        impl Method {
            /// The name on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }
        }

        impl Method {
            /// The name, where this version knows the method: one of a fixed set.
            #[must_use]
            pub fn known(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($name),)*
                    Self::Other(_) => None,
                }
            }
        }

        impl From<&str> for Method {
            fn from(name: &str) -> Self {
                match name {
                    $($name => Self::$variant,)*
                    other => Self::Other(other.into()),
                }
            }
        }
    };
}

methods! {
    /// `initialize`, the handshake of the revisions up to 2025-11-25.
    Initialize = "initialize",
    /// `notifications/initialized`, which ends that handshake.
    Initialized = "notifications/initialized",
    /// `ping`.
    Ping = "ping",
    /// `server/discover`, since 2026-07-28.
    Discover = "server/discover",
    /// `subscriptions/listen`, since 2026-07-28.
    Listen = "subscriptions/listen",
    /// `tools/list`.
    ToolsList = "tools/list",
    /// `tools/call`.
    ToolsCall = "tools/call",
    /// `prompts/list`.
    PromptsList = "prompts/list",
    /// `prompts/get`.
    PromptsGet = "prompts/get",
    /// `resources/list`.
    ResourcesList = "resources/list",
    /// `resources/templates/list`.
    TemplatesList = "resources/templates/list",
    /// `resources/read`.
    ResourcesRead = "resources/read",
    /// `resources/subscribe`, up to 2025-11-25.
    ResourcesSubscribe = "resources/subscribe",
    /// `resources/unsubscribe`, up to 2025-11-25.
    ResourcesUnsubscribe = "resources/unsubscribe",
    /// `completion/complete`.
    Complete = "completion/complete",
    /// `logging/setLevel`, up to 2025-11-25.
    SetLevel = "logging/setLevel",
    /// `tasks/get`.
    TasksGet = "tasks/get",
    /// `tasks/update`.
    TasksUpdate = "tasks/update",
    /// `tasks/cancel`.
    TasksCancel = "tasks/cancel",
    /// `tasks/result`, in 2025-11-25 only.
    TasksResult = "tasks/result",
    /// `tasks/list`, in 2025-11-25 only.
    TasksList = "tasks/list",
    /// `mcpo2/artifacts/create`, an extension: begins an upload.
    ArtifactsCreate = "mcpo2/artifacts/create",
    /// `mcpo2/artifacts/commit`, an extension: makes what was uploaded an artifact.
    ArtifactsCommit = "mcpo2/artifacts/commit",
    /// `notifications/cancelled`.
    Cancelled = "notifications/cancelled",
    /// `notifications/progress`.
    Progress = "notifications/progress",
    /// `notifications/message`, a log message.
    LogMessage = "notifications/message",
    /// `notifications/roots/list_changed`.
    RootsChanged = "notifications/roots/list_changed",
    /// `notifications/tools/list_changed`.
    ToolsChanged = "notifications/tools/list_changed",
    /// `notifications/prompts/list_changed`.
    PromptsChanged = "notifications/prompts/list_changed",
    /// `notifications/resources/list_changed`.
    ResourcesChanged = "notifications/resources/list_changed",
    /// `notifications/resources/updated`.
    ResourceUpdated = "notifications/resources/updated",
}

impl Method {
    /// The kind of item that a request with this method addresses by name, if it addresses one.
    #[must_use]
    pub fn item_kind(&self) -> Option<ItemKind> {
        match self {
            Self::ToolsCall => Some(ItemKind::Tool),
            Self::PromptsGet => Some(ItemKind::Prompt),
            Self::ResourcesRead
            | Self::ResourcesSubscribe
            | Self::ResourcesUnsubscribe
            | Self::ArtifactsCreate
            | Self::ArtifactsCommit => Some(ItemKind::Resource),
            Self::TasksGet | Self::TasksUpdate | Self::TasksCancel | Self::TasksResult => {
                Some(ItemKind::Task)
            }
            _ => None,
        }
    }

    /// The kind of item that the result of this method lists, if it lists one.
    #[must_use]
    pub fn lists(&self) -> Option<ItemKind> {
        match self {
            Self::ToolsList => Some(ItemKind::Tool),
            Self::PromptsList => Some(ItemKind::Prompt),
            Self::ResourcesList => Some(ItemKind::Resource),
            Self::TemplatesList => Some(ItemKind::Template),
            _ => None,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Method {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(name))
    }
}
