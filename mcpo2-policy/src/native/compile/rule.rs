use std::time::Duration;

use mcpo2_core::{Approval, Effect, Obligations, RuleId};

use super::{MAX_TEXT, Names, conditions, lists::each, lists::items};
use crate::{
    config::{ApprovalConfig, ConditionsConfig, EffectConfig, ObligationsConfig, RuleConfig},
    error::Fault,
    native::{
        condition::{Condition, Owner},
        rule::{Conditions, Origin, Rule, Words},
    },
    reserved,
};

pub(super) fn compile(
    config: &RuleConfig,
    origin: Origin,
    jurisdiction: impl Iterator<Item = Condition>,
    names: &Names<'_>,
) -> Result<Rule, Fault> {
    let id = RuleId::new(&config.id).map_err(|problem| Fault::new("id", problem))?;
    if config.id.starts_with(reserved::PREFIX) {
        return Err(Fault::new("id", "begins with `sys:`, which is reserved"));
    }
    let mut conditions: Vec<_> = jurisdiction.collect();
    if config.conditions.items.methods.is_none() {
        conditions.push(Condition::Addressing);
    }
    conditions.extend(conditions::compile(&config.conditions, names)?);
    if let Some(exceptions) = &config.unless {
        let exceptions = items(exceptions, "unless", |exception| unless(exception, names))?;
        conditions.push(Condition::Unless(exceptions));
    }
    Ok(Rule {
        effect: config.effect.into(),
        origin,
        conditions: Conditions::new(conditions),
        obligations: obligations(config)?.map(Box::new),
        approval: approval(config, &id)?.map(Box::new),
        words: words(config)?,
        id,
    })
}

/// One exception. Without any condition it would undo the rule.
fn unless(config: &ConditionsConfig, names: &Names<'_>) -> Result<Vec<Condition>, Fault> {
    let conditions = conditions::compile(config, names)?;
    if conditions.is_empty() {
        return Err(Fault::new("", "has no condition, and so undoes the rule"));
    }
    let known = |condition| match condition {
        // What a caller writes exempts from nothing.
        Condition::Module(Owner::Families(families)) => {
            Condition::Module(Owner::OwnFamilies(families))
        }
        other => other,
    };
    Ok(conditions.into_iter().map(known).collect())
}

fn words(config: &RuleConfig) -> Result<Words, Fault> {
    let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > MAX_TEXT);
    if long(&config.reason) {
        return Err(Fault::new(
            "reason",
            format!("has at most {MAX_TEXT} bytes"),
        ));
    }
    if let Some(code) = &config.public_code {
        let is_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=64).contains(&code.len()) || !code.bytes().all(is_code) {
            let problem = "is no code, such as `POLICY_PATH`: 1 to 64 of A-Z, 0-9 and _";
            return Err(Fault::new("public_code", problem));
        }
        if config.effect != EffectConfig::Deny {
            return Err(Fault::new("public_code", "belongs to `effect: deny`"));
        }
    }
    Ok(Words {
        reason: config.reason.as_deref().map(Into::into),
        public_code: config.public_code.as_deref().map(Into::into),
    })
}

fn obligations(config: &RuleConfig) -> Result<Option<Obligations>, Fault> {
    let Some(given) = &config.obligations else {
        return Ok(None);
    };
    if config.effect != EffectConfig::Allow {
        return Err(Fault::new("obligations", "belong to `effect: allow`"));
    }
    let owed = owed(given).map_err(|fault| fault.within("obligations"))?;
    Ok((owed != Obligations::default()).then_some(owed))
}

/// What is written of obligations, checked.
pub(crate) fn owed(given: &ObligationsConfig) -> Result<Obligations, Fault> {
    let mut obligations = Obligations::default();
    if let Some(preamble) = &given.preamble {
        obligations.preamble = Some(name(preamble, "preamble")?);
    }
    if let Some(class) = &given.rate_class {
        obligations.rate_classes.insert(name(class, "rate_class")?);
    }
    if let Some(redact) = &given.redact {
        obligations.redact.extend(each(redact, "redact", short)?);
    }
    if let Some(regions) = &given.regions {
        let regions = each(regions, "regions", str::parse)?;
        obligations.regions = Some(regions.into_iter().collect());
    }
    obligations.max_result_bytes = given.max_result_bytes;
    obligations.log_level = given.log_level;
    obligations.durability = given.durability;
    Ok(obligations)
}

fn approval(config: &RuleConfig, id: &RuleId) -> Result<Option<Approval>, Fault> {
    match (&config.approval, config.effect) {
        (Some(given), EffectConfig::RequireApproval) => {
            let approval = asked(given, vec![id.clone()]);
            approval.map(Some).map_err(|fault| fault.within("approval"))
        }
        (None, EffectConfig::RequireApproval) => Err(Fault::new(
            "approval",
            "is missing: it names the group that approves",
        )),
        (Some(_), _) => Err(Fault::new(
            "approval",
            "belongs to `effect: require_approval`",
        )),
        (None, _) => Ok(None),
    }
}

/// What is written of an approval that these rules ask for, checked.
pub(crate) fn asked(given: &ApprovalConfig, rules: Vec<RuleId>) -> Result<Approval, Fault> {
    let mut approval = Approval::new(rules, name(&given.group, "group")?);
    if let Some(quorum) = given.quorum {
        approval = approval.with_quorum(quorum);
    }
    if let Some(seconds) = given.ttl_seconds {
        approval = approval.with_ttl(Duration::from_secs(seconds.get()));
    }
    if given.not_requester == Some(true) {
        approval = approval.by_another();
    }
    Ok(approval)
}

fn name(text: &str, field: &str) -> Result<Box<str>, Fault> {
    short(text).map_err(|problem| Fault::new(field, problem))
}

fn short(text: &str) -> Result<Box<str>, &'static str> {
    match text.len() {
        1..=128 => Ok(text.into()),
        _ => Err("has 1 to 128 bytes"),
    }
}

impl From<EffectConfig> for Effect {
    fn from(effect: EffectConfig) -> Self {
        match effect {
            EffectConfig::Allow => Self::Allow,
            EffectConfig::RequireApproval => Self::RequireApproval,
            EffectConfig::Deny => Self::Deny,
        }
    }
}
