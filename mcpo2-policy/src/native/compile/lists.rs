//! Lists: none that is there may be empty, and all together are bounded.

use std::fmt::Display;

use crate::{
    config::{ConditionsConfig, RuleConfig},
    error::Fault,
};

/// How many entries all lists of all rules may have together: each may take a compiled pattern.
const MAX_ENTRIES: usize = 500_000;

pub(super) fn within(entries: usize) -> Result<(), Fault> {
    if entries > MAX_ENTRIES {
        let problem = format!("brings the lists of all rules over {MAX_ENTRIES} entries");
        return Err(Fault::new("id", problem));
    }
    Ok(())
}

/// How many entries the lists of a rule have.
pub(super) fn entries(config: &RuleConfig) -> usize {
    let exceptions = config.unless.iter().flatten().map(of_conditions);
    of_conditions(&config.conditions).saturating_add(exceptions.sum())
}

fn of_conditions(config: &ConditionsConfig) -> usize {
    let ConditionsConfig {
        callers,
        modules,
        items,
        situation,
    } = config;
    let texts = [
        &callers.tenants,
        &callers.roles,
        &callers.principals,
        &callers.projects,
        &callers.scopes,
        &modules.families,
        &modules.modules,
        &modules.regions,
        &items.methods,
        &items.tools,
        &items.prompts,
        &items.resources,
        &situation.environments,
        &situation.networks,
        &situation.calendars,
    ];
    let texts: usize = texts.into_iter().flatten().map(Vec::len).sum();
    let times = situation.times.as_ref().map_or(0, Vec::len);
    let values = items.arguments.iter().flatten().map(|argument| {
        let predicate = &argument.predicate;
        let values = predicate.one_of.as_ref().map_or(0, Vec::len);
        1 + values + predicate.sql_within.as_ref().map_or(0, Vec::len)
    });
    1 + texts + times + values.sum::<usize>()
}

/// Each entry of a list of texts, read; a list that is there and empty would match nothing.
pub(super) fn each<T, E: Display>(
    texts: &[String],
    field: &str,
    mut read: impl FnMut(&str) -> Result<T, E>,
) -> Result<Vec<T>, Fault> {
    items(texts, field, |text| {
        read(text).map_err(|problem| Fault::new("", problem))
    })
}

/// The same for a list of anything, where what is wrong can be in a field of an entry.
pub(super) fn items<C, T>(
    entries: &[C],
    field: &str,
    mut read: impl FnMut(&C) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    if entries.is_empty() {
        let problem = "is empty, and so matches nothing; leave it out for any";
        return Err(Fault::new(field, problem));
    }
    let entries = entries.iter().enumerate();
    let read = |(at, entry): (usize, &C)| {
        read(entry).map_err(|fault| fault.within(&format!("{field}[{at}]")))
    };
    entries.map(read).collect()
}
