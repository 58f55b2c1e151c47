use std::borrow::Cow;

use mcpo2_core::{Approval, Denial, Digest, Effect, ItemKind, Obligations, RuleId};

use super::{Matched, Rule, index::Index};
use crate::{
    Authorize, Explanation, Query, Verdict, Visibility, explain, query::Resource, reserved,
};

/// A compiled policy: rules that cannot be wrong.
///
/// What no rule allows is denied; `deny` beats `require_approval` beats `allow`; the order of the
/// rules has no meaning.
#[derive(Debug)]
pub struct Policy {
    rules: Rules,
    index: Index,
    digest: Digest,
}

#[derive(Debug)]
enum Rules {
    /// Everything is allowed.
    Open,
    /// By id.
    These(Vec<Rule>),
}

/// What the rules make of a query, before it becomes a verdict.
#[derive(Debug)]
pub(crate) struct Outcome<'p> {
    pub(crate) effect: Effect,
    /// In order; none where no rule allows.
    pub(crate) rules: Vec<RuleId>,
    pub(crate) reason: Cow<'static, str>,
    obligations: Obligations,
    group: &'p str,
}

impl Policy {
    pub(crate) fn new(mut rules: Vec<Rule>, digest: Digest) -> Self {
        rules.sort_by(|one, two| one.id.cmp(&two.id));
        let index = Index::new(&rules);
        let rules = Rules::These(rules);
        Self {
            rules,
            index,
            digest,
        }
    }

    /// The policy that allows everything to everybody, by the rule `sys:allow-all`.
    ///
    /// For a gateway that only records. Lists pass as they are.
    #[must_use]
    pub fn allow_all() -> Self {
        Self {
            rules: Rules::Open,
            index: Index::default(),
            digest: Digest::of(b"mcpo2.policy/v1 allow-all"),
        }
    }

    /// What each rule says of a query, for the operator: never for the caller, who would learn
    /// what the rules protect.
    #[must_use]
    pub fn explain(&self, query: &Query<'_>) -> Explanation {
        explain::explanation(self.outcome(query), self.rules(), query)
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        match &self.rules {
            Rules::Open => &[],
            Rules::These(rules) => rules,
        }
    }

    #[cfg(test)]
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// The rules that could match, by id.
    fn candidates(&self, query: &Query<'_>) -> impl Iterator<Item = &Rule> {
        let rules = self.rules();
        let places = self.index.candidates(query);
        places.into_iter().filter_map(|at| rules.get(at))
    }

    fn outcome(&self, query: &Query<'_>) -> Outcome<'_> {
        if let Rules::Open = self.rules {
            return Outcome::reserved(Effect::Allow, reserved::ALLOW_ALL, "everything is allowed");
        }
        if is_unreadable(query) {
            return Outcome::reserved(
                Effect::Deny,
                reserved::RESOURCE_URI,
                "the uri has no single reading",
            );
        }
        let rules = self.candidates(query);
        let mut matching: Vec<&Rule> = rules.filter(|rule| rule.matches(query)).collect();
        let strongest = matching.iter().map(|rule| rule.effect).max();
        matching.retain(|rule| Some(rule.effect) == strongest);
        let reserved = reserved_allowance(query);
        match strongest {
            Some(Effect::Deny) => Outcome::by(Effect::Deny, &matching),
            Some(Effect::RequireApproval) => {
                Outcome::by(Effect::RequireApproval, &matching).one_group(&matching)
            }
            Some(Effect::Allow) => Outcome::by(Effect::Allow, &matching)
                .with_reserved(reserved)
                .joined(&matching),
            None if reserved.is_some() => Outcome::by(Effect::Allow, &[]).with_reserved(reserved),
            None => Outcome::by(Effect::Deny, &[]),
        }
    }
}

impl Authorize for Policy {
    fn decide(&self, query: &Query<'_>) -> Verdict {
        let Outcome {
            effect,
            rules,
            reason,
            obligations,
            group,
        } = self.outcome(query);
        match effect {
            Effect::Allow => Verdict::allow(rules, reason, obligations, self.digest),
            Effect::RequireApproval => {
                Verdict::ask(Approval::new(rules, group), reason, self.digest)
            }
            Effect::Deny => Verdict::deny(Denial::new(rules, reason), self.digest),
        }
    }

    fn visible(&self, query: &Query<'_>) -> Visibility {
        if let Rules::Open = self.rules {
            return Visibility::Allowed;
        }
        if is_unreadable(query) {
            return Visibility::Denied;
        }
        let (mut denied, mut passes) = (Matched::No, Matched::No);
        if reserved_allowance(query).is_some() {
            passes = Matched::Yes;
        }
        for rule in self.candidates(query) {
            let side = match rule.effect {
                Effect::Deny => &mut denied,
                Effect::Allow | Effect::RequireApproval => &mut passes,
            };
            *side = (*side).max(rule.matched(query));
        }
        match (denied, passes) {
            (Matched::Yes, _) | (_, Matched::No) => Visibility::Denied,
            (Matched::No, Matched::Yes) => Visibility::Allowed,
            _ => Visibility::DependsOnArguments,
        }
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn is_uniform(&self) -> bool {
        matches!(self.rules, Rules::Open)
    }
}

impl<'p> Outcome<'p> {
    fn reserved(effect: Effect, id: &str, reason: &'static str) -> Self {
        Self {
            effect,
            rules: rule_id(id).into_iter().collect(),
            reason: Cow::Borrowed(reason),
            obligations: Obligations::default(),
            group: "",
        }
    }

    /// What these rules make, all of which have this effect.
    fn by(effect: Effect, rules: &[&'p Rule]) -> Self {
        let said = rules.iter().find_map(|rule| rule.reason.as_deref());
        let unsaid = match effect {
            Effect::Allow => "allowed by rule",
            Effect::RequireApproval => "a rule asks for approval",
            Effect::Deny if rules.is_empty() => "no rule allows it",
            Effect::Deny => "denied by rule",
        };
        Self {
            effect,
            reason: said.map_or(Cow::Borrowed(unsaid), |said| said.to_owned().into()),
            group: rules.first().map_or("", |rule| &rule.group),
            rules: rules.iter().map(|rule| rule.id.clone()).collect(),
            obligations: Obligations::default(),
        }
    }

    /// The same, allowed by a rule of the platform's own too, which is named first.
    fn with_reserved(mut self, id: Option<&'static str>) -> Self {
        self.rules.splice(0..0, id.and_then(rule_id));
        self
    }

    /// The same with what these rules oblige to; a denial where they contradict each other.
    fn joined(mut self, rules: &[&Rule]) -> Self {
        let mut each = rules.iter().map(|rule| rule.obligations.clone());
        match each.try_fold(Obligations::default(), Obligations::join) {
            Some(obligations) => self.obligations = obligations,
            None => {
                let reason = "the rules that allow it demand different preambles";
                return Self::reserved(Effect::Deny, reserved::PREAMBLE_CONFLICT, reason);
            }
        }
        self
    }

    /// The same; a denial where the rules that ask for approval ask different groups.
    fn one_group(self, rules: &[&Rule]) -> Self {
        if rules.iter().all(|rule| *rule.group == *self.group) {
            return self;
        }
        let reason = "rules ask different groups for approval";
        Self::reserved(Effect::Deny, reserved::APPROVAL_CONFLICT, reason)
    }
}

/// The id as a type; only the reserved ids come here, and all of them have its form.
pub(crate) fn rule_id(id: &str) -> Option<RuleId> {
    RuleId::new(id).ok()
}

fn reserved_allowance(query: &Query<'_>) -> Option<&'static str> {
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
