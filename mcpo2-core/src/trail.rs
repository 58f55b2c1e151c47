use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;

use crate::{Digest, Family, ModuleId, RuleId};

/// What the layers found on the way of one call, shared by all its clones and read by audit.
///
/// ```
/// use mcpo2_core::{Fact, Filtered, Trail};
/// let trail = Trail::new();
/// trail.clone().record(Fact::Filtered(Filtered { shown: 2, hidden: 1 }));
/// assert_eq!(trail.facts().len(), 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Mutex<Vec<Fact>>>);

impl Trail {
    /// An empty trail.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact. Each layer records its own kind.
    pub fn record(&self, fact: Fact) {
        let mut facts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if facts.is_empty() {
            facts.reserve(LAYERS);
        }
        facts.push(fact);
    }

    /// The facts so far, in the order in which they were found.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        self.read(<[Fact]>::to_vec)
    }

    /// What `with` makes of the facts so far, without a copy. It must not use the trail.
    pub fn read<T>(&self, with: impl FnOnce(&[Fact]) -> T) -> T {
        with(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How many facts most calls have: one of each layer.
const LAYERS: usize = 5;

/// One thing that a layer found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// What the classifier found.
    Classified(Classified),
    /// What the policy decided.
    Decided(Decided),
    /// How the policy filtered a list.
    Filtered(Filtered),
    /// Which modules a list or handshake of the gateway had to do without.
    Listing(Listing),
    /// Where the router sent it, and why.
    Routed(Routing),
    /// Which preamble applied.
    Preamble(Applied),
    /// What was blotted out of the reply.
    Redacted(Redacted),
    /// What became a reference.
    Offloaded(Offloaded),
    /// What a module was given in place of a reference.
    Passed(Passed),
    /// What context a module was given with the call.
    Context(Given),
}

/// What the family of a call rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Basis {
    /// The record of the module that is addressed.
    Registry,
    /// The rules for free text.
    Rules,
    /// Nothing: the call belongs to no family.
    Nothing,
}

/// What the classifier found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Classified {
    /// The family, if one was found.
    pub family: Option<Family>,
    /// What it rests on.
    pub basis: Basis,
    /// The family that the text speaks of, where the registry says another.
    pub conflict: Option<Family>,
    /// The ids of the rules that matched the text.
    pub evidence: Vec<Box<str>>,
    /// The digest of the rule pack.
    pub ruleset: Digest,
}

/// The effect of a decision, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Allowed.
    Allow,
    /// Allowed once approved.
    RequireApproval,
    /// Denied.
    Deny,
}

/// What the policy decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// The effect.
    pub effect: Effect,
    /// The rules that made it, in order; none where no rule allowed it.
    pub rules: Vec<RuleId>,
    /// The reason, for the operator.
    pub reason: Cow<'static, str>,
    /// The digest of the policy bundle that decided.
    pub bundle: Digest,
    /// What rules in shadow mode would have changed; none where nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
}

/// What the policy would decide if its rules in shadow mode were enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shadow {
    /// The effect.
    pub effect: Effect,
    /// The rules that would make it, in order; none where no rule would allow it.
    pub rules: Vec<RuleId>,
}

/// How the policy filtered a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Filtered {
    /// How many entries the caller sees.
    pub shown: usize,
    /// How many it does not.
    pub hidden: usize,
}

/// How complete an answer over several modules is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The modules that did not answer, in order. What they had before may be there still.
    pub missing: Vec<ModuleId>,
}

/// Where the router sent a call, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Routing {
    /// The module that was chosen; none where the gateway itself answers, or nobody could.
    pub module: Option<ModuleId>,
    /// The name under which the module knows what is addressed, where it differs.
    pub item: Option<Arc<str>>,
    /// The modules that were looked at, in order.
    pub candidates: Vec<Candidate>,
    /// The digest of the registry snapshot.
    pub registry: Digest,
}

/// One module that the router looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The module.
    pub module: ModuleId,
    /// `chosen`, or the first filter that it did not pass.
    pub verdict: Cow<'static, str>,
}

/// A preamble profile, pinned by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileRef {
    /// The id of the profile.
    pub id: Box<str>,
    /// Its version.
    pub version: Box<str>,
    /// The digest of its text.
    pub digest: Digest,
}

/// Which preamble applied, and what of the caller's gave way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// The profile; none where the caller's keys were taken away and no profile applies.
    pub profile: Option<Arc<ProfileRef>>,
    /// Where it went: `meta`, `arguments`, `instructions` or `none`.
    pub point: Cow<'static, str>,
    /// Keys that the caller had set and that were taken away.
    pub stripped: Vec<Box<str>>,
}

/// What was blotted out of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redacted {
    /// How often each finder found something.
    pub finders: BTreeMap<Box<str>, u64>,
}

/// What became a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offloaded {
    /// The digest of the whole.
    pub digest: Digest,
    /// Its length, in bytes.
    pub bytes: u64,
}

/// What a module was given in place of a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// The digest of the whole.
    pub digest: Digest,
    /// Which bytes of it, from the first to the one behind the last.
    pub range: (u64, u64),
    /// As what: `text`, `json`, `data_uri`, or `url`, by which the module reads it itself.
    pub form: Cow<'static, str>,
}

/// What context a module was given: parts of files that the gateway selected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Given {
    /// The root of the manifest of all files that there were to select from.
    pub root: Digest,
    /// The digest of the text that was given.
    pub text: Digest,
    /// How many excerpts it has.
    pub items: u64,
    /// How many tokens it takes, by the tokenizer that counted.
    pub tokens: u64,
    /// Where it went: `meta` or `arguments`.
    pub point: Cow<'static, str>,
}
