//! Rules that can never match, whatever the gateway has.

use mcpo2_core::{ItemKind, Method};

use super::{
    Finding, Site, argument,
    cover::{self, Exempt},
    glob::is_literal,
};
use crate::config::{EffectConfig, ItemsConfig};

/// Says why the rule never matches, or what of it never counts. Whether it never matches.
pub(super) fn check(site: &Site<'_>, found: &mut Vec<Finding>) -> bool {
    let before = found.len();
    let reason = outside(site, found)
        .or_else(|| method_of_other_kind(site))
        .or_else(|| method_without_arguments(site))
        .or_else(|| swallowed(site));
    if let Some((field, why)) = reason {
        found.truncate(before);
        let message = format!("rule `{}` never matches: {why}", site.rule.id);
        found.push(site.warning("never-matches", &field, message));
        return true;
    }
    arguments(site, found)
}

/// Where, and why.
type Reason = (String, String);

/// Callers over whom the bundle has no say.
fn outside(site: &Site<'_>, found: &mut Vec<Finding>) -> Option<Reason> {
    let callers = &site.rule.conditions.callers;
    let lists = [
        ("tenants", "tenant", &callers.tenants, site.author.tenants),
        (
            "projects",
            "project",
            &callers.projects,
            site.author.projects,
        ),
    ];
    for (field, what, named, over) in lists {
        let Some(named) = named.as_ref().filter(|_| !over.is_empty()) else {
            continue;
        };
        if !named.iter().any(|name| over.contains(name)) {
            let why = format!("its bundle has a say over no {what} that it names");
            return Some((field.to_owned(), why));
        }
        for (at, name) in named
            .iter()
            .enumerate()
            .filter(|(_, name)| !over.contains(name))
        {
            let message = format!("the bundle has no say over {what} `{name}`");
            found.push(site.warning("outside-jurisdiction", &format!("{field}/{at}"), message));
        }
    }
    None
}

/// The methods, where each of them is known, and what it addresses.
fn methods(items: &ItemsConfig) -> Option<Vec<Method>> {
    let methods = items.methods.as_ref()?.iter().map(|name| {
        let method = Method::from(name.as_str());
        let is_known = is_literal(name) && !matches!(method, Method::Other(_));
        is_known.then_some(method)
    });
    methods.collect()
}

/// Methods none of which addresses what the rule is about.
fn method_of_other_kind(site: &Site<'_>) -> Option<Reason> {
    let items = &site.rule.conditions.items;
    let kinds = [
        (&items.tools, ItemKind::Tool),
        (&items.prompts, ItemKind::Prompt),
        (&items.resources, ItemKind::Resource),
    ];
    let kinds = kinds.into_iter().filter(|(globs, _)| globs.is_some());
    let kinds: Vec<ItemKind> = kinds.map(|(_, kind)| kind).collect();
    let methods = methods(items).filter(|methods| !methods.contains(&Method::Complete))?;
    let addresses = |method: &Method| match method.item_kind() {
        Some(kind) => kinds.contains(&kind),
        // It may name what it listens to.
        None => *method == Method::Listen,
    };
    let never = !kinds.is_empty() && !methods.iter().any(addresses);
    never.then(|| {
        let why = "none of its methods addresses what it is about".to_owned();
        ("methods".to_owned(), why)
    })
}

/// Conditions on arguments of methods that have none.
fn method_without_arguments(site: &Site<'_>) -> Option<Reason> {
    let items = &site.rule.conditions.items;
    let methods = methods(items).filter(|_| items.arguments.is_some())?;
    let has_arguments = |method: &Method| {
        matches!(
            method,
            Method::ToolsCall | Method::PromptsGet | Method::Complete
        )
    };
    let never = !methods.iter().any(has_arguments);
    never.then(|| {
        let why = "none of its methods has arguments".to_owned();
        ("arguments".to_owned(), why)
    })
}

/// An exception that holds wherever the rule would match.
fn swallowed(site: &Site<'_>) -> Option<Reason> {
    let exempt = match site.rule.effect {
        EffectConfig::Allow => Exempt::Surely,
        // Where a condition cannot be known, the rule matches and the exception does not hold.
        EffectConfig::RequireApproval | EffectConfig::Deny => Exempt::WhateverIsKnown,
    };
    let mut exceptions = site.rule.unless.iter().flatten();
    let at = exceptions.position(|exception| cover::exempts(exception, site, exempt))?;
    let why = "this exception holds wherever its conditions do".to_owned();
    Some((format!("unless/{at}"), why))
}

/// Conditions on one argument that no value fulfils. Whether the rule never matches for them.
fn arguments(site: &Site<'_>, found: &mut Vec<Finding>) -> bool {
    let is_allow = site.rule.effect == EffectConfig::Allow;
    let mut never = false;
    for (path, conditions) in site.conditions() {
        let arguments = conditions.items.arguments.as_deref().unwrap_or_default();
        for at in argument::contradictions(arguments) {
            let pointer = arguments.get(at).map_or("", |argument| &argument.pointer);
            let contradiction = format!("no value of `{pointer}` fulfils all its conditions");
            let id = &site.rule.id;
            let (code, message) = match (is_allow, path.is_empty()) {
                (true, true) => (
                    "never-matches",
                    format!("rule `{id}` never matches: {contradiction}"),
                ),
                (false, true) => (
                    "contradiction",
                    format!("{contradiction}: it matches only where that cannot be known"),
                ),
                (false, false) => (
                    "contradiction",
                    format!("{contradiction}: the exception exempts nothing"),
                ),
                (true, false) => continue,
            };
            never |= code == "never-matches";
            found.push(site.warning(code, &format!("{path}arguments/{at}"), message));
        }
    }
    never
}
