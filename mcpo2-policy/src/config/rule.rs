use serde::{Deserialize, Serialize};

use super::{ApprovalConfig, ConditionsConfig, ObligationsConfig};

/// One rule: it matches a call where all its conditions hold and none of its exceptions does.
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
    /// Whether it counts; in `shadow`, what it would change is only counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ModeConfig>,
    /// When it matches.
    #[serde(flatten)]
    pub conditions: ConditionsConfig,
    /// The exceptions: where all conditions of one of them hold, it does not match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Vec<ConditionsConfig>>,
    /// What the platform owes for a call that this rule lets pass; not for `deny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligations: Option<ObligationsConfig>,
    /// Who may approve; needed for `require_approval`, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalConfig>,
    /// Why, for the operator; callers never see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a caller is told whom this rule denies something that it sees in a list: a word such as
    /// `POLICY_PATH`. Without it, what is denied looks unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_code: Option<String>,
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

/// Whether a rule or bundle counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModeConfig {
    /// It decides.
    #[default]
    Enforce,
    /// It decides nothing. Where it would have changed a decision, that is counted and recorded.
    Shadow,
}
