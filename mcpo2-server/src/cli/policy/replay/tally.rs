use std::collections::{BTreeMap, BTreeSet};

use mcpo2_core::Effect;

use super::recorded::{Decided, Recorded};

/// How many groups are kept apart; of what is behind, only the calls are counted.
const MAX_GROUPS: usize = 20_000;
/// How many digests are.
const MAX_BUNDLES: usize = 1000;

/// What became of one call.
#[derive(Debug)]
pub(super) enum Became {
    /// Nobody decided on it.
    NotDecided,
    /// The same, by the policy of this digest.
    Same(Box<str>),
    /// Something else.
    Other {
        was: Decided,
        effect: Effect,
        rules: Vec<Box<str>>,
    },
    /// One or the other, depending on what the ledger does not have.
    Undetermined {
        on: BTreeSet<&'static str>,
        bundle: Box<str>,
    },
}

/// How calls are told of together.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Change {
    pub(super) tenant: Box<str>,
    /// Its roles; where it has none, the name by which records know the caller.
    pub(super) who: Box<str>,
    pub(super) method: Box<str>,
    pub(super) item: Option<Box<str>>,
    pub(super) before: Side,
    pub(super) after: Side,
}

/// An effect and the rules that made it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Side {
    pub(super) effect: Effect,
    pub(super) rules: Vec<Box<str>>,
}

/// How many, and one of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) calls: u64,
    pub(super) example: u64,
}

/// What became of all of them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) same: u64,
    pub(super) undetermined: u64,
    pub(super) not_decided: u64,
    /// By what it was and became.
    pub(super) changed: BTreeMap<(Effect, Effect), u64>,
    pub(super) groups: BTreeMap<Change, Group>,
    pub(super) on: BTreeMap<BTreeSet<&'static str>, Group>,
    /// How many were decided by which policy.
    pub(super) bundles: BTreeMap<Box<str>, u64>,
}

impl Tally {
    pub(super) fn add(&mut self, recorded: &Recorded<'_>, became: Became) {
        self.calls = self.calls.saturating_add(1);
        let one = Group {
            calls: 0,
            example: recorded.seq,
        };
        match became {
            Became::NotDecided => more(&mut self.not_decided),
            Became::Same(bundle) => {
                more(&mut self.same);
                self.decided_by(bundle);
            }
            Became::Undetermined { on, bundle } => {
                more(&mut self.undetermined);
                more(&mut self.on.entry(on).or_insert(one).calls);
                self.decided_by(bundle);
            }
            Became::Other { was, effect, rules } => {
                more(self.changed.entry((was.effect, effect)).or_default());
                self.decided_by(was.bundle);
                let before = Side {
                    effect: was.effect,
                    rules: was.rules,
                };
                let change = Change::of(recorded, before, Side { effect, rules });
                if self.groups.len() < MAX_GROUPS || self.groups.contains_key(&change) {
                    more(&mut self.groups.entry(change).or_insert(one).calls);
                }
            }
        }
    }

    fn decided_by(&mut self, bundle: Box<str>) {
        if self.bundles.len() < MAX_BUNDLES || self.bundles.contains_key(&bundle) {
            more(self.bundles.entry(bundle).or_default());
        }
    }

    /// How many have this effect now, and had another.
    pub(super) fn newly(&self, effect: Effect) -> u64 {
        let all = self.changed.iter().filter(|((_, now), _)| *now == effect);
        all.map(|(_, calls)| calls).sum()
    }

    /// Whether anything is decided less strictly.
    pub(super) fn is_anything_allowed(&self) -> bool {
        self.changed.keys().any(|(was, now)| now < was)
    }

    /// Whether anything is decided more strictly.
    pub(super) fn is_anything_denied(&self) -> bool {
        self.changed.keys().any(|(was, now)| now > was)
    }
}

impl Change {
    fn of(recorded: &Recorded<'_>, before: Side, after: Side) -> Self {
        let (caller, asked) = (recorded.caller, recorded.asked);
        let who = match caller.roles.is_empty() {
            true => caller.pseudonym.clone().unwrap_or_else(|| "-".into()),
            false => caller.roles.join(", ").into(),
        };
        let name = asked.item.as_ref().and_then(|item| item.name.as_deref());
        Self {
            tenant: caller.tenant.as_str().into(),
            who,
            method: (*asked.method).into(),
            item: name.map(Into::into),
            before,
            after,
        }
    }
}

fn more(count: &mut u64) {
    *count = count.saturating_add(1);
}
