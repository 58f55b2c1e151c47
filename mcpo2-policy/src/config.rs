use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

mod read;

/// A policy as it is written: rules whose order has no meaning.
///
/// What no rule allows is denied. Where several rules match, `deny` beats `require_approval`, and
/// that beats `allow`. [`compile`](Config::compile) makes a [`Policy`](crate::Policy) of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The rules. Without any, only the protocol's own methods pass.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
}

/// One rule: it matches a call where all its conditions hold.
///
/// A condition that cannot be known, such as on an argument that is missing or on the module of
/// an unknown tool, never lets an `allow` match, and always lets a `deny` or a
/// `require_approval` match.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Its name, unique in the policy, in every decision and record; `sys:` is reserved.
    pub id: String,
    /// What follows where it matches.
    pub effect: EffectConfig,
    /// Who calls.
    #[serde(flatten)]
    pub callers: CallersConfig,
    /// Where what is addressed lives.
    #[serde(flatten)]
    pub modules: ModulesConfig,
    /// What is addressed, and how.
    #[serde(flatten)]
    pub items: ItemsConfig,
    /// What the platform owes for a call that this rule lets pass; not for `deny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligations: Option<ObligationsConfig>,
    /// Who may approve; needed for `require_approval`, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalConfig>,
    /// Why, for the operator; callers never see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What follows where a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EffectConfig {
    /// The call may go on, unless another rule says otherwise.
    Allow,
    /// The call may go on once somebody has approved it.
    RequireApproval,
    /// The call may not go on, whatever other rules say.
    Deny,
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

/// One condition on an argument: a pointer and exactly one predicate.
///
/// Where the argument is missing, or of a type that the predicate cannot read, whether it holds
/// is unknown (only `present` knows). So a `deny` on `/force` matches a call without `force` too;
/// a second condition, `present: true` on the same pointer, exempts it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ArgumentConfig {
    /// Which argument, as a JSON pointer (RFC 6901): `/path`, `/options/depth`, `/files/0`.
    pub pointer: String,
    /// A path or URL that this glob matches after `..`, `.` and `//` are resolved. `*` stops at
    /// `/`, `**` does not. A path that leaves its root, or that servers read differently
    /// (backslash, percent-encoding, `~`, relative to an unknown directory), is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glob: Option<String>,
    /// A text that begins with this one, to the letter. For paths use `glob`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// A text that this regular expression matches as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// One of these texts, numbers or truth values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    /// This text, number or truth value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// A number that is not less. A number with more than fifteen digits is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Number>,
    /// A number that is not greater. A number with more than fifteen digits is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Number>,
    /// Whether the argument is there at all; `null` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<bool>,
}

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
}

/// Who may approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalConfig {
    /// The group, one of whose members must approve.
    pub group: String,
}
