use std::collections::BTreeSet;

use mcpo2_core::{Method, Request};
use serde::{Deserialize, Serialize};

/// More resources than this are not watched for one who listens.
const MAX_URIS: usize = 256;

/// What somebody wants to be told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Filter {
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) tools_list_changed: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) prompts_list_changed: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) resources_list_changed: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) resource_subscriptions: BTreeSet<String>,
}

impl Filter {
    /// What the parameters of `subscriptions/listen` ask for.
    pub(super) fn asked(request: &Request) -> Option<Self> {
        #[derive(Deserialize)]
        struct Params {
            notifications: Filter,
        }
        let params: Params = serde_json::from_slice(request.params()?).ok()?;
        Some(params.notifications)
    }

    /// All of it that a server with these capabilities (JSON text, a member `capabilities`) can
    /// tell.
    pub(crate) fn told_by(mut self, server: &[u8]) -> Self {
        let server: serde_json::Value = serde_json::from_slice(server).unwrap_or_default();
        let can = |path: &str| server.pointer(path).and_then(serde_json::Value::as_bool);
        let can = |path| can(path).unwrap_or_default();
        self.tools_list_changed &= can("/capabilities/tools/listChanged");
        self.prompts_list_changed &= can("/capabilities/prompts/listChanged");
        self.resources_list_changed &= can("/capabilities/resources/listChanged");
        if !can("/capabilities/resources/subscribe") {
            self.resource_subscriptions.clear();
        }
        while self.resource_subscriptions.len() > MAX_URIS {
            self.resource_subscriptions.pop_last();
        }
        self
    }

    /// Whether there is anything that is wanted.
    pub(crate) fn wants_anything(&self) -> bool {
        self.tools_list_changed
            || self.prompts_list_changed
            || self.resources_list_changed
            || !self.resource_subscriptions.is_empty()
    }

    /// Whether a notification is what is wanted.
    pub(super) fn wants(&self, notification: &Request) -> bool {
        match notification.method() {
            Method::ToolsChanged => self.tools_list_changed,
            Method::PromptsChanged => self.prompts_list_changed,
            Method::ResourcesChanged => self.resources_list_changed,
            Method::ResourceUpdated => {
                uri(notification).is_some_and(|uri| self.resource_subscriptions.contains(&uri))
            }
            _ => false,
        }
    }
}

/// The resource that a message names.
pub(crate) fn uri(message: &Request) -> Option<String> {
    #[derive(Deserialize)]
    struct Params {
        uri: String,
    }
    let params: Params = serde_json::from_slice(message.params()?).ok()?;
    Some(params.uri)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}
