use std::collections::HashSet;

use mcpo2_core::{Digest, Effect, NameError, Obligations, PrincipalId, RuleId, TenantId};

use super::{
    Policy, Rule,
    argument::ArgumentCondition,
    condition::{Condition, Items},
    expression::Expressions,
    pattern::{NameGlob, PathGlob},
};
use crate::{
    config::{CallersConfig, Config, EffectConfig, ItemsConfig, ModulesConfig, RuleConfig},
    error::{ConfigError, Fault},
    reserved,
};

const MAX_RULES: usize = 100_000;
/// How many entries all lists of all rules may have together: each may take a compiled pattern.
const MAX_ENTRIES: usize = 500_000;
const MAX_TEXT: usize = 4096;

impl Config {
    /// The policy that this says, or the first thing that is wrong with it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the rule and the field.
    pub fn compile(self) -> Result<Policy, ConfigError> {
        Policy::try_from(&self)
    }

    /// The digest of the [`Policy`] that this says: neither the order of the rules nor the
    /// formatting of a file counts.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut rules: Vec<&RuleConfig> = self.rules.iter().collect();
        rules.sort_by(|one, two| one.id.cmp(&two.id));
        // Strings, numbers and lists: their JSON cannot fail.
        let canonical = serde_json::to_string(&rules).unwrap_or_default();
        Digest::of(format!("mcpo2.policy/v1 {canonical}").as_bytes())
    }
}

/// As [`Config::compile`], where the configuration is still needed.
impl TryFrom<&Config> for Policy {
    type Error = ConfigError;

    fn try_from(written: &Config) -> Result<Self, ConfigError> {
        let mut seen = HashSet::new();
        let mut entries = 0_usize;
        let expressions = Expressions::default();
        let mut rules = Vec::new();
        for (index, config) in written.rules.iter().enumerate() {
            let compiled = if index >= MAX_RULES {
                Err(Fault::new(
                    "id",
                    format!("is one rule more than the {MAX_RULES} allowed"),
                ))
            } else if !seen.insert(config.id.as_str()) {
                Err(Fault::new("id", "is the id of another rule too"))
            } else {
                entries = entries.saturating_add(lists(config));
                within(entries).and_then(|()| rule(config, &expressions))
            };
            rules.push(compiled.map_err(|fault| ConfigError::new(index, &config.id, fault))?);
        }
        Ok(Self::new(rules, written.digest()))
    }
}

fn rule(config: &RuleConfig, expressions: &Expressions) -> Result<Rule, Fault> {
    let id = named(RuleId::new(&config.id), "id")?;
    if config.id.starts_with(reserved::PREFIX) {
        return Err(Fault::new("id", "begins with `sys:`, which is reserved"));
    }
    if config
        .reason
        .as_ref()
        .is_some_and(|reason| reason.len() > MAX_TEXT)
    {
        return Err(Fault::new(
            "reason",
            format!("has at most {MAX_TEXT} bytes"),
        ));
    }
    let mut conditions = methods_and_items(&config.items, expressions)?;
    callers(&config.callers, &mut conditions)?;
    modules(&config.modules, &mut conditions)?;
    for (at, argument) in list(config.items.arguments.as_deref(), "arguments")?.enumerate() {
        let compiled = ArgumentCondition::compile(argument, expressions);
        let compiled = compiled.map_err(|fault| fault.within(&format!("arguments[{at}]")))?;
        conditions.push(Condition::Argument(compiled));
    }
    Ok(Rule {
        id,
        effect: effect(config.effect),
        conditions,
        obligations: obligations(config)?,
        group: group(config)?,
        reason: config.reason.as_deref().map(Into::into),
    })
}

fn effect(config: EffectConfig) -> Effect {
    match config {
        EffectConfig::Allow => Effect::Allow,
        EffectConfig::RequireApproval => Effect::RequireApproval,
        EffectConfig::Deny => Effect::Deny,
    }
}

fn methods_and_items(
    config: &ItemsConfig,
    expressions: &Expressions,
) -> Result<Vec<Condition>, Fault> {
    let names = |globs: &Option<Vec<String>>, field| {
        each(globs.as_deref(), field, |glob| {
            NameGlob::new(glob, expressions)
        })
    };
    let mut conditions = vec![match &config.methods {
        None => Condition::Addressing,
        Some(_) => Condition::Methods(names(&config.methods, "methods")?),
    }];
    if config.tools.is_some() || config.prompts.is_some() || config.resources.is_some() {
        conditions.push(Condition::Items(Items {
            tools: names(&config.tools, "tools")?,
            prompts: names(&config.prompts, "prompts")?,
            resources: each(config.resources.as_deref(), "resources", |glob| {
                PathGlob::for_resources(glob, expressions)
            })?,
        }));
    }
    Ok(conditions)
}

fn callers(config: &CallersConfig, to: &mut Vec<Condition>) -> Result<(), Fault> {
    let CallersConfig {
        tenants,
        roles,
        principals,
    } = config;
    if tenants.is_some() {
        let checked = |name: &str| TenantId::new(name).map(|id| id.as_str().into());
        to.push(Condition::Tenants(each(
            tenants.as_deref(),
            "tenants",
            checked,
        )?));
    }
    if roles.is_some() {
        let checked = |name: &str| match name.len() {
            1..=MAX_TEXT => Ok(name.into()),
            _ => Err(format!("has 1 to {MAX_TEXT} bytes")),
        };
        to.push(Condition::Roles(each(roles.as_deref(), "roles", checked)?));
    }
    if principals.is_some() {
        let checked = |name: &str| PrincipalId::new(name).map(|id| id.as_str().into());
        to.push(Condition::Principals(each(
            principals.as_deref(),
            "principals",
            checked,
        )?));
    }
    Ok(())
}

fn modules(config: &ModulesConfig, to: &mut Vec<Condition>) -> Result<(), Fault> {
    if config.families.is_some() {
        let families = each(config.families.as_deref(), "families", str::parse)?;
        to.push(Condition::Families(families));
    }
    if config.modules.is_some() {
        let modules = each(config.modules.as_deref(), "modules", str::parse)?;
        to.push(Condition::Modules(modules));
    }
    if config.regions.is_some() {
        let regions = each(config.regions.as_deref(), "regions", str::parse)?;
        to.push(Condition::Regions(regions));
    }
    match config.min_tier {
        Some(tier) if tier > 4 => Err(Fault::new("min_tier", "is 0 to 4")),
        Some(tier) => {
            to.push(Condition::MinTier(tier));
            Ok(())
        }
        None => Ok(()),
    }
}

fn obligations(config: &RuleConfig) -> Result<Obligations, Fault> {
    let mut obligations = Obligations::default();
    let Some(given) = &config.obligations else {
        return Ok(obligations);
    };
    if config.effect != EffectConfig::Allow {
        return Err(Fault::new("obligations", "belong to `effect: allow`"));
    }
    if let Some(preamble) = &given.preamble {
        if !(1..=128).contains(&preamble.len()) {
            return Err(Fault::new("obligations.preamble", "has 1 to 128 bytes"));
        }
        obligations.preamble = Some(preamble.as_str().into());
    }
    obligations.max_result_bytes = given.max_result_bytes;
    Ok(obligations)
}

fn group(config: &RuleConfig) -> Result<Box<str>, Fault> {
    match (&config.approval, config.effect) {
        (Some(approval), EffectConfig::RequireApproval) => {
            if !(1..=128).contains(&approval.group.len()) {
                return Err(Fault::new("approval.group", "has 1 to 128 bytes"));
            }
            Ok(approval.group.as_str().into())
        }
        (None, EffectConfig::RequireApproval) => Err(Fault::new(
            "approval",
            "is missing: it names the group that approves",
        )),
        (Some(_), _) => Err(Fault::new(
            "approval",
            "belongs to `effect: require_approval`",
        )),
        (None, _) => Ok("".into()),
    }
}

fn each<T, E: std::fmt::Display>(
    texts: Option<&[String]>,
    field: &str,
    mut read: impl FnMut(&str) -> Result<T, E>,
) -> Result<Vec<T>, Fault> {
    let texts = list(texts, field)?.enumerate();
    let read = |(at, text): (usize, &String)| {
        read(text).map_err(|problem| Fault::new(format!("{field}[{at}]"), problem))
    };
    texts.map(read).collect()
}

/// The entries of a list; one that is there and empty would match nothing.
fn list<'c, T>(
    entries: Option<&'c [T]>,
    field: &str,
) -> Result<impl Iterator<Item = &'c T> + use<'c, T>, Fault> {
    match entries {
        Some([]) => Err(Fault::new(
            field,
            "is empty, and so matches nothing; leave it out for any",
        )),
        entries => Ok(entries.unwrap_or_default().iter()),
    }
}

fn named<T>(name: Result<T, NameError>, field: &str) -> Result<T, Fault> {
    name.map_err(|problem| Fault::new(field, problem))
}

fn lists(config: &RuleConfig) -> usize {
    let RuleConfig {
        callers,
        modules,
        items,
        ..
    } = config;
    let texts = [
        &callers.tenants,
        &callers.roles,
        &callers.principals,
        &modules.families,
        &modules.modules,
        &modules.regions,
        &items.methods,
        &items.tools,
        &items.prompts,
        &items.resources,
    ];
    let texts: usize = texts.into_iter().flatten().map(Vec::len).sum();
    let values = items.arguments.iter().flatten();
    let values: usize = values
        .map(|a| 1 + a.one_of.as_ref().map_or(0, Vec::len))
        .sum();
    texts.saturating_add(values)
}

fn within(entries: usize) -> Result<(), Fault> {
    if entries > MAX_ENTRIES {
        let problem = format!("brings the lists of all rules over {MAX_ENTRIES} entries");
        return Err(Fault::new("id", problem));
    }
    Ok(())
}
