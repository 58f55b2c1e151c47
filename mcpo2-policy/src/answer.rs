//! What a policy in another language answers: a truth value, or an object with more.

use mcpo2_core::{Approval, Denial, Digest, Obligations, RuleId};
use serde::Deserialize;

use crate::{
    Verdict,
    config::{ApprovalConfig, ObligationsConfig},
    native::{asked, owed},
    reserved,
};

/// How many rules an answer may name.
const MAX_RULES: usize = 1000;

/// An answer. What is not known here is an error, so that nothing that a policy demands is left
/// out silently.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Plain(bool),
    Full(Box<Full>),
}

/// An answer with all its members.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Full {
    allow: bool,
    #[serde(default)]
    approve: Option<Several<Approver>>,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    public_code: Option<String>,
    #[serde(default)]
    obligations: Option<Several<ObligationsConfig>>,
    #[serde(default)]
    visible: Option<Shown>,
}

/// What a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shown {
    Denied,
    DependsOnArguments,
    Allowed,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Several<T> {
    Many(Vec<T>),
    One(T),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Approver {
    Group(String),
    Full(ApprovalConfig),
}

impl<T> Several<T> {
    fn each(&self) -> &[T] {
        match self {
            Self::Many(many) => many,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

impl Answer {
    /// What a list shows, where that is said.
    #[cfg_attr(
        not(feature = "rego"),
        expect(dead_code, reason = "a remote engine filters no list")
    )]
    pub(crate) fn shown(&self) -> Option<Shown> {
        match self {
            Self::Plain(_) => None,
            Self::Full(full) => full.visible,
        }
    }

    /// The verdict; none where it denies by no rule, and so says nothing. An answer that contradicts
    /// itself, or demands what is unknown, is an error.
    pub(crate) fn into_verdict(
        self,
        entry_point: &str,
        bundle: Digest,
    ) -> Result<Option<Verdict>, String> {
        let full = match self {
            Self::Plain(false) => return Ok(None),
            Self::Plain(true) => {
                let rules = vec![rule(entry_point)?];
                let owed = Obligations::default();
                return Ok(Some(Verdict::allow(rules, "allowed", owed, bundle)));
            }
            Self::Full(full) => full,
        };
        full.into_verdict(entry_point, bundle)
    }
}

impl Full {
    fn into_verdict(self, entry_point: &str, bundle: Digest) -> Result<Option<Verdict>, String> {
        let rules = self.rule_ids()?;
        let owed = self.owed()?;
        let denies = !self.allow;
        if denies && rules.is_empty() && self.reason.is_none() && self.public_code.is_none() {
            return Ok(None);
        }
        let reason = self.reason.as_deref().filter(|reason| !reason.is_empty());
        let said = |unsaid: &str| reason.unwrap_or(unsaid).to_owned();
        if denies {
            let denial = Denial::new(rules, said("denied by rule"));
            let denial = match &self.public_code {
                Some(code) if is_code(code) => denial.with_public_code(code.as_str()),
                Some(_) => return Err("the public code is none".into()),
                None => denial,
            };
            return Ok(Some(Verdict::deny(denial, bundle)));
        }
        let rules = match rules.is_empty() {
            true => vec![rule(entry_point)?],
            false => rules,
        };
        Ok(Some(match self.approval(&rules)? {
            Some(approval) => Verdict::ask(approval, said("a rule asks for approval"), bundle),
            None => Verdict::allow(rules, said("allowed by rule"), owed, bundle),
        }))
    }

    fn rule_ids(&self) -> Result<Vec<RuleId>, String> {
        if self.rules.len() > MAX_RULES {
            return Err(format!("the answer names more than {MAX_RULES} rules"));
        }
        self.rules.iter().map(|id| rule(id)).collect()
    }

    fn owed(&self) -> Result<Obligations, String> {
        let mut all = Obligations::default();
        for one in self.obligations.iter().flat_map(Several::each) {
            let one = owed(one).map_err(|fault| fault.to_string())?;
            let joined = all.join(one);
            all = joined.ok_or("the answer demands different preambles")?;
        }
        Ok(all)
    }

    fn approval(&self, rules: &[RuleId]) -> Result<Option<Approval>, String> {
        let mut all: Option<Approval> = None;
        for one in self.approve.iter().flat_map(Several::each) {
            let given = match one {
                Approver::Full(given) => given.clone(),
                Approver::Group(group) => ApprovalConfig {
                    group: group.clone(),
                    quorum: None,
                    ttl_seconds: None,
                    not_requester: None,
                },
            };
            let one = asked(&given, rules.to_vec()).map_err(|fault| fault.to_string())?;
            all = Some(match all {
                Some(all) => all.join(one),
                None => one,
            });
        }
        Ok(all)
    }
}

/// An id that a policy may use.
pub(crate) fn rule(id: &str) -> Result<RuleId, String> {
    if id.starts_with(reserved::PREFIX) {
        return Err("the answer names a reserved rule".into());
    }
    RuleId::new(id).map_err(|error| error.to_string())
}

fn is_code(code: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=64).contains(&code.len()) && code.bytes().all(plain)
}
