use std::collections::BTreeMap;

use mcpo2_core::{Digest, Family, ModuleId, TenantId};
use serde::{Deserialize, Serialize};

use crate::{ConfigError, Profiles};

/// Which preambles there are, and to which calls each applies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The profiles.
    pub profiles: Vec<ProfileConfig>,
    /// To which calls each profile applies. Their order means nothing: where two match the same
    /// call they must choose the same profile.
    pub select: Vec<Selection>,
    /// Families of which no call may go on without a profile.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub required_families: Vec<Family>,
    /// Modules that take the text in an argument, by module id.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, Slot>"))]
    pub slots: BTreeMap<ModuleId, Slot>,
    /// Modules that are told id, version and digest in `_meta`, under `dev.mcpo2/preamble`.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub announce: Vec<ModuleId>,
    /// The profile whose text is the gateway's own `instructions`: one for all, or one per tenant.
    pub instructions: Option<InstructionsConfig>,
}

/// One profile: a text, and the name and digest by which it is known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileConfig {
    /// Its id, unique: 1 to 64 of `a-z`, `A-Z`, `0-9`, `.`, `_` and `-`.
    pub id: Box<str>,
    /// Its version, of the same form.
    pub version: Box<str>,
    /// The text, at most 16 KiB, used as it is: it has no placeholders.
    pub text: Box<str>,
    /// The digest that the text must have, `b3:` and 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub digest: Option<Digest>,
}

/// Calls to which one profile applies. An empty list means all; each list that is not empty must
/// match.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The id of the profile.
    pub profile: Box<str>,
    /// Families of the module, as it is registered.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub families: Vec<Family>,
    /// Tenants of the caller.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub tenants: Vec<TenantId>,
    /// Modules.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub modules: Vec<ModuleId>,
}

/// Where a module takes the text of its preamble.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// The argument of its tools and prompts that takes the text. No caller may set it.
    pub argument: Box<str>,
}

/// Whose `instructions` are which profile's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum InstructionsConfig {
    /// This profile's for everybody.
    Everybody(Box<str>),
    /// By tenant; other tenants have none.
    ByTenant(
        #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, String>"))]
        BTreeMap<TenantId, Box<str>>,
    ),
}

impl Config {
    /// Checks the profiles and their selection.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says which profile, selection or module is wrong. A text that is not the
    /// one which was pinned is refused, and so are two selections that must contradict each other.
    pub fn compile(self) -> Result<Profiles, ConfigError> {
        Profiles::compile(self)
    }
}
