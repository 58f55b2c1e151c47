use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CalendarConfig, ModeConfig, RuleConfig, TestConfig};

/// A bundle: rules of one author, which can only restrict what the levels above allow.
///
/// The rules of a [`Config`](super::Config) itself are of the platform. Where a bundle of a tenant
/// or project has jurisdiction over a caller, its level must allow too, and the most restrictive
/// level decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BundleConfig {
    /// Its name.
    pub id: String,
    /// Its version, as its author counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whose rules these are.
    #[serde(default)]
    pub level: LevelConfig,
    /// The tenants over which it has jurisdiction; for the levels `tenant` and `project`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<String>,
    /// The projects of these tenants over which it has jurisdiction; for the level `project`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// Whether it counts.
    #[serde(default)]
    pub mode: ModeConfig,
    /// The calendars that its rules name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calendars: BTreeMap<String, CalendarConfig>,
    /// Its rules.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
    /// What its author expects of the policy; a policy that does otherwise is not loaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestConfig>,
}

/// Whose rules a bundle has, widest first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LevelConfig {
    /// Of the platform: for every caller.
    #[default]
    Platform,
    /// Of tenants.
    Tenant,
    /// Of projects of tenants.
    Project,
}
