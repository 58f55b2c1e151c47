//! Entries that stand in a list twice.

use std::collections::HashSet;

use super::{Finding, Site};
use crate::config::ConditionsConfig;

pub(super) fn check(site: &Site<'_>, found: &mut Vec<Finding>) {
    for (path, conditions) in site.conditions() {
        for (field, list) in texts(conditions) {
            let mut seen = HashSet::new();
            for (at, text) in list.iter().flatten().enumerate() {
                if !seen.insert(text) {
                    found.push(twice(site, &format!("{path}{field}/{at}"), text));
                }
            }
        }
        let arguments = conditions.items.arguments.as_deref().unwrap_or_default();
        for (at, argument) in arguments.iter().enumerate() {
            if arguments.iter().take(at).any(|before| before == argument) {
                let pointer = &argument.pointer;
                found.push(twice(site, &format!("{path}arguments/{at}"), pointer));
            }
        }
    }
}

fn twice(site: &Site<'_>, field: &str, text: &str) -> Finding {
    let message = format!("`{text}` stands in this list twice, and says the same there");
    site.warning("duplicate-entry", field, message)
}

fn texts(conditions: &ConditionsConfig) -> [(&'static str, &Option<Vec<String>>); 15] {
    let ConditionsConfig {
        callers,
        modules,
        items,
        situation,
    } = conditions;
    [
        ("tenants", &callers.tenants),
        ("roles", &callers.roles),
        ("principals", &callers.principals),
        ("projects", &callers.projects),
        ("scopes", &callers.scopes),
        ("families", &modules.families),
        ("modules", &modules.modules),
        ("regions", &modules.regions),
        ("methods", &items.methods),
        ("tools", &items.tools),
        ("prompts", &items.prompts),
        ("resources", &items.resources),
        ("environments", &situation.environments),
        ("networks", &situation.networks),
        ("calendars", &situation.calendars),
    ]
}
