use std::{collections::BTreeSet, sync::Arc};

use mcpo2_core::ApprovalState;
use mcpo2_policy::{EffectConfig, Policy, RuleConfig};

use super::{Context, Diagnostic, unknown};
use crate::config::{Config, Module};

/// Checks the policy: by itself, against what there is, and what there is against it.
pub(super) fn check(context: &mut Context<'_>) -> Option<Arc<Policy>> {
    let compiled = Policy::try_from(&context.config.policy);
    if let Err(error) = &compiled {
        let path = format!("policy/{}", error.path());
        let message = match error.rule() {
            "" => error.problem().to_owned(),
            rule => format!("rule `{rule}`: {}", error.problem()),
        };
        context.value(&path, Diagnostic::error("invalid-policy", message));
    }
    check_rules(context);
    check_environment(context);
    check_use(context);
    compiled.ok().map(Arc::new)
}

fn check_rules(context: &mut Context<'_>) {
    let families = families(context.config);
    let tenants = tenants(context.config);
    for (index, rule) in context.config.policy.rules.iter().enumerate() {
        let path = format!("policy/rules/{index}");
        check_modules(context, &path, rule);
        check_families(context, &path, rule, &families);
        check_tenants(context, &path, rule, tenants.as_ref());
        check_preamble(context, &path, rule);
    }
}

/// Where nobody says which environment this is, a condition on it cannot be known.
fn check_environment(context: &mut Context<'_>) {
    let config = context.config;
    if config.environment.is_some() {
        return;
    }
    let rules = config.policy.rules.iter().enumerate();
    let named = rules.filter(|(_, rule)| rule.conditions.situation.environments.is_some());
    for (index, _) in named {
        let message = "the rule asks for the environment, and `environment` is not said";
        let finding = Diagnostic::warning("no-environment", message)
            .help("say at the top which one this gateway serves, such as `environment: prod`");
        context.value(&format!("policy/rules/{index}/environments"), finding);
    }
}

/// A module that nobody may call was forgotten in the rules.
fn check_use(context: &mut Context<'_>) {
    for (index, module) in context.config.modules.iter().enumerate() {
        let is_used = module.approval != ApprovalState::Approved
            || context
                .config
                .policy
                .rules
                .iter()
                .any(|rule| may_allow(rule, module));
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

/// A rule about a module that is not there is a typing error, and where it denies, a hole.
fn check_modules(context: &mut Context<'_>, path: &str, rule: &RuleConfig) {
    let known = || {
        context
            .config
            .modules
            .iter()
            .map(|module| module.id.as_str())
    };
    let named = rule.conditions.modules.modules.iter().flatten().enumerate();
    let missing: Vec<_> = named
        .filter(|(_, name)| !known().any(|id| id == name.as_str()))
        .map(|(at, name)| (at, unknown("module", name, known())))
        .collect();
    for (at, (message, help)) in missing {
        let finding = Diagnostic::error("unknown-module", message).maybe_help(help);
        context.value(&format!("{path}/modules/{at}"), finding);
    }
}

fn check_families(
    context: &mut Context<'_>,
    path: &str,
    rule: &RuleConfig,
    families: &BTreeSet<&str>,
) {
    for (at, name) in rule
        .conditions
        .modules
        .families
        .iter()
        .flatten()
        .enumerate()
    {
        if !families.contains(name.as_str()) {
            let (message, help) = unknown("module of family", name, families.iter().copied());
            let finding = Diagnostic::warning("unknown-family", message).maybe_help(help);
            context.value(&format!("{path}/families/{at}"), finding);
        }
    }
}

/// The tenants of those who may call; none where tokens name them, and any may come.
pub(super) fn tenants(config: &Config) -> Option<BTreeSet<&str>> {
    let identity = &config.identity;
    let anonymous = identity
        .anonymous
        .iter()
        .map(|anonymous| anonymous.tenant.as_str());
    let tenants: BTreeSet<_> = identity
        .api_keys
        .iter()
        .map(|key| key.tenant.as_str())
        .chain(anonymous)
        .collect();
    (identity.jwt.is_none() && !tenants.is_empty()).then_some(tenants)
}

fn check_tenants(
    context: &mut Context<'_>,
    path: &str,
    rule: &RuleConfig,
    tenants: Option<&BTreeSet<&str>>,
) {
    let Some(tenants) = tenants else {
        return;
    };
    for (at, name) in rule.conditions.callers.tenants.iter().flatten().enumerate() {
        if !tenants.contains(name.as_str()) {
            let (message, help) = unknown("caller of tenant", name, tenants.iter().copied());
            let finding = Diagnostic::warning("unknown-tenant", message).maybe_help(help);
            context.value(&format!("{path}/tenants/{at}"), finding);
        }
    }
}

fn check_preamble(context: &mut Context<'_>, path: &str, rule: &RuleConfig) {
    let name = rule
        .obligations
        .as_ref()
        .and_then(|obligations| obligations.preamble.as_deref());
    let profiles = &context.config.preamble.profiles;
    let Some(name) = name.filter(|name| !profiles.iter().any(|known| *known.id == **name)) else {
        return;
    };
    let (message, help) = unknown(
        "preamble profile",
        name,
        profiles.iter().map(|known| &*known.id),
    );
    let finding = Diagnostic::error("unknown-profile", message).maybe_help(help);
    context.value(&format!("{path}/obligations/preamble"), finding);
}

/// The families that a call can be of: those of the modules, and those that text can speak of.
fn families(config: &Config) -> BTreeSet<&str> {
    let modules = config.modules.iter().map(|module| module.family.as_str());
    modules
        .chain(config.classify.families.keys().map(AsRef::as_ref))
        .collect()
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
