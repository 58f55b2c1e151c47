use std::num::{NonZeroU8, NonZeroU64};

use mcpo2_core::{Durability, Loudness};
use serde::{Deserialize, Serialize};

/// What the platform owes for a call that is let pass. Obligations of several rules join: the
/// stricter of each; different preambles deny the call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ObligationsConfig {
    /// The preamble profile that must apply, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preamble: Option<String>,
    /// The length in bytes over which a result becomes a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_result_bytes: Option<NonZeroU64>,
    /// What is blotted out of the result, by the names of what finds it (`email`, `secret`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redact: Option<Vec<String>>,
    /// The class whose rate the call must keep to. Those of several rules all count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_class: Option<String>,
    /// How loudly the decision is logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<LoudnessSchema>"))]
    pub log_level: Option<Loudness>,
    /// What waits until the record of the call is safe, where that is stricter than what the host
    /// has for all calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DurabilitySchema>"))]
    pub durability: Option<Durability>,
    /// The regions, in one of which the module must run, or the call is denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
}

/// Who may approve. Where several rules ask, somebody of each group has to, by the larger quorum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalConfig {
    /// The group whose members may approve.
    pub group: String,
    /// How many of them must; one if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<NonZeroU8>,
    /// How many seconds an approval holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<NonZeroU64>,
    /// Whether it must be another than who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_requester: Option<bool>,
}

#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
#[expect(dead_code, reason = "it mirrors a type of the core for the schema")]
enum LoudnessSchema {
    Debug,
    Info,
    Warn,
}

#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
#[expect(dead_code, reason = "it mirrors a type of the core for the schema")]
enum DurabilitySchema {
    Async,
    Group,
    Sync,
}
