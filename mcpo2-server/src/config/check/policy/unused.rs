use mcpo2_core::ApprovalState;
use mcpo2_policy::{EffectConfig, LevelConfig, RuleConfig};

use crate::config::{
    Config, Module,
    check::{Context, Diagnostic},
};

/// A module that nobody may call was forgotten in the rules.
pub(super) fn check(context: &mut Context<'_>) {
    let config = context.config;
    for (index, module) in config.modules.iter().enumerate() {
        let is_used = module.approval != ApprovalState::Approved
            || platform(config).any(|rule| may_allow(rule, module));
        if !is_used {
            let message = format!("no rule of the policy ever allows module `{}`", module.id);
            let finding = Diagnostic::warning("unused-module", message).help(format!(
                "add a rule with `effect: allow` and `modules: [{}]`",
                module.id
            ));
            context.value(&format!("modules/{index}/id"), finding);
        }
    }
}

/// The rules of the platform, without one of which nothing is allowed.
fn platform(config: &Config) -> impl Iterator<Item = &RuleConfig> {
    let bundles = config.policy.bundles.iter();
    let bundles = bundles.filter(|bundle| bundle.level == LevelConfig::Platform);
    let rules = config.policy.rules.iter();
    rules.chain(bundles.flat_map(|bundle| &bundle.rules))
}

/// Whether a rule can let a call to this module pass, whoever calls.
fn may_allow(rule: &RuleConfig, module: &Module) -> bool {
    let holds = |names: &Option<Vec<String>>, name: &str| {
        names
            .as_ref()
            .is_none_or(|names| names.iter().any(|known| known == name))
    };
    let conditions = &rule.conditions.modules;
    let in_region = match (&conditions.regions, &module.region) {
        (Some(regions), Some(region)) => regions.iter().any(|known| known == region.as_str()),
        (Some(_), None) => false,
        (None, _) => true,
    };
    rule.effect != EffectConfig::Deny
        && holds(&conditions.modules, module.id.as_str())
        && holds(&conditions.families, module.family.as_str())
        && conditions.min_tier.is_none_or(|tier| tier <= module.tier)
        && in_region
        && names_item_of(rule, module)
}

/// Whether the tools and prompts that a rule names can be this module's: `ID__…`, or a glob that
/// does not say whose.
fn names_item_of(rule: &RuleConfig, module: &Module) -> bool {
    let items = &rule.conditions.items;
    if items.resources.is_some() {
        return true;
    }
    let mut named = items
        .tools
        .iter()
        .chain(&items.prompts)
        .flatten()
        .peekable();
    if named.peek().is_none() {
        return true;
    }
    named.any(|glob| match glob.split_once("__") {
        Some((owner, _)) => owner.contains(['*', '?', '[', '{']) || owner == module.id.as_str(),
        None => true,
    })
}
