use mcpo2_core::{Decided, Effect};
use mcpo2_policy::Tally;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::metrics::{Metrics, Name};

/// What the policy decided, and what followed from it. The names are those of the configuration.
#[derive(Debug)]
pub(super) struct PolicyMetrics {
    decisions: Family<Decision, Counter>,
    divergence: Family<Divergence, Counter>,
    redactions: Family<Finder, Counter>,
    refusals: Family<Class, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decision {
    effect: &'static str,
    family: Name,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Divergence {
    rule: String,
    from: &'static str,
    to: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Finder {
    finder: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Class {
    class: String,
}

impl PolicyMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let (decisions, divergence) = (Family::default(), Family::default());
        let (redactions, refusals) = (Family::default(), Family::default());
        registry.register(
            "mcpo2_policy_decisions",
            "Policy decisions",
            Family::clone(&decisions),
        );
        registry.register(
            "mcpo2_policy_divergence",
            "Decisions that rules in shadow mode would change",
            Family::clone(&divergence),
        );
        registry.register(
            "mcpo2_policy_redactions",
            "Texts that were blotted out of results",
            Family::clone(&redactions),
        );
        registry.register(
            "mcpo2_policy_rate_refusals",
            "Calls that did not keep to the rate of a class",
            Family::clone(&refusals),
        );
        Self {
            decisions,
            divergence,
            redactions,
            refusals,
        }
    }

    pub(super) fn decided(&self, decided: &Decided, family: &Name) {
        let (effect, family) = (effect(decided.effect), family.clone());
        let labels = Decision { effect, family };
        self.decisions.get_or_create(&labels).inc();
        let Some(shadow) = &decided.shadow else {
            return;
        };
        let count = |rule: &str| {
            let labels = Divergence {
                rule: rule.to_owned(),
                from: effect,
                to: self::effect(shadow.effect),
            };
            self.divergence.get_or_create(&labels).inc();
        };
        match shadow.rules.is_empty() {
            true => count("none"),
            false => shadow.rules.iter().for_each(|rule| count(rule.as_str())),
        }
    }
}

impl Tally for Metrics {
    fn redacted(&self, finder: &str, count: u64) {
        let finder = finder.to_owned();
        let counter = self.policy().redactions.get_or_create(&Finder { finder });
        counter.inc_by(count);
    }

    fn rate_refused(&self, class: &str) {
        let class = class.to_owned();
        self.policy().refusals.get_or_create(&Class { class }).inc();
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::RequireApproval => "require_approval",
        Effect::Deny => "deny",
    }
}
