//! Whether one set of conditions holds wherever another does, where that can be shown.
//!
//! All of this rests on single conditions: one that is wider holds where the narrower one does,
//! and is not known to be false where that is not.

use mcpo2_core::Method;

use super::{
    Site,
    glob::{all_covered, is_literal, meet},
};
use crate::config::{
    CallersConfig, ConditionsConfig, ItemsConfig, LevelConfig, ModulesConfig, SituationConfig,
};

/// How certainly an exception must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exempt {
    /// Where all conditions of the rule hold.
    Surely,
    /// Also where some of them cannot be known.
    WhateverIsKnown,
}

type List<'c> = Option<&'c [String]>;

/// Whether `wide` matches wherever `narrow` does.
pub(super) fn rule(wide: &Site<'_>, narrow: &Site<'_>) -> bool {
    let (one, two) = (&wide.rule.conditions, &narrow.rule.conditions);
    let same_author = wide.author.bundle == narrow.author.bundle;
    // What takes least is asked first: of most pairs that is all.
    jurisdiction(wide, narrow)
        && modules(&one.modules, &two.modules)
        && callers(&one.callers, &two.callers)
        && methods(&one.items, &two.items)
        && items(&one.items, &two.items)
        && situation(&one.situation, &two.situation, same_author)
        && arguments(&one.items, &two.items)
        && exceptions(wide, narrow, same_author)
}

/// Whether an exception of a rule holds wherever its conditions do.
pub(super) fn exempts(exception: &ConditionsConfig, site: &Site<'_>, exempt: Exempt) -> bool {
    let conditions = &site.rule.conditions;
    let (one, two) = (&exception.items, &conditions.items);
    let named = one.methods.is_none() || methods(one, two);
    let is_known = exception.modules == ModulesConfig::default()
        && exception.situation == SituationConfig::default()
        && one.resources.is_none()
        && one.arguments.is_none();
    named
        && (exempt == Exempt::Surely || is_known)
        && items(one, two)
        && callers(&exception.callers, &conditions.callers)
        && modules(&exception.modules, &conditions.modules)
        && situation(&exception.situation, &conditions.situation, true)
        && arguments(one, two)
}

/// Whether there certainly is a call that both match, by a caller that there can be.
pub(super) fn overlap(one: &Site<'_>, two: &Site<'_>) -> bool {
    let is_plain = |site: &Site<'_>| {
        let conditions = &site.rule.conditions;
        site.rule.unless.is_none()
            && site.author.level == LevelConfig::Platform
            && conditions.items.arguments.is_none()
            && conditions.items.methods.is_none()
            && conditions.items.resources.is_none()
            && conditions.situation == SituationConfig::default()
    };
    let (a, b) = (&one.rule.conditions, &two.rule.conditions);
    // Whether a tool or module is of a family or region is not known here.
    let names_item = |of: &ConditionsConfig| of.items != ItemsConfig::default();
    let names_module = |of: &ConditionsConfig| of.modules != ModulesConfig::default();
    let apart = names_item(a) && names_module(b) || names_item(b) && names_module(a);
    let same_place = !apart && (!names_module(a) || !names_module(b) || a.modules == b.modules);
    is_plain(one)
        && is_plain(two)
        && same_place
        && names_meet(&a.items, &b.items)
        && callers_meet(&a.callers, &b.callers)
}

fn names_meet(one: &ItemsConfig, two: &ItemsConfig) -> bool {
    let any = |items: &ItemsConfig| items.tools.is_none() && items.prompts.is_none();
    let both = |one: &Option<Vec<String>>, two: &Option<Vec<String>>| {
        let (one, mut two) = (one.iter().flatten(), two.iter().flatten());
        let one: Vec<&String> = one.collect();
        two.any(|two| one.iter().any(|one| meet(one, two)))
    };
    any(one) || any(two) || both(&one.tools, &two.tools) || both(&one.prompts, &two.prompts)
}

/// Of all but roles and scopes a caller has one.
fn callers_meet(one: &CallersConfig, two: &CallersConfig) -> bool {
    fn meet<T: PartialEq>(one: &Option<Vec<T>>, two: &Option<Vec<T>>) -> bool {
        match (one, two) {
            (Some(one), Some(two)) => one.iter().any(|entry| two.contains(entry)),
            _ => true,
        }
    }
    meet(&one.tenants, &two.tenants)
        && meet(&one.principals, &two.principals)
        && meet(&one.projects, &two.projects)
        && meet(&one.kinds, &two.kinds)
        && meet(&one.auth, &two.auth)
}

/// Whether `wide` has a say over everybody over whom `narrow` has one.
fn jurisdiction(wide: &Site<'_>, narrow: &Site<'_>) -> bool {
    let within = |wide: &[String], narrow: &[String]| {
        !narrow.is_empty() && narrow.iter().all(|name| wide.contains(name))
    };
    let (one, two) = (wide.author, narrow.author);
    match one.level {
        _ if one.bundle == two.bundle => true,
        LevelConfig::Platform => true,
        LevelConfig::Tenant => within(one.tenants, two.tenants),
        LevelConfig::Project => {
            within(one.tenants, two.tenants) && within(one.projects, two.projects)
        }
    }
}

fn methods(wide: &ItemsConfig, narrow: &ItemsConfig) -> bool {
    let addresses = |name: &String| {
        let method = Method::from(name.as_str());
        is_literal(name) && (method.item_kind().is_some() || method == Method::Complete)
    };
    match (&wide.methods, &narrow.methods) {
        (None, None) => true,
        (None, Some(narrow)) => narrow.iter().all(addresses),
        (Some(wide), None) => wide.iter().any(|glob| glob == "*"),
        (Some(wide), Some(narrow)) => all_covered(wide, narrow),
    }
}

fn items(wide: &ItemsConfig, narrow: &ItemsConfig) -> bool {
    let any = |items: &ItemsConfig| {
        items.tools.is_none() && items.prompts.is_none() && items.resources.is_none()
    };
    let covered = |wide: List<'_>, narrow: List<'_>| {
        all_covered(wide.unwrap_or_default(), narrow.unwrap_or_default())
    };
    let among = |wide: List<'_>, narrow: List<'_>| {
        let wide = wide.unwrap_or_default();
        narrow
            .iter()
            .copied()
            .flatten()
            .all(|glob| wide.contains(glob))
    };
    any(wide)
        || !any(narrow)
            && covered(wide.tools.as_deref(), narrow.tools.as_deref())
            && covered(wide.prompts.as_deref(), narrow.prompts.as_deref())
            && among(wide.resources.as_deref(), narrow.resources.as_deref())
}

/// Whether a list is wider: absent, or with all entries of the other.
fn list<T: PartialEq>(wide: &Option<Vec<T>>, narrow: &Option<Vec<T>>) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow.iter().all(|entry| wide.contains(entry)),
    }
}

fn callers(wide: &CallersConfig, narrow: &CallersConfig) -> bool {
    list(&wide.tenants, &narrow.tenants)
        && list(&wide.roles, &narrow.roles)
        && list(&wide.principals, &narrow.principals)
        && list(&wide.projects, &narrow.projects)
        && list(&wide.scopes, &narrow.scopes)
        && list(&wide.kinds, &narrow.kinds)
        && list(&wide.auth, &narrow.auth)
}

fn modules(wide: &ModulesConfig, narrow: &ModulesConfig) -> bool {
    list(&wide.families, &narrow.families)
        && list(&wide.modules, &narrow.modules)
        && list(&wide.regions, &narrow.regions)
        && wide
            .min_tier
            .is_none_or(|wide| narrow.min_tier.is_some_and(|narrow| wide <= narrow))
}

fn situation(wide: &SituationConfig, narrow: &SituationConfig, same_author: bool) -> bool {
    let least = |wide: Option<u64>, narrow: Option<u64>| {
        wide.is_none_or(|wide| narrow.is_some_and(|narrow| narrow <= wide))
    };
    list(&wide.environments, &narrow.environments)
        && list(&wide.networks, &narrow.networks)
        && list(&wide.times, &narrow.times)
        // The calendars of another bundle are others.
        && (wide.calendars.is_none() || same_author && list(&wide.calendars, &narrow.calendars))
        && least(wide.max_session_seconds, narrow.max_session_seconds)
        && least(wide.max_request_bytes, narrow.max_request_bytes)
}

/// Each condition more makes a rule narrower.
fn arguments(wide: &ItemsConfig, narrow: &ItemsConfig) -> bool {
    let narrow = narrow.arguments.as_deref().unwrap_or_default();
    let mut wide = wide.arguments.iter().flatten();
    wide.all(|condition| narrow.contains(condition))
}

/// Each exception more makes a rule narrower.
fn exceptions(wide: &Site<'_>, narrow: &Site<'_>, same_author: bool) -> bool {
    let narrow = narrow.rule.unless.as_deref().unwrap_or_default();
    let mut wide = wide.rule.unless.iter().flatten();
    let is_known = |exception: &ConditionsConfig| {
        (same_author || exception.situation.calendars.is_none()) && narrow.contains(exception)
    };
    wide.all(is_known)
}
