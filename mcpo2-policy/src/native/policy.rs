use std::collections::BTreeSet;

use mcpo2_core::{Digest, Effect, Item, Shadow};

use super::{
    Matched, Rule,
    index::{Index, addresses_resource},
    jurisdiction::Jurisdiction,
    outcome::{Outcome, gate, outcome},
    said::{Said, Shared},
};
use crate::{Engine, Explanation, Query, Verdict, Visibility, explain, reserved};

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
        self.decided(&self.matching(query), query)
    }

    /// The rules that match a call, by id.
    pub(crate) fn matching(&self, query: &Query<'_>) -> Vec<&Rule> {
        let candidates = self.index.candidates(query);
        let mut matching = Vec::with_capacity(candidates.len());
        self.matched(query, &candidates, |rule, matched| {
            if matched.by_call(rule.effect) {
                matching.push(rule);
            }
        });
        matching
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

    /// Calls `with` with each of these candidates that could match, and how far it does.
    fn matched<'p>(
        &'p self,
        query: &Query<'_>,
        candidates: &[u32],
        mut with: impl FnMut(&'p Rule, Matched),
    ) {
        let mut answers = self.index.asked().of(self.rules(), query);
        // Of a URI it is left open whether the globs of a rule match it.
        let is_resource = query.item().is_some_and(addresses_resource);
        for at in candidates {
            let rule = || self.rules().get(*at as usize);
            let matched = match is_resource {
                true => rule().map_or(Matched::No, |rule| rule.matched(query)),
                false => answers.matched(*at),
            };
            // Nothing is looked at of what does not match: of a long list that is most.
            if let Some(rule) = (matched != Matched::No).then(rule).flatten() {
                with(rule, matched);
            }
        }
    }

    /// What these candidates say of an item.
    fn said(&self, query: &Query<'_>, candidates: &[u32]) -> Said {
        let mut said = Said::NOTHING;
        self.matched(query, candidates, |rule, matched| {
            if !rule.origin.shadow {
                said.hear(rule, matched);
            }
        });
        said
    }

    /// The same of candidates that other items of a list have too: what is said of all of them
    /// alike, and what has to be asked about each, for its exceptions may be about items.
    fn shared(&self, query: &Query<'_>, candidates: &[u32]) -> Shared {
        // A query with arguments of its own is like no other.
        let is_open = query.is_listed() && query.arguments().is_none();
        let depends = |at: &u32| !is_open || self.index.asked().depends_on_item(*at);
        let (each, alike): (Vec<u32>, Vec<u32>) = candidates.iter().partition(|at| depends(at));
        Shared {
            said: self.said(query, &alike),
            each,
        }
    }
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
        let said = self.said(query, &self.index.candidates(query));
        said.shows(self.jurisdiction.enforced(query.principal()), query)
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
        let mut levels = None;
        let heard = |query: &Query<'_>, candidates: &[u32]| self.shared(query, candidates);
        self.index.said_of(items, query, heard, |query, shared| {
            let levels =
                levels.get_or_insert_with(|| self.jurisdiction.enforced(query.principal()));
            all.push(match (gate(query), shared) {
                (Some(_), _) | (_, None) => Visibility::Denied,
                (None, Some(shared)) => {
                    let mut said = shared.said;
                    if !shared.each.is_empty() {
                        said.join(&self.said(query, &shared.each));
                    }
                    said.shows(*levels, query)
                }
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
