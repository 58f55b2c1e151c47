//! Globs that match nothing of what the gateway has.

use super::{
    Finding, Known, KnownItem, Site,
    glob::{self, is_literal},
};
use crate::config::{ConditionsConfig, ItemsConfig, ModulesConfig};

/// A list of globs, and what there is for it.
struct Named<'c> {
    field: &'static str,
    what: &'static str,
    globs: &'c [String],
    known: &'c [KnownItem],
}

pub(super) fn check(site: &Site<'_>, known: &Known, found: &mut Vec<Finding>) {
    for (path, conditions) in site.conditions() {
        let ItemsConfig {
            tools,
            prompts,
            resources,
            ..
        } = &conditions.items;
        let lists = [
            named("tools", "tool", tools.as_deref(), known.tools.as_deref()),
            named(
                "prompts",
                "prompt",
                prompts.as_deref(),
                known.prompts.as_deref(),
            ),
        ];
        for list in lists.into_iter().flatten() {
            let is_alone = resources.is_none() && tools.is_some() != prompts.is_some();
            let is_rule = path.is_empty();
            match (is_alone && is_rule).then(|| nothing(&list, conditions)) {
                Some(Some(why)) => {
                    let message = format!("rule `{}` matches no {why}", site.rule.id);
                    found.push(site.warning("never-matches", list.field, message));
                }
                _ => unmatched(site, &path, &list, found),
            }
        }
    }
}

fn named<'c>(
    field: &'static str,
    what: &'static str,
    globs: Option<&'c [String]>,
    known: Option<&'c [KnownItem]>,
) -> Option<Named<'c>> {
    let (globs, known) = (globs?, known?);
    Some(Named {
        field,
        what,
        globs,
        known,
    })
}

/// What a rule that is only about these matches none of; none where it matches some.
fn nothing(list: &Named<'_>, conditions: &ConditionsConfig) -> Option<String> {
    let globs: Vec<_> = list.globs.iter().map(|text| glob::read(text)).collect();
    // Globs that cannot be read are no globs that match nothing.
    let globs = globs.into_iter().collect::<Option<Vec<_>>>()?;
    let is_named = |item: &&KnownItem| globs.iter().any(|glob| glob.matches(&item.name));
    let mut items = list.known.iter().filter(is_named).peekable();
    if items.peek().is_none() {
        return Some(format!("{} of the catalogue", list.what));
    }
    items
        .all(|item| is_elsewhere(item, &conditions.modules))
        .then(|| {
            format!(
                "{} of the catalogue: those that it names are of other modules",
                list.what
            )
        })
}

/// Whether the item is certainly not of these modules.
fn is_elsewhere(item: &KnownItem, modules: &ModulesConfig) -> bool {
    let other = |known: &Option<String>, wanted: &Option<Vec<String>>| match (known, wanted) {
        (Some(known), Some(wanted)) => !wanted.contains(known),
        _ => false,
    };
    other(&item.module, &modules.modules) || other(&item.family, &modules.families)
}

fn unmatched(site: &Site<'_>, path: &str, list: &Named<'_>, found: &mut Vec<Finding>) {
    let what = list.what;
    for (at, text) in list.globs.iter().enumerate() {
        let Some(glob) = glob::read(text) else {
            continue;
        };
        if list.known.iter().any(|item| glob.matches(&item.name)) {
            continue;
        }
        let field = format!("{path}{}/{at}", list.field);
        let message = match is_literal(text) {
            true => format!("there is no {what} `{text}` in the catalogue"),
            false => format!("`{text}` matches no {what} of the catalogue"),
        };
        let unknown = is_literal(text).then(|| text.clone());
        let finding = site.warning("unmatched-glob", &field, message);
        found.push(Finding { unknown, ..finding });
    }
}
