//! The flat shape of policies, as other gateways write them, read unchanged.
//!
//! ```
//! use mcpo2_policy::{Config, flat::FlatConfig};
//!
//! let flat: FlatConfig = serde_json::from_str(
//!     r#"{"policies": [{
//!         "name": "dev reads", "effect": "allow", "principals": ["token:dev-team", "role:dev"],
//!         "actions": ["tools/call"], "resources": ["postgres-query:select_*"],
//!         "conditions": {"environment": "dev"}
//!     }]}"#,
//! )?;
//! let bundle = flat.to_bundle("dev")?.bundle;
//! assert_eq!(bundle.rules[0].id, "dev-reads/roles");
//! assert_eq!(bundle.rules[1].conditions.items.tools, Some(vec!["postgres-query__select_*".into()]));
//! Config { bundles: vec![bundle], ..Config::default() }.compile()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What its fields become:
//!
//! | flat | here |
//! |---|---|
//! | `name` | `id`, with `-` for blanks; a policy about callers of several kinds becomes a rule for each, `name/roles` |
//! | `principals: ["*"]` | no condition |
//! | `token:X` | `principals: [X]`, `auth: [api_key]`: the key of that id. A role would be what many keys share, and a caller with a token of an issuer could have it too |
//! | `user:X`, `agent:X`, `service:X` | `principals: [X]` and `kinds` |
//! | `role:X` | `roles: [X]` |
//! | `actions: ["*"]` | no condition: every method that addresses something |
//! | `actions: ["tools/call"]` | `methods` |
//! | `resources: ["*"]` | no condition |
//! | `a:b` | the tool or prompt `a__b`, where `b` may be a glob |
//! | `name` without `__` | the tool or prompt `name`, of any module: `name` and `*__name` |
//! | `scheme://…` | `resources` |
//! | `conditions` | `environment`, `network`, `tenant`, `project`, `scope`, `family`, `region`: one text or a list |
//!
//! There are no priorities: a deny wins wherever it stands.

mod principal;
mod resource;
mod texts;

use serde::{Deserialize, Serialize};

pub use self::texts::Texts;

use self::{principal::Callers, resource::items};
use crate::{
    config::{BundleConfig, EffectConfig, LevelConfig, ModeConfig, RuleConfig},
    error::{ConfigError, Fault},
};

/// Policies in the flat shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FlatConfig {
    /// The policies, whose order has no meaning.
    pub policies: Vec<FlatPolicy>,
}

/// One policy of the flat shape.
///
/// The three lists must be there: one that was left out would widen it unseen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FlatPolicy {
    /// Its name, unique among them.
    pub name: String,
    /// What follows where it matches.
    pub effect: FlatEffect,
    /// Who calls: `token:ID`, `user:ID`, `agent:ID`, `service:ID`, `role:NAME`, or `*`.
    pub principals: Vec<String>,
    /// The methods: `tools/call`, or `*`.
    pub actions: Vec<String>,
    /// What is called: `module:tool`, `tool`, `scheme://…`, or `*`.
    pub resources: Vec<String>,
    /// When it matches.
    #[serde(default, skip_serializing_if = "FlatConditions::is_empty")]
    pub conditions: FlatConditions,
}

/// What follows where a policy of the flat shape matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FlatEffect {
    /// The call may go on, unless another policy denies it.
    Allow,
    /// The call may not go on.
    Deny,
}

/// The conditions of a policy of the flat shape. All must hold; of a list, one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FlatConditions {
    /// The environment that the gateway serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Texts>,
    /// The network from which the request comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Texts>,
    /// The tenant of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Texts>,
    /// The project of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Texts>,
    /// A scope of the caller's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Texts>,
    /// The family of the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Texts>,
    /// The region of the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Texts>,
}

/// A bundle that was made of the flat shape, and what each of its rules was made of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Flattened {
    /// The bundle, of the level of the platform.
    pub bundle: BundleConfig,
    /// For each rule the position of its policy.
    pub policies: Vec<usize>,
}

impl FlatConfig {
    /// The bundle that these policies are.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the entry that means nothing here: `policies/0/principals/1`.
    pub fn to_bundle(&self, id: impl Into<String>) -> Result<Flattened, ConfigError> {
        let (mut rules, mut policies) = (Vec::new(), Vec::new());
        for (at, policy) in self.policies.iter().enumerate() {
            let made = policy.rules().map_err(|fault| {
                ConfigError::of_bundle(None, fault.within(&format!("policies[{at}]")))
            })?;
            policies.extend(std::iter::repeat_n(at, made.len()));
            rules.extend(made);
        }
        let bundle = BundleConfig {
            id: id.into(),
            version: None,
            level: LevelConfig::Platform,
            tenants: Vec::new(),
            projects: Vec::new(),
            mode: ModeConfig::Enforce,
            calendars: std::collections::BTreeMap::new(),
            rules,
            tests: Vec::new(),
        };
        Ok(Flattened { bundle, policies })
    }
}

impl Flattened {
    /// Where in the flat shape stands what is at this path in the bundle, such as
    /// `rules/2/tools/0`.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        let mut steps = path.split('/');
        let (first, rule, field) = (steps.next(), steps.next(), steps.next().unwrap_or_default());
        let rule = rule.and_then(|rule| rule.parse::<usize>().ok());
        let policy = rule.and_then(|rule| self.policies.get(rule));
        let (Some("rules"), Some(policy)) = (first, policy) else {
            return path.to_owned();
        };
        let field = match field {
            "principals" | "roles" | "kinds" | "auth" => "principals",
            "methods" => "actions",
            "tools" | "prompts" | "resources" => "resources",
            "environments" => "conditions/environment",
            "networks" => "conditions/network",
            "tenants" => "conditions/tenant",
            "projects" => "conditions/project",
            "scopes" => "conditions/scope",
            "families" => "conditions/family",
            "regions" => "conditions/region",
            "effect" => "effect",
            _ => "name",
        };
        format!("policies/{policy}/{field}")
    }
}

impl FlatPolicy {
    fn rules(&self) -> Result<Vec<RuleConfig>, Fault> {
        let id = self.name.split_whitespace().collect::<Vec<_>>().join("-");
        let reason = (id != self.name).then(|| self.name.clone());
        let callers = Callers::of(&self.principals)?;
        let is_one = callers.len() == 1;
        let items = items(&self.actions, &self.resources)?;
        let rules = callers.into_iter().map(
            |Callers {
                 what,
                 mut conditions,
             }| {
                self.conditions.narrow(&mut conditions);
                conditions.items = items.clone();
                RuleConfig {
                    id: if is_one {
                        id.clone()
                    } else {
                        format!("{id}/{what}")
                    },
                    effect: self.effect.into(),
                    mode: None,
                    conditions,
                    unless: None,
                    obligations: None,
                    approval: None,
                    reason: reason.clone(),
                    public_code: None,
                }
            },
        );
        Ok(rules.collect())
    }
}

impl FlatConditions {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn narrow(&self, conditions: &mut crate::ConditionsConfig) {
        let list = |texts: &Option<Texts>| texts.as_ref().map(|texts| texts.0.clone());
        let (callers, modules) = (&mut conditions.callers, &mut conditions.modules);
        callers.tenants = list(&self.tenant);
        callers.projects = list(&self.project);
        callers.scopes = list(&self.scope);
        modules.families = list(&self.family);
        modules.regions = list(&self.region);
        conditions.situation.environments = list(&self.environment);
        conditions.situation.networks = list(&self.network);
    }
}

impl From<FlatEffect> for EffectConfig {
    fn from(effect: FlatEffect) -> Self {
        match effect {
            FlatEffect::Allow => Self::Allow,
            FlatEffect::Deny => Self::Deny,
        }
    }
}
