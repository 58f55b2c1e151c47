use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// One condition on an argument: a pointer and exactly one predicate.
///
/// Where the argument is missing, or of a type that the predicate cannot read, whether it holds
/// is unknown (only `present` knows). So a `deny` on `/force` matches a call without `force` too;
/// a second condition, `present: true` on the same pointer, exempts it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ArgumentConfig {
    /// Which argument, as a JSON pointer (RFC 6901): `/path`, `/options/depth`, `/files/0`.
    pub pointer: String,
    /// The argument is a list, of whose items `any` or `all` must fulfil the predicate. Of an empty
    /// list none does, and so all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<QuantifierConfig>,
    /// What must hold of it.
    #[serde(flatten)]
    pub predicate: PredicateConfig,
}

/// Of how many items of a list something must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuantifierConfig {
    /// Of one at least.
    Any,
    /// Of each.
    All,
}

/// What must hold of an argument: exactly one of these is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PredicateConfig {
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
    /// A text of SQL in which no other verbs stand than these (`select`, `insert`). A text whose
    /// quotes two databases could read differently is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_within: Option<Vec<String>>,
}
