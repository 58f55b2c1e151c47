//! The effects that are possible where some rules may or may not match.

use std::collections::BTreeSet;

use mcpo2_core::{Effect, Obligations};

use super::{
    Jurisdiction, Rule,
    outcome::{Standing, reserved_allowance, runs_within},
};
use crate::{Matter, config::LevelConfig, query::Query};

/// The effects that are possible: between these, both included.
#[derive(Debug)]
pub(crate) struct Range {
    /// The most permissive.
    pub(crate) least: Effect,
    /// The strictest.
    pub(crate) most: Effect,
    /// What it rests on beside the conditions of rules.
    pub(crate) on: BTreeSet<Matter>,
}

/// What can be decided where the `sure` rules match, and any of the `open` ones.
pub(crate) fn range(
    sure: &[&Rule],
    open: &[&Rule],
    jurisdiction: &Jurisdiction,
    query: &Query<'_>,
    lost: &BTreeSet<Matter>,
) -> Range {
    let reserved = reserved_allowance(query).is_some();
    let caller = query.principal();
    let mut on = BTreeSet::new();
    let (fewest, all) = match lost.contains(&Matter::Project) {
        true => jurisdiction.enforced_in_any_project(caller),
        false => [jurisdiction.enforced(caller); 2].into(),
    };
    if fewest != all {
        on.insert(Matter::Project);
    }
    let of = |level| standings(sure, open, level, reserved);
    let strictest = |all: Standing, one: Standing| all.max(one);
    let least = (fewest.iter().map(|level| of(level).0)).fold(Standing::Allows, strictest);
    let most = (all.iter().map(|level| of(level).1)).fold(Standing::Allows, strictest);

    // More rules owe more, and so are denied sooner.
    let both = || sure.iter().chain(open).copied();
    let denied = burden(sure.iter().copied(), query, lost) == Burden::TooMuch;
    let may_be = burden(both(), query, lost);
    if may_be == Burden::Depends {
        on.insert(Matter::Region);
    }
    let effect = |standing, is_denied: bool| match is_denied {
        true => Effect::Deny,
        false => Effect::from(standing),
    };
    Range {
        least: effect(least, denied),
        most: effect(most, may_be != Burden::Borne),
        on,
    }
}

/// The most permissive and the strictest that one level can say.
fn standings(
    sure: &[&Rule],
    open: &[&Rule],
    level: LevelConfig,
    reserved: bool,
) -> (Standing, Standing) {
    let any = |rules: &[&Rule], effect| {
        let mut of_level = rules.iter().filter(|rule| rule.origin.level == level);
        of_level.any(|rule| rule.effect == effect)
    };
    if any(sure, Effect::Deny) {
        return (Standing::Denies, Standing::Denies);
    }
    let (asks, may_ask) = (
        any(sure, Effect::RequireApproval),
        any(open, Effect::RequireApproval),
    );
    let allows = reserved || any(sure, Effect::Allow);
    let least = if asks {
        Standing::Asks
    } else if allows || any(open, Effect::Allow) {
        Standing::Allows
    } else if may_ask {
        Standing::Asks
    } else {
        Standing::IsSilent
    };
    let most = if any(open, Effect::Deny) {
        Standing::Denies
    } else if !asks && !allows {
        Standing::IsSilent
    } else if asks || may_ask {
        Standing::Asks
    } else {
        Standing::Allows
    };
    (least, most)
}

/// Whether what rules oblige to can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Burden {
    Borne,
    /// On where the module runs.
    Depends,
    TooMuch,
}

fn burden<'r>(
    rules: impl Iterator<Item = &'r Rule>,
    query: &Query<'_>,
    lost: &BTreeSet<Matter>,
) -> Burden {
    let mut owed = Obligations::default();
    let allowing = rules.filter(|rule| rule.effect == Effect::Allow);
    for obligations in allowing.filter_map(|rule| rule.obligations.as_deref()) {
        if !owed.add(obligations) {
            return Burden::TooMuch;
        }
    }
    match &owed.regions {
        None => Burden::Borne,
        Some(_) if lost.contains(&Matter::Region) && query.facts().is_some() => Burden::Depends,
        Some(regions) if runs_within(regions, query) => Burden::Borne,
        Some(_) => Burden::TooMuch,
    }
}

impl From<Standing> for Effect {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Allows => Self::Allow,
            Standing::Asks => Self::RequireApproval,
            Standing::IsSilent | Standing::Denies => Self::Deny,
        }
    }
}
