//! What the rules that match make of a query.

use std::{borrow::Cow, collections::BTreeSet};

use mcpo2_core::{
    Approval, ApprovalState, Denial, Digest, Effect, ItemKind, Obligations, Region, RuleId,
};

use super::{Rule, approvals::joined, jurisdiction::Levels};
use crate::{
    Query, Verdict,
    config::LevelConfig,
    query::{Place, Resource},
    reserved,
};

/// What is decided, before it becomes a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) effect: Effect,
    /// By id; none where no rule allows.
    pub(crate) rules: Vec<RuleId>,
    pub(crate) reason: Cow<'static, str>,
    /// The level that decided.
    pub(crate) level: LevelConfig,
    pub(crate) obligations: Obligations,
    pub(crate) approval: Option<Approval>,
    pub(crate) public_code: Option<Box<str>>,
}

/// What one level says, most permissive first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Allows,
    Asks,
    IsSilent,
    Denies,
}

/// What the platform decides itself, whatever rules say: that something must not be.
pub(crate) fn gate(query: &Query<'_>) -> Option<Outcome> {
    if is_unreadable(query) {
        let reason = "the uri has no single reading";
        return Some(Outcome::reserved(
            Effect::Deny,
            reserved::RESOURCE_URI,
            reason,
        ));
    }
    let Place::Module(facts) = query.place() else {
        return None;
    };
    if !facts.is_for(query.principal().tenant()) {
        let reason = "the module is there for other tenants";
        return Some(Outcome::reserved(Effect::Deny, reserved::TENANT, reason));
    }
    (facts.state() != ApprovalState::Approved).then(|| {
        let reason = "the module is not in service";
        Outcome::reserved(Effect::Deny, reserved::MODULE_STATE, reason)
    })
}

/// What these rules make of a query, all of which match, by id.
pub(crate) fn outcome(matching: &[&Rule], levels: Levels, query: &Query<'_>) -> Outcome {
    let reserved = reserved_allowance(query);
    let standing = |level| standing(matching, level, reserved.is_some());
    let (mut level, mut strictest) = (LevelConfig::Platform, Standing::Allows);
    for one in levels.iter() {
        let said = standing(one);
        if said > strictest {
            (level, strictest) = (one, said);
        }
    }
    let of = |effect| matching.iter().filter(move |rule| rule.effect == effect);
    let owing = || {
        Outcome::by(of(Effect::Allow).copied(), Effect::Allow, level)
            .with_reserved(reserved)
            .joined(of(Effect::Allow).copied())
            .in_region(query)
    };
    match strictest {
        Standing::Denies => Outcome::by(of(Effect::Deny).copied(), Effect::Deny, level),
        Standing::IsSilent => Outcome::by(std::iter::empty(), Effect::Deny, level),
        Standing::Allows => owing(),
        // Nobody is asked about what could not go on even then.
        Standing::Asks => match owing() {
            denied if denied.effect == Effect::Deny => denied,
            _ => {
                let asking = of(Effect::RequireApproval).copied();
                Outcome::by(asking, Effect::RequireApproval, level)
            }
        },
    }
}

fn standing(matching: &[&Rule], level: LevelConfig, reserved: bool) -> Standing {
    let of_level = matching.iter().filter(|rule| rule.origin.level == level);
    match of_level.map(|rule| rule.effect).max() {
        Some(Effect::Deny) => Standing::Denies,
        Some(Effect::RequireApproval) => Standing::Asks,
        Some(Effect::Allow) => Standing::Allows,
        None if reserved => Standing::Allows,
        None => Standing::IsSilent,
    }
}

impl Outcome {
    pub(crate) fn reserved(effect: Effect, id: &str, reason: &'static str) -> Self {
        Self {
            effect,
            rules: rule_id(id).into_iter().collect(),
            reason: Cow::Borrowed(reason),
            level: LevelConfig::Platform,
            obligations: Obligations::default(),
            approval: None,
            public_code: None,
        }
    }

    pub(crate) fn into_verdict(self, bundle: Digest) -> Verdict {
        match (self.effect, self.approval) {
            (Effect::Allow, _) => Verdict::allow(self.rules, self.reason, self.obligations, bundle),
            (Effect::RequireApproval, Some(approval)) => {
                Verdict::ask(approval, self.reason, bundle)
            }
            (Effect::RequireApproval | Effect::Deny, _) => {
                let denial = Denial::new(self.rules, self.reason.clone());
                let denial = match self.public_code {
                    Some(code) => denial.with_public_code(code),
                    None => denial,
                };
                Verdict::denied(denial, self.reason, bundle)
            }
        }
    }

    /// What these rules make, all of which have this effect.
    fn by<'p>(
        rules: impl Iterator<Item = &'p Rule> + Clone,
        effect: Effect,
        level: LevelConfig,
    ) -> Self {
        let said = rules.clone().find_map(|rule| rule.words.reason.as_deref());
        let unsaid = match effect {
            Effect::Allow => "allowed by rule",
            Effect::RequireApproval => "a rule asks for approval",
            Effect::Deny if rules.clone().next().is_some() => "denied by rule",
            Effect::Deny => match level {
                LevelConfig::Platform => "no rule allows it",
                LevelConfig::Tenant => "no rule of the tenant allows it",
                LevelConfig::Project => "no rule of the project allows it",
            },
        };
        let approvals = rules.clone().filter_map(|rule| rule.approval.as_deref());
        // Where one rule has nothing to say, the caller learns nothing.
        let codes = rules.clone().map(|rule| rule.words.public_code.as_deref());
        let codes: Option<Vec<&str>> = codes.collect();
        Self {
            effect,
            reason: said.map_or(Cow::Borrowed(unsaid), |said| said.to_owned().into()),
            level,
            approval: joined(approvals),
            public_code: codes.and_then(|codes| codes.first().map(|code| (*code).into())),
            rules: rules.map(|rule| rule.id.clone()).collect(),
            obligations: Obligations::default(),
        }
    }

    /// The same, allowed by a rule of the platform's own too, which is named first.
    fn with_reserved(mut self, id: Option<&'static str>) -> Self {
        self.rules.splice(0..0, id.and_then(rule_id));
        self
    }

    /// The same with what these rules oblige to; a denial where they contradict each other.
    fn joined<'p>(mut self, rules: impl Iterator<Item = &'p Rule>) -> Self {
        for owed in rules.filter_map(|rule| rule.obligations.as_deref()) {
            if !self.obligations.add(owed) {
                let reason = "the rules that allow it demand different preambles";
                return Self::reserved(Effect::Deny, reserved::PREAMBLE_CONFLICT, reason);
            }
        }
        self
    }

    /// The same; a denial where the module runs in none of the regions that rules oblige to.
    fn in_region(self, query: &Query<'_>) -> Self {
        let Some(regions) = &self.obligations.regions else {
            return self;
        };
        if runs_within(regions, query) {
            return self;
        }
        Self::reserved(Effect::Deny, reserved::REGION, ELSEWHERE)
    }
}

/// Why what runs elsewhere is denied.
pub(crate) const ELSEWHERE: &str =
    "the module runs in none of the regions that the rules oblige to";

/// Whether what is addressed runs in one of these regions.
pub(crate) fn runs_within(regions: &BTreeSet<Region>, query: &Query<'_>) -> bool {
    match query.place() {
        Place::Gateway => true,
        Place::Module(facts) => facts
            .region()
            .is_some_and(|region| regions.contains(region)),
        Place::Unknown => false,
    }
}

/// The id as a type; only the reserved ids come here, and all of them have its form.
pub(crate) fn rule_id(id: &str) -> Option<RuleId> {
    RuleId::new(id).ok()
}

/// The rule of the platform's own that allows what no rule needs to name.
pub(crate) fn reserved_allowance(query: &Query<'_>) -> Option<&'static str> {
    if query.is_protocol() {
        Some(reserved::PROTOCOL)
    } else if query.is_own_reference() {
        Some(reserved::OWN_REFERENCE)
    } else {
        None
    }
}

/// Whether a resource is addressed whose URI servers could read differently.
fn is_unreadable(query: &Query<'_>) -> bool {
    let is_resource = |kind| matches!(kind, ItemKind::Resource | ItemKind::Template);
    query.item().is_some_and(|item| is_resource(item.kind()))
        && matches!(query.resource(), Resource::Unreadable)
}
