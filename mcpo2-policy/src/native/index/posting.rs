use std::collections::BTreeMap;

use mcpo2_core::Principal;
use rustc_hash::FxHashMap;

use crate::native::{
    Rule,
    bits::{Bits, Building},
    condition::{Caller, Condition},
};

/// Rules that are found together, apart by whom they are about: most are about few callers.
#[derive(Debug, Default)]
pub(super) struct Posting {
    /// Those that are about callers of all kinds.
    rest: Bits,
    /// By the trait of a caller, in order.
    by: Box<[(Trait, Bits)]>,
}

/// The same while rules are collected.
#[derive(Debug, Default)]
pub(super) struct Collecting {
    rest: Building,
    by: BTreeMap<Trait, Building>,
}

/// One name of a caller: of itself, of a role, of its project or its tenant.
pub(super) type Trait = u32;

/// The names by which rules know callers.
#[derive(Debug, Default)]
pub(super) struct Traits {
    principals: FxHashMap<Box<str>, Trait>,
    roles: FxHashMap<Box<str>, Trait>,
    projects: FxHashMap<Box<str>, Trait>,
    tenants: FxHashMap<Box<str>, Trait>,
    next: Trait,
}

impl Traits {
    /// The traits of which a caller must have one for a rule to match, by the condition that fewest
    /// callers fulfil; none where it is about all kinds of callers.
    pub(super) fn of_rule(&mut self, rule: &Rule) -> Option<Vec<Trait>> {
        let callers = rule
            .conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Caller(caller) => Some(caller),
                _ => None,
            });
        let rank = |caller: &&Caller| match caller {
            Caller::Principals(_) => 0,
            Caller::Roles(_) => 1,
            Caller::Projects(_) => 2,
            Caller::Tenants(_) => 3,
            Caller::Scopes(_) | Caller::Kinds(_) | Caller::Auth(_) => 4,
        };
        let (table, names) = match callers.min_by_key(rank)? {
            Caller::Principals(names) => (&mut self.principals, names),
            Caller::Roles(names) => (&mut self.roles, names),
            Caller::Projects(names) => (&mut self.projects, names),
            Caller::Tenants(names) => (&mut self.tenants, names),
            Caller::Scopes(_) | Caller::Kinds(_) | Caller::Auth(_) => return None,
        };
        let traits = names.iter().map(|name| {
            *table.entry(name.clone()).or_insert_with(|| {
                self.next += 1;
                self.next
            })
        });
        Some(traits.collect())
    }

    /// The traits of a caller that any rule knows.
    pub(super) fn of(&self, caller: &Principal) -> Vec<Trait> {
        let mut traits = Vec::with_capacity(8);
        traits.extend(self.principals.get(caller.id().as_str()));
        traits.extend(self.tenants.get(caller.tenant().as_str()));
        traits.extend(
            caller
                .project()
                .and_then(|project| self.projects.get(project)),
        );
        if !self.roles.is_empty() {
            traits.extend(caller.roles().filter_map(|role| self.roles.get(role)));
        }
        traits
    }
}

impl Collecting {
    pub(super) fn insert(&mut self, rule: usize, traits: Option<&[Trait]>) {
        match traits {
            None => self.rest.insert(rule),
            Some(traits) => {
                for of in traits {
                    self.by.entry(*of).or_default().insert(rule);
                }
            }
        }
    }

    pub(super) fn finish(self) -> Posting {
        let by = self.by.into_iter().map(|(of, rules)| (of, rules.finish()));
        Posting {
            rest: self.rest.finish(),
            by: by.collect(),
        }
    }
}

impl Posting {
    /// The sets of rules in which one must be that matches a caller with these traits.
    pub(super) fn sets<'p>(&'p self, traits: &'p [Trait]) -> impl Iterator<Item = &'p Bits> {
        let by = traits.iter().filter_map(|of| {
            let at = self.by.binary_search_by_key(of, |(known, _)| *known).ok()?;
            self.by.get(at).map(|(_, rules)| rules)
        });
        std::iter::once(&self.rest).chain(by)
    }
}
