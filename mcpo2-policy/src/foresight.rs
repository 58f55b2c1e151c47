//! What a policy makes of a request of which not all is known any more.

use std::collections::BTreeSet;

use mcpo2_core::Decided;
use serde::Serialize;

use crate::{
    Engine, Policy, Query, Verdict,
    native::{Matched, Rule, gate, matched_without, matters, range},
};

/// One thing that conditions rest on, and that what is kept of a request may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Matter {
    /// The id of the caller.
    Principal,
    /// Its roles.
    Roles,
    /// Its project.
    Project,
    /// Its scopes.
    Scopes,
    /// Which module owns what is addressed, where only its family is known.
    Module,
    /// The region of that.
    Region,
    /// Its tier.
    Tier,
    /// The environment that the gateway served.
    Environment,
    /// The address from which the request came.
    Source,
    /// How long ago the session began.
    SessionAge,
    /// The arguments.
    Arguments,
}

impl Matter {
    /// The name, as it is serialised.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Roles => "roles",
            Self::Project => "project",
            Self::Scopes => "scopes",
            Self::Module => "module",
            Self::Region => "region",
            Self::Tier => "tier",
            Self::Environment => "environment",
            Self::Source => "source",
            Self::SessionAge => "session_age",
            Self::Arguments => "arguments",
        }
    }
}

/// What becomes of a request of which not all is known.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Foreseen {
    /// The effect is this one, whatever is not known. The rules are those that surely match.
    Certain(Decided),
    /// More than one effect is possible, depending on these.
    DependsOn(BTreeSet<Matter>),
}

impl Foreseen {
    fn of(verdict: Verdict) -> Self {
        let (_, decided) = verdict.into_parts();
        Self::Certain(decided)
    }
}

/// Decides requests of which not all is known, as records of them: on what is known, and for all
/// that the rest could be.
///
/// Never does it call certain what another value of something lost would change. It may call open
/// what no value would: conditions are held apart from each other, also where one excludes another.
///
/// ```
/// use std::collections::BTreeSet;
///
/// use mcpo2_core::{AuthMethod, Item, ItemKind, Method, Principal};
/// use mcpo2_policy::{Config, Foreseen, Foresight, Matter, Query};
///
/// let config: Config = serde_json::from_str(r#"{ "rules": [
///     { "id": "get", "effect": "allow", "tools": ["git__get"] },
///     { "id": "put", "effect": "allow", "tools": ["git__put"],
///       "arguments": [{ "pointer": "/path", "prefix": "/srv/" }] }
/// ] }"#)?;
/// let policy = config.compile()?;
/// let foresight = Foresight::new(&policy);
/// let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let lost = BTreeSet::from([Matter::Arguments]);
/// let of = |name: &str| {
///     let tool = Item::new(ItemKind::Tool, name);
///     foresight.of(&Query::new(&Method::ToolsCall, Some(&tool), &ada), &lost)
/// };
/// assert!(matches!(of("git__get"), Foreseen::Certain(_)));
/// assert!(matches!(of("git__put"), Foreseen::DependsOn(on) if on == lost));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Foresight<'p> {
    policy: &'p Policy,
    /// The enforced rules that could rest on something lost, by id.
    resting: Vec<(&'p Rule, BTreeSet<Matter>)>,
}

impl<'p> Foresight<'p> {
    /// By this policy.
    #[must_use]
    pub fn new(policy: &'p Policy) -> Self {
        let rules = policy.rules().iter();
        let enforced = rules.filter(|rule| !rule.origin.shadow);
        let resting = enforced.map(|rule| (rule, matters(&rule.conditions)));
        Self {
            policy,
            resting: resting.filter(|(_, on)| !on.is_empty()).collect(),
        }
    }

    /// What becomes of a request whose `lost` matters are not known. What the query says of them
    /// does not count; of a lost module it says the family.
    #[must_use]
    pub fn of(&self, query: &Query<'_>, lost: &BTreeSet<Matter>) -> Foreseen {
        let policy = self.policy;
        if policy.is_uniform() {
            return Foreseen::of(policy.decide(query));
        }
        if let Some(outcome) = gate(query) {
            return Foreseen::of(outcome.into_verdict(policy.digest()));
        }
        let (sure, open, mut on) = self.matching(query, lost);
        let range = range(&sure, &open, policy.jurisdiction(), query, lost);
        if range.least == range.most {
            let (outcome, _) = policy.decided(&sure, query);
            return Foreseen::of(outcome.into_verdict(policy.digest()));
        }
        on.extend(range.on);
        Foreseen::DependsOn(on)
    }

    /// The enforced rules that match, by id; those that may; and what the latter rest on.
    fn matching(
        &self,
        query: &Query<'_>,
        lost: &BTreeSet<Matter>,
    ) -> (Vec<&Rule>, Vec<&Rule>, BTreeSet<Matter>) {
        let rests = |on: &BTreeSet<Matter>| !on.is_disjoint(lost);
        let is_settled = |rule: &Rule| {
            let found = self
                .resting
                .binary_search_by(|(other, _)| other.id.cmp(&rule.id));
            let on = found.ok().and_then(|found| self.resting.get(found));
            !on.is_some_and(|(_, on)| rests(on))
        };
        let mut sure = self.policy.matching(query);
        sure.retain(|rule| !rule.origin.shadow && is_settled(rule));
        let (mut open, mut matters) = (Vec::new(), BTreeSet::new());
        for (rule, on) in self.resting.iter().filter(|(_, on)| rests(on)) {
            match matched_without(rule, query, lost) {
                Matched::No => {}
                Matched::Yes => sure.push(rule),
                Matched::Open => {
                    open.push(*rule);
                    matters.extend(on.intersection(lost));
                }
            }
        }
        sure.sort_unstable_by(|one, two| one.id.cmp(&two.id));
        (sure, open, matters)
    }
}
