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
    pub(crate) reason: &'p str,
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
        let matching: Vec<&Rule> = rules.filter(|rule| rule.matches(query)).collect();
        let having = |effect| {
            matching
                .iter()
                .copied()
                .filter(move |rule| rule.effect == effect)
        };
        let reserved = reserved_allowance(query);
        let allowed = reserved.is_some() || having(Effect::Allow).next().is_some();
        if having(Effect::Deny).next().is_some() {
            Outcome::by(Effect::Deny, having(Effect::Deny))
        } else if having(Effect::RequireApproval).next().is_some() {
            Outcome::by(Effect::RequireApproval, having(Effect::RequireApproval))
                .one_group(&matching)
        } else if allowed {
            let mut outcome = Outcome::by(Effect::Allow, having(Effect::Allow));
            outcome.rules.splice(0..0, reserved.and_then(rule_id));
            outcome.joined(having(Effect::Allow))
        } else {
            Outcome::by(Effect::Deny, std::iter::empty())
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
    fn reserved(effect: Effect, id: &str, reason: &'p str) -> Self {
        Self {
            effect,
            rules: rule_id(id).into_iter().collect(),
            reason,
            obligations: Obligations::default(),
            group: "",
        }
    }

    fn by(effect: Effect, rules: impl Iterator<Item = &'p Rule>) -> Self {
        let rules: Vec<&Rule> = rules.collect();
        let said = rules.iter().find_map(|rule| rule.reason.as_deref());
        let reason = said.unwrap_or(match effect {
            Effect::Allow => "allowed by rule",
            Effect::RequireApproval => "a rule asks for approval",
            Effect::Deny if rules.is_empty() => "no rule allows it",
            Effect::Deny => "denied by rule",
        });
        Self {
            effect,
            reason,
            group: rules.first().map_or("", |rule| &rule.group),
            rules: rules.into_iter().map(|rule| rule.id.clone()).collect(),
            obligations: Obligations::default(),
        }
    }

    /// The same with what these rules oblige to; a denial where they contradict each other.
    fn joined(mut self, rules: impl Iterator<Item = &'p Rule>) -> Self {
        let mut each = rules.map(|rule| rule.obligations.clone());
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
    fn one_group(self, matching: &[&Rule]) -> Self {
        let mut asking = matching
            .iter()
            .filter(|rule| rule.effect == Effect::RequireApproval);
        if asking.all(|rule| *rule.group == *self.group) {
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
