//! Names of what is not there.

use std::collections::BTreeSet;

use super::{Finding, Known, Severity, Site};
use crate::config::ConditionsConfig;

/// What of a kind is named, where, and what there is of it.
struct Names<'c> {
    code: &'static str,
    severity: Severity,
    /// What such a thing is called: `there is no {what} `x``.
    what: &'static str,
    field: &'static str,
    named: Option<&'c [String]>,
    known: Option<&'c BTreeSet<String>>,
}

pub(super) fn check(site: &Site<'_>, known: &Known, found: &mut Vec<Finding>) {
    for (path, conditions) in site.conditions() {
        for names in of(conditions, known) {
            unknown(site, &path, &names, found);
        }
    }
    let Some(obligations) = &site.rule.obligations else {
        return;
    };
    let regions = Names {
        field: "regions",
        named: obligations.regions.as_deref(),
        ..regions(None, known)
    };
    unknown(site, "obligations/", &regions, found);
    let preamble = obligations.preamble.as_ref();
    if let (Some(name), Some(profiles)) = (preamble, &known.preambles)
        && !profiles.contains(name)
    {
        let message = format!("there is no preamble profile `{name}`");
        let field = "obligations/preamble";
        let finding = site.finding("unknown-profile", Severity::Error, field, message);
        found.push(of_name(finding, name));
    }
}

fn of<'c>(conditions: &'c ConditionsConfig, known: &'c Known) -> [Names<'c>; 5] {
    let (callers, modules) = (&conditions.callers, &conditions.modules);
    [
        Names {
            code: "unknown-module",
            severity: Severity::Error,
            what: "module",
            field: "modules",
            named: modules.modules.as_deref(),
            known: known.modules.as_ref(),
        },
        Names {
            code: "unknown-family",
            severity: Severity::Warning,
            what: "module of family",
            field: "families",
            named: modules.families.as_deref(),
            known: known.families.as_ref(),
        },
        regions(modules.regions.as_deref(), known),
        Names {
            code: "unknown-tenant",
            severity: Severity::Warning,
            what: "caller of tenant",
            field: "tenants",
            named: callers.tenants.as_deref(),
            known: known.tenants.as_ref(),
        },
        Names {
            code: "unknown-role",
            severity: Severity::Warning,
            what: "caller with role",
            field: "roles",
            named: callers.roles.as_deref(),
            known: known.roles.as_ref(),
        },
    ]
}

fn regions<'c>(named: Option<&'c [String]>, known: &'c Known) -> Names<'c> {
    Names {
        code: "unknown-region",
        severity: Severity::Warning,
        what: "module in region",
        field: "regions",
        named,
        known: known.regions.as_ref(),
    }
}

fn unknown(site: &Site<'_>, path: &str, names: &Names<'_>, found: &mut Vec<Finding>) {
    let Some(known) = names.known else {
        return;
    };
    let Names { code, severity, .. } = *names;
    for (at, name) in names.named.iter().copied().flatten().enumerate() {
        if !known.contains(name) {
            let message = format!("there is no {} `{name}`", names.what);
            let field = format!("{path}{}/{at}", names.field);
            let finding = site.finding(code, severity, &field, message);
            found.push(of_name(finding, name));
        }
    }
}

fn of_name(finding: Finding, name: &str) -> Finding {
    Finding {
        unknown: Some(name.to_owned()),
        ..finding
    }
}
