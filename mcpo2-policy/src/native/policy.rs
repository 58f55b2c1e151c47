use std::collections::BTreeSet;

use mcpo2_core::{Digest, Effect, Item, Shadow};

use super::{
    Matched, Rule,
    index::{Index, addresses_resource},
    jurisdiction::{Jurisdiction, Levels},
    outcome::{Outcome, gate, outcome, reserved_allowance},
    rule::matched,
};
use crate::{
    Engine, Explanation, Query, Verdict, Visibility, config::LevelConfig, explain, reserved,
};

/// A compiled policy: rules that cannot be wrong.
///
/// What no rule allows is denied; `deny` beats `require_approval` beats `allow`; the order of the
/// rules has no meaning. Each level that has a say over a caller must allow.
#[derive(Debug)]
pub struct Policy {
    rules: Rules,
    index: Index,
    jurisdiction: Jurisdiction,
    has_shadow: bool,
    digest: Digest,
}

#[derive(Debug)]
enum Rules {
    /// Everything is allowed.
    Open,
    /// By id.
    These(Vec<Rule>),
}

impl Policy {
    pub(crate) fn new(mut rules: Vec<Rule>, jurisdiction: Jurisdiction, digest: Digest) -> Self {
        rules.sort_by(|one, two| one.id.cmp(&two.id));
        Self {
            index: Index::new(&rules),
            has_shadow: rules.iter().any(|rule| rule.origin.shadow) || jurisdiction.has_shadow(),
            rules: Rules::These(rules),
            jurisdiction,
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
            index: Index::new(&[]),
            jurisdiction: Jurisdiction::default(),
            has_shadow: false,
            digest: Digest::of(b"mcpo2.policy/v1 allow-all"),
        }
    }

    /// Why it decides a query as it does, for the operator: never for the caller, who would learn
    /// what the rules protect.
    #[must_use]
    pub fn explain(&self, query: &Query<'_>) -> Explanation {
        let (outcome, shadow) = self.outcome(query);
        explain::explanation(outcome, shadow, self, query)
    }

    /// All that its rules could oblige to blot out, by the names of what finds it: of rules in
    /// shadow mode too.
    #[must_use]
    pub fn redacts(&self) -> BTreeSet<Box<str>> {
        let rules = self.rules().iter();
        let owed = rules.filter_map(|rule| rule.obligations.as_deref());
        let names = owed.flat_map(|owed| owed.redact.iter());
        names.cloned().collect()
    }

    /// All its rules, by id.
    pub(crate) fn rules(&self) -> &[Rule] {
        match &self.rules {
            Rules::Open => &[],
            Rules::These(rules) => rules,
        }
    }

    pub(crate) fn jurisdiction(&self) -> &Jurisdiction {
        &self.jurisdiction
    }

    #[cfg(test)]
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    fn outcome(&self, query: &Query<'_>) -> (Outcome, Option<Shadow>) {
        if let Rules::Open = self.rules {
            let reason = "everything is allowed";
            let outcome = Outcome::reserved(Effect::Allow, reserved::ALLOW_ALL, reason);
            return (outcome, None);
        }
        if let Some(outcome) = gate(query) {
            return (outcome, None);
        }
        let candidates = self.index.candidates(query);
        let rules = candidates.iter().filter_map(|at| self.rules().get(*at));
        let matching: Vec<&Rule> = rules
            .filter(|rule| rest(rule, query).by_call(rule.effect))
            .collect();
        self.decided(&matching, query)
    }

    /// What is decided, and what would be with the rules in shadow mode, where that is another
    /// effect.
    pub(crate) fn decided(
        &self,
        matching: &[&Rule],
        query: &Query<'_>,
    ) -> (Outcome, Option<Shadow>) {
        let levels = self.jurisdiction.enforced(query.principal());
        if !self.has_shadow {
            return (outcome(matching, levels, query), None);
        }
        let is_enforced = |rule: &&&Rule| !rule.origin.shadow;
        let enforced: Vec<&Rule> = matching.iter().filter(is_enforced).copied().collect();
        let decided = outcome(&enforced, levels, query);
        let levels = self.jurisdiction.with_shadow(query.principal());
        let perhaps = outcome(matching, levels, query);
        let shadow = (perhaps.effect != decided.effect).then_some(Shadow {
            effect: perhaps.effect,
            rules: perhaps.rules,
        });
        (decided, shadow)
    }

    fn visibility(&self, query: &Query<'_>, candidates: &[usize]) -> Visibility {
        let rules = candidates.iter().filter_map(|at| self.rules().get(*at));
        let enforced = rules.filter(|rule| !rule.origin.shadow);
        let matching = enforced.map(|rule| (rule, rest(rule, query)));
        let levels = self.jurisdiction.enforced(query.principal());
        visibility(matching, levels, query)
    }
}

/// What the conditions of a candidate say that the index did not settle.
fn rest(rule: &Rule, query: &Query<'_>) -> Matched {
    match query.item().is_some_and(addresses_resource) {
        true => rule.matched(query),
        false => matched(rule.conditions.open(), query, rule.effect),
    }
}

/// Whether an item is shown by these rules, given how far each of them matches: the least that a
/// level which has a say shows of it.
pub(crate) fn visibility<'p>(
    matching: impl Iterator<Item = (&'p Rule, Matched)>,
    levels: Levels,
    query: &Query<'_>,
) -> Visibility {
    let allowed = match reserved_allowance(query) {
        Some(_) => Matched::Yes,
        None => Matched::No,
    };
    // What denies and what lets pass, by level.
    let mut said = [(Matched::No, allowed); 3];
    for (rule, matched) in matching {
        if let Some((denied, passes)) = said.get_mut(rule.origin.level as usize) {
            let side = match rule.effect {
                Effect::Deny => denied,
                Effect::Allow | Effect::RequireApproval => passes,
            };
            *side = (*side).max(matched);
        }
    }
    let of_level = |level: LevelConfig| match said.get(level as usize) {
        Some((Matched::Yes, _) | (_, Matched::No)) | None => Visibility::Denied,
        Some((Matched::No, Matched::Yes)) => Visibility::Allowed,
        Some(_) => Visibility::DependsOnArguments,
    };
    let shown = levels.iter().map(of_level).min();
    shown.unwrap_or(Visibility::Denied)
}

impl Engine for Policy {
    fn decide(&self, query: &Query<'_>) -> Verdict {
        let (outcome, shadow) = self.outcome(query);
        outcome.into_verdict(self.digest).with_shadow(shadow)
    }

    fn visible(&self, query: &Query<'_>) -> Visibility {
        if let Rules::Open = self.rules {
            return Visibility::Allowed;
        }
        if gate(query).is_some() {
            return Visibility::Denied;
        }
        self.visibility(query, &self.index.candidates(query))
    }

    fn visible_of<'q>(
        &self,
        items: &mut dyn Iterator<Item = &'q Item>,
        query: &dyn Fn(&'q Item) -> Query<'q>,
    ) -> Vec<Visibility> {
        if let Rules::Open = self.rules {
            return items.map(|_| Visibility::Allowed).collect();
        }
        let mut all = Vec::with_capacity(items.size_hint().0);
        self.index.candidates_of(items, query, |query, candidates| {
            all.push(match gate(query) {
                Some(_) => Visibility::Denied,
                None => self.visibility(query, candidates),
            });
        });
        all
    }

    fn situation_key(&self, query: &Query<'_>) -> Option<Box<[u8]>> {
        Some(self.index.situation_key(self.rules(), query))
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn is_uniform(&self) -> bool {
        matches!(self.rules, Rules::Open)
    }
}
