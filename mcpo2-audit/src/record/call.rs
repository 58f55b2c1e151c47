use std::{borrow::Cow, sync::Arc};

use mcpo2_core::{
    AuthMethod, Digest, Family, Item, ItemKind, Principal, PrincipalId, PrincipalKind,
    ProtocolVersion, TenantId,
};
use serde::{Deserialize, Serialize};

use crate::{
    RecordId,
    text::{clip, clip_in_place},
};

const MAX_NAME: usize = 512;
pub(super) const MAX_LABEL: usize = 128;
pub(super) const MAX_ROLES: usize = 64;
const MAX_CAUSE: usize = 1024;

/// A call before it goes to a module: who asks for what, and why that is allowed. It is safe before
/// the module hears of it, where the durability of the call is not `async`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IntentRecord {
    /// Who called.
    pub principal: Caller,
    /// The label of the transport, where the edge gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Cow<'static, str>>,
    /// The address of the peer, where the edge gave one. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Box<str>>,
    /// The id of the trace, from `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Box<str>>,
    /// The generation of the configuration that it goes through, where the host counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// What is asked.
    pub request: Asked,
    /// The capability family, once classified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// What the layers found so far.
    pub facts: Vec<serde_json::Value>,
}

/// How a call ended that went to a module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// The record of its intent.
    pub intent: RecordId,
    /// What the layers found since.
    pub facts: Vec<serde_json::Value>,
    /// How it ended; `unknown` where a ledger was opened anew before it had.
    pub end: Ended,
}

impl IntentRecord {
    /// The whole call, now that it has ended so.
    #[must_use]
    pub fn ended(self, outcome: OutcomeRecord) -> CallRecord {
        let mut facts = self.facts;
        facts.extend(outcome.facts);
        CallRecord {
            principal: self.principal,
            transport: self.transport,
            remote: self.remote,
            trace: self.trace,
            generation: self.generation,
            request: self.request,
            family: self.family,
            facts,
            end: outcome.end,
        }
    }
}

/// A call that went to no module, from its coming to its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallRecord {
    /// Who called.
    pub principal: Caller,
    /// The label of the transport, where the edge gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Cow<'static, str>>,
    /// The address of the peer, where the edge gave one. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Box<str>>,
    /// The id of the trace, from `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Box<str>>,
    /// The generation of the configuration that it went through, where the host counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// What was asked.
    pub request: Asked,
    /// The capability family, once classified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// What the layers found, in their order, as it stands in the ledger, which may be of another
    /// version.
    pub facts: Vec<serde_json::Value>,
    /// How it ended.
    pub end: Ended,
}

/// Who called, as the authentication of the host established it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The tenant.
    pub tenant: TenantId,
    /// The caller's id in it. Personal: none where it was erased, or is not disclosed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PrincipalId>,
    /// The name by which records know the caller, the same until it is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonym: Option<Box<str>>,
    /// The kind of caller.
    pub kind: PrincipalKind,
    /// How it showed who it is.
    pub auth: AuthMethod,
    /// Its roles, 64 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Box<str>>,
    /// The scopes of its token, 64 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Box<str>>,
    /// The project that it works for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Box<str>>,
}

impl Caller {
    pub(super) fn bound(&mut self) {
        for labels in [&mut self.roles, &mut self.scopes] {
            labels.truncate(MAX_ROLES);
            let labels = labels.iter_mut();
            labels.for_each(|label| clip_in_place(label, MAX_LABEL));
        }
        if let Some(project) = &mut self.project {
            clip_in_place(project, MAX_LABEL);
        }
    }
}

impl From<&Principal> for Caller {
    fn from(principal: &Principal) -> Self {
        Self {
            tenant: principal.tenant().clone(),
            id: Some(principal.id().clone()),
            pseudonym: None,
            kind: principal.kind(),
            auth: principal.auth(),
            roles: principal.roles().take(MAX_ROLES).map(Into::into).collect(),
            scopes: principal.scopes().take(MAX_ROLES).map(Into::into).collect(),
            project: principal.project().map(Into::into),
        }
    }
}

/// What was asked: no contents, but their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The revision of the protocol.
    pub version: ProtocolVersion,
    /// The method, as the caller sent it, cut to 128 bytes.
    pub method: Cow<'static, str>,
    /// What it addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemRef>,
    /// The length of the whole message in bytes.
    pub bytes: u64,
    /// The length of its arguments in bytes.
    pub argument_bytes: u64,
    /// The digest of the whole message, keyed for this ledger.
    pub digest: Digest,
}

impl Asked {
    pub(crate) fn new(call: &mcpo2_core::Call, digest: Digest) -> Self {
        let request = call.request();
        let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self {
            version: call.version(),
            method: match request.method().known() {
                Some(name) => Cow::Borrowed(name),
                None => clip(request.method().as_str(), MAX_LABEL)
                    .into_string()
                    .into(),
            },
            item: request.item().map(ItemRef::of),
            bytes: length(request.bytes()),
            argument_bytes: request.arguments().map_or(0, length),
            digest,
        }
    }
}

/// What a request addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRef {
    /// The kind.
    pub kind: ItemKind,
    /// The name or URI that the caller sent, cut to 512 bytes. That of a resource or a template is
    /// personal: none where it was erased, or is not disclosed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
}

impl ItemRef {
    fn of(item: &Item) -> Self {
        let name = item.shared_name();
        Self {
            kind: item.kind(),
            name: Some(match name.len() <= MAX_NAME {
                true => Arc::clone(name),
                false => clip(name, MAX_NAME).into(),
            }),
        }
    }

    /// Whether its name may say something of a person: URIs do.
    pub(crate) fn is_personal(&self) -> bool {
        !matches!(
            self.kind,
            ItemKind::Tool | ItemKind::Prompt | ItemKind::Task
        )
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The error and what caused it, for the operator, cut to 1 KiB. Personal, as it may name what
    /// the caller sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<str>>,
    /// How many messages the reply had.
    pub messages: u64,
    /// The length of the messages in bytes.
    pub bytes: u64,
    /// The digest of the messages, keyed for this ledger; none where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The time from the coming of the call to its end, in microseconds.
    pub duration_us: u64,
}

/// The outcome of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// A result; or nothing, where nothing was to say.
    Ok,
    /// A result in which the tool says that it failed.
    ToolError,
    /// A JSON-RPC error.
    Error {
        /// Its code.
        code: i64,
    },
    /// A response that is no message of MCP.
    Unreadable,
    /// The policy denied it.
    Denied,
    /// There is no response, for this kind of error.
    Failed {
        /// The name of the [`ErrorKind`](mcpo2_core::ErrorKind).
        kind: Cow<'static, str>,
    },
    /// The caller, or the host, dropped it before its response came.
    Cancelled,
    /// The stream ended without a response, which the client may fetch elsewhere.
    Detached,
    /// The gateway stopped before it knew: what a module did with the call is not known.
    Unknown,
}

impl Outcome {
    /// The outcome and the cause of a call that ended in an error.
    pub(crate) fn of_error(error: &mcpo2_core::Error) -> (Self, Option<Box<str>>) {
        let cause = crate::text::chain(error, MAX_CAUSE);
        let outcome = match error.kind() {
            mcpo2_core::ErrorKind::Denied => Self::Denied,
            kind => Self::Failed {
                kind: Cow::Borrowed(kind.as_str()),
            },
        };
        (outcome, Some(cause))
    }
}

impl From<mcpo2_core::Outcome> for Outcome {
    fn from(outcome: mcpo2_core::Outcome) -> Self {
        match outcome {
            mcpo2_core::Outcome::Result => Self::Ok,
            mcpo2_core::Outcome::ToolError => Self::ToolError,
            mcpo2_core::Outcome::Error { code } => Self::Error { code },
            _ => Self::Unreadable,
        }
    }
}

impl CallRecord {
    pub(super) fn bound(&mut self) {
        self.principal.bound();
        if let Some(remote) = &mut self.remote {
            clip_in_place(remote, MAX_LABEL);
        }
    }
}
