use serde::{Deserialize, Serialize};

use super::{ArgumentConfig, SituationConfig};

/// The conditions of a rule, or of an exception to it. All must hold; what is absent holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConditionsConfig {
    /// Who calls.
    #[serde(flatten)]
    pub callers: CallersConfig,
    /// Where what is addressed lives.
    #[serde(flatten)]
    pub modules: ModulesConfig,
    /// What is addressed, and how.
    #[serde(flatten)]
    pub items: ItemsConfig,
    /// When, from where, and in which environment.
    #[serde(flatten)]
    pub situation: SituationConfig,
}

/// The conditions on who calls. An absent list holds for anybody.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallersConfig {
    /// The tenants, one of which the caller must be of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// The roles, one of which the caller must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// The principal ids, one of which must be the caller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principals: Option<Vec<String>>,
    /// The projects of a tenant, for one of which the caller must work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<String>>,
    /// The scopes, one of which the caller's token must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The kinds, one of which the caller must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<KindConfig>>,
    /// The ways, by one of which the caller must have shown who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Vec<AuthConfig>>,
}

/// What calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KindConfig {
    /// A person.
    User,
    /// An agent.
    Agent,
    /// Another service.
    Service,
    /// Nobody knows.
    Anonymous,
}

/// How a caller shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuthConfig {
    /// Not at all.
    None,
    /// By an API key.
    ApiKey,
    /// By a token of an issuer.
    Jwt,
    /// By having started the gateway.
    Process,
    /// By what the host around us knows.
    Host,
}

/// The conditions on the module that owns what is addressed, as the registry knows it: nothing
/// that a caller says counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModulesConfig {
    /// The families, one of which the module must be of. Where no registry knows what is
    /// addressed, the family that the classifier found can make this hold, and never rules it
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub families: Option<Vec<String>>,
    /// The module ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules: Option<Vec<String>>,
    /// The regions, in one of which the module must run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
    /// The least tier of trust that the module must have, 0 to 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_tier: Option<u8>,
}

/// The conditions on what is addressed, and how.
///
/// Where one of `tools`, `prompts` and `resources` is there, the rule is about these only.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemsConfig {
    /// The methods, as globs (`tools/call`, `vendor/*`). Absent: every method that addresses a
    /// tool, prompt, resource, template or task. Methods that the protocol does not know, and
    /// the protocol's own (`initialize`, the lists), match only where they are named here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<String>>,
    /// The tools, as globs over the name that callers use; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// The prompts, as globs likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Vec<String>>,
    /// The resources, as globs over the normalised URI; `*` stops at `/`, `**` does not. Written
    /// without percent-encoding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<String>>,
    /// The conditions on the arguments of a tool or prompt; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Vec<ArgumentConfig>>,
}
