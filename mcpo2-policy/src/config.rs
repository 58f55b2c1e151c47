use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod argument;
mod bundle;
mod conditions;
mod obligations;
mod read;
mod rule;
mod situation;
mod test;

pub use self::{
    argument::{ArgumentConfig, PredicateConfig, QuantifierConfig},
    bundle::{BundleConfig, LevelConfig},
    conditions::{
        AuthConfig, CallersConfig, ConditionsConfig, ItemsConfig, KindConfig, ModulesConfig,
    },
    obligations::{ApprovalConfig, ObligationsConfig},
    rule::{EffectConfig, ModeConfig, RuleConfig},
    situation::{CalendarConfig, DayConfig, SituationConfig, SpanConfig, TimeConfig},
    test::{GivenCaller, GivenConfig, GivenModule, GivenSituation, TestConfig},
};

/// A policy as it is written: rules whose order has no meaning.
///
/// What no rule allows is denied. Where several rules match, `deny` beats `require_approval`, and
/// that beats `allow`. [`compile`](Config::compile) makes a [`Policy`](crate::Policy) of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The rules of the platform. Without any, only the protocol's own methods pass.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
    /// The calendars that these rules name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calendars: BTreeMap<String, CalendarConfig>,
    /// What is expected of the policy; one that does otherwise is not loaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestConfig>,
    /// Rules of other authors: of the platform, of tenants and of projects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bundles: Vec<BundleConfig>,
}
