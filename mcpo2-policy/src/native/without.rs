//! Rules of which some conditions rest on what is not known any more.

use std::collections::BTreeSet;

use super::{
    Matched, Rule, Truth,
    condition::{Caller, Condition, Moment, Owner},
};
use crate::{
    Matter,
    query::{Arguments, Query},
};

/// All that these conditions rest on and that could be lost.
pub(crate) fn matters(conditions: &[Condition]) -> BTreeSet<Matter> {
    let mut all = BTreeSet::new();
    for condition in conditions {
        match condition {
            Condition::Unless(exceptions) => {
                all.extend(exceptions.iter().flat_map(|each| matters(each)));
            }
            other => all.extend(matter(other)),
        }
    }
    all
}

/// Whether a rule matches a call of which this is lost.
pub(crate) fn matched_without(rule: &Rule, query: &Query<'_>, lost: &BTreeSet<Matter>) -> Matched {
    let mut least = Matched::Yes;
    for condition in rule.conditions.iter() {
        least = least.min(truth(condition, query, lost).for_effect(rule.effect));
        if least == Matched::No {
            break;
        }
    }
    least
}

fn matter(condition: &Condition) -> Option<Matter> {
    Some(match condition {
        Condition::Caller(caller) => match caller {
            Caller::Roles(_) => Matter::Roles,
            Caller::Principals(_) => Matter::Principal,
            Caller::Projects(_) => Matter::Project,
            Caller::Scopes(_) => Matter::Scopes,
            Caller::Tenants(_) | Caller::Kinds(_) | Caller::Auth(_) => return None,
        },
        Condition::Module(owner) => match owner {
            Owner::Modules(_) => Matter::Module,
            Owner::Regions(_) => Matter::Region,
            Owner::MinTier(_) => Matter::Tier,
            Owner::Families(_) | Owner::OwnFamilies(_) => return None,
        },
        Condition::Situation(moment) => match moment {
            Moment::Environments(_) => Matter::Environment,
            Moment::Networks(_) => Matter::Source,
            Moment::MaxSessionSeconds(_) => Matter::SessionAge,
            Moment::Times(_) | Moment::Calendars(_) | Moment::MaxRequestBytes(_) => return None,
        },
        Condition::Argument(_) => Matter::Arguments,
        Condition::Methods(_)
        | Condition::Addressing
        | Condition::Items(_)
        | Condition::Unless(_) => return None,
    })
}

/// As a call has it: [`Truth::Open`] is only what rests on something lost.
fn truth(condition: &Condition, query: &Query<'_>, lost: &BTreeSet<Matter>) -> Truth {
    if let Condition::Unless(exceptions) = condition {
        let each = exceptions
            .iter()
            .map(|exception| Truth::all(exception.iter().map(|inner| truth(inner, query, lost))));
        return Truth::any(each).not();
    }
    match matter(condition) {
        Some(matter) if lost.contains(&matter) && counts(matter, query) => Truth::Open,
        _ => match condition.holds(query) {
            Truth::Open => Truth::Unknown,
            known => known,
        },
    }
}

/// Whether there is something of this matter that could be one thing or another.
fn counts(matter: Matter, query: &Query<'_>) -> bool {
    match matter {
        Matter::Module | Matter::Region | Matter::Tier => query.facts().is_some(),
        Matter::Arguments => !matches!(query.decoded(), Arguments::Inapplicable | Arguments::Open),
        _ => true,
    }
}
