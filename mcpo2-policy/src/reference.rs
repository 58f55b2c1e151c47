//! The policy as its text says it, without anything that makes it quick.

use mcpo2_core::Digest;

use crate::{
    Config, ConfigError, Engine, Explanation, Policy, Query, Verdict, Visibility,
    explain::explanation,
    native::{Rule, Said, gate},
};

/// The plain evaluator: every rule is asked everything, about each call and each entry of a list.
///
/// It is what [`Policy`] must agree with. It shares with it what a single condition means and what
/// rules that match come to, and nothing of how they are found.
///
/// ```
/// use mcpo2_core::{AuthMethod, Item, ItemKind, Method, Principal};
/// use mcpo2_policy::{Config, Engine, Query, Reference};
///
/// let config: Config = serde_json::from_str(
///     r#"{"rules": [{"id": "all", "effect": "allow", "tools": ["x__*"]}]}"#,
/// )?;
/// let (quick, plain) = (config.clone().compile()?, Reference::compile(config)?);
/// let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let tool = Item::new(ItemKind::Tool, "x__y");
/// let query = Query::new(&Method::ToolsCall, Some(&tool), &ada);
/// assert_eq!(quick.decide(&query).decided(), plain.decide(&query).decided());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reference(Policy);

impl Reference {
    /// The plain evaluator of what this says.
    ///
    /// # Errors
    ///
    /// As [`Config::compile`].
    pub fn compile(config: Config) -> Result<Self, ConfigError> {
        config.compile().map(Self)
    }

    /// Why it decides a query as it does.
    #[must_use]
    pub fn explain(&self, query: &Query<'_>) -> Explanation {
        let (outcome, shadow) = match gate(query) {
            Some(outcome) => (outcome, None),
            None => self.0.decided(&self.matching(query), query),
        };
        explanation(outcome, shadow, &self.0, query)
    }

    fn matching(&self, query: &Query<'_>) -> Vec<&Rule> {
        let rules = self.0.rules().iter();
        rules.filter(|rule| rule.matches(query)).collect()
    }
}

impl Engine for Reference {
    fn decide(&self, query: &Query<'_>) -> Verdict {
        let (outcome, shadow) = match gate(query) {
            Some(outcome) => (outcome, None),
            None => self.0.decided(&self.matching(query), query),
        };
        outcome.into_verdict(self.digest()).with_shadow(shadow)
    }

    fn visible(&self, query: &Query<'_>) -> Visibility {
        if gate(query).is_some() {
            return Visibility::Denied;
        }
        let mut said = Said::NOTHING;
        for rule in self.0.rules().iter().filter(|rule| !rule.origin.shadow) {
            said.hear(rule, rule.matched(query));
        }
        let levels = self.0.jurisdiction().enforced(query.principal());
        said.shows(levels, query)
    }

    fn digest(&self) -> Digest {
        self.0.digest()
    }
}
