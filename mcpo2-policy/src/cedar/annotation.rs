//! What the annotations of a policy say: its id, and what follows where it permits.

use std::num::{NonZeroU8, NonZeroU64};

use cedar_policy::{Effect, Policy};
use mcpo2_core::{Approval, Obligations, RuleId};

use crate::{
    config::{ApprovalConfig, ObligationsConfig},
    native::{asked, owed},
    reserved,
};

/// What is to be known of a policy where it decides.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: RuleId,
    pub(super) obligations: Obligations,
    pub(super) approval: Option<Approval>,
    pub(super) reason: Option<Box<str>>,
    pub(super) public_code: Option<Box<str>>,
}

/// Reads them. One that is unknown is an error: it may be a slip that drops an approval.
pub(super) fn read(policy: &Policy) -> Result<Rule, String> {
    let known = [
        "id",
        "approve",
        "approve_ttl",
        "approve_by",
        "oblige",
        "reason",
        "public_code",
    ];
    for (name, _) in policy.annotations() {
        if !known.contains(&name) && name != "description" {
            return Err(format!("there is no annotation `@{name}`"));
        }
    }
    let of = |name: &str| policy.annotation(name);
    let id = of("id").ok_or("a policy needs an annotation `@id`")?;
    if id.starts_with(reserved::PREFIX) {
        return Err("begins with `sys:`, which is reserved".into());
    }
    let id = RuleId::new(id).map_err(|error| error.to_string())?;
    let permits = policy.effect() == Effect::Permit;
    let misplaced = |name: &str, belongs: bool| match of(name) {
        Some(_) if !belongs => Err(format!("`@{name}` belongs to the other effect")),
        _ => Ok(()),
    };
    for name in ["approve", "approve_ttl", "approve_by", "oblige"] {
        misplaced(name, permits)?;
    }
    misplaced("public_code", !permits)?;
    Ok(Rule {
        obligations: of("oblige")
            .map(obligations)
            .transpose()?
            .unwrap_or_default(),
        approval: approval(policy, &id)?,
        reason: of("reason").map(Into::into),
        public_code: of("public_code").map(Into::into),
        id,
    })
}

/// `redact:email redact:secret max_result_bytes:4096`
fn obligations(text: &str) -> Result<Obligations, String> {
    let mut given = ObligationsConfig::default();
    for one in text.split_whitespace() {
        let unknown = || format!("`{one}` is no obligation");
        let (name, value) = one.split_once(':').ok_or_else(unknown)?;
        let once = |slot: &mut Option<String>| match slot.replace(value.to_owned()) {
            Some(_) => Err(format!("`{name}` is there twice")),
            None => Ok(()),
        };
        match name {
            "preamble" => once(&mut given.preamble)?,
            "rate_class" => once(&mut given.rate_class)?,
            "redact" => given.redact.get_or_insert_default().push(value.into()),
            "regions" => given.regions.get_or_insert_default().push(value.into()),
            "max_result_bytes" => {
                let bytes: NonZeroU64 = value.parse().map_err(|_| unknown())?;
                let least = given
                    .max_result_bytes
                    .map_or(bytes, |other| other.min(bytes));
                given.max_result_bytes = Some(least);
            }
            "log_level" => {
                let level = serde_json::from_value(value.into()).map_err(|_| unknown())?;
                given.log_level = Some(level);
            }
            "durability" => {
                let durability = serde_json::from_value(value.into()).map_err(|_| unknown())?;
                given.durability = Some(durability);
            }
            _ => return Err(unknown()),
        }
    }
    owed(&given).map_err(|fault| fault.to_string())
}

/// `group`, or `group:2` for two of it.
fn approval(policy: &Policy, id: &RuleId) -> Result<Option<Approval>, String> {
    let of = |name| policy.annotation(name);
    let Some(text) = of("approve") else {
        return match of("approve_ttl").or(of("approve_by")) {
            Some(_) => Err("`@approve` is missing".into()),
            None => Ok(None),
        };
    };
    let (group, quorum) = match text.rsplit_once(':') {
        Some((group, quorum)) => (group, Some(quorum)),
        None => (text, None),
    };
    let quorum = quorum.map(str::parse::<NonZeroU8>).transpose();
    let ttl = of("approve_ttl").map(str::parse::<NonZeroU64>).transpose();
    let not_requester = match of("approve_by") {
        None => None,
        Some("another") => Some(true),
        Some(_) => return Err("`@approve_by` is \"another\"".into()),
    };
    let given = ApprovalConfig {
        group: group.into(),
        quorum: quorum.map_err(|_| format!("`{text}` is no group and quorum"))?,
        ttl_seconds: ttl.map_err(|_| "`@approve_ttl` is no number of seconds")?,
        not_requester,
    };
    let approval = asked(&given, vec![id.clone()]).map_err(|fault| fault.to_string())?;
    Ok(Some(approval))
}
