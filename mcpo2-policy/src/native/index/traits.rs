use mcpo2_core::Principal;
use rustc_hash::FxHashMap;

use crate::native::{
    Rule,
    condition::{Caller, Condition},
    few::Few,
};

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

/// The names of one caller that any rule knows. They are looked for once in a decision.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) principal: Option<Trait>,
    pub(super) tenant: Option<Trait>,
    pub(super) project: Option<Trait>,
    /// All of them, the roles last.
    all: Few<Trait, 8>,
    roles: usize,
}

impl Traits {
    /// The names in these rules.
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut traits = Self::default();
        for caller in rules.iter().flat_map(callers) {
            let (table, names) = match caller {
                Caller::Principals(names) => (&mut traits.principals, names),
                Caller::Roles(names) => (&mut traits.roles, names),
                Caller::Projects(names) => (&mut traits.projects, names),
                Caller::Tenants(names) => (&mut traits.tenants, names),
                Caller::Scopes(_) | Caller::Kinds(_) | Caller::Auth(_) => continue,
            };
            for name in names {
                table.entry(name.clone()).or_insert_with(|| {
                    traits.next += 1;
                    traits.next
                });
            }
        }
        traits
    }

    /// The traits that a condition asks for one of; none where it is on something else.
    pub(super) fn of_condition(&self, caller: &Caller) -> Option<Vec<Trait>> {
        let (table, names) = match caller {
            Caller::Principals(names) => (&self.principals, names),
            Caller::Roles(names) => (&self.roles, names),
            Caller::Projects(names) => (&self.projects, names),
            Caller::Tenants(names) => (&self.tenants, names),
            Caller::Scopes(_) | Caller::Kinds(_) | Caller::Auth(_) => return None,
        };
        let known = names.iter().filter_map(|name| table.get(name).copied());
        Some(known.collect())
    }

    /// The traits of which a caller must have one for a rule to match, by the condition that fewest
    /// callers fulfil; none where it is about all kinds of callers.
    pub(super) fn of_rule(&self, rule: &Rule) -> Option<Vec<Trait>> {
        let rank = |caller: &&Caller| match caller {
            Caller::Principals(_) => 0,
            Caller::Roles(_) => 1,
            Caller::Projects(_) => 2,
            Caller::Tenants(_) => 3,
            Caller::Scopes(_) | Caller::Kinds(_) | Caller::Auth(_) => 4,
        };
        self.of_condition(callers(rule).min_by_key(rank)?)
    }

    /// The traits of a caller.
    pub(super) fn of(&self, caller: &Principal) -> Known {
        let principal = self.principals.get(caller.id().as_str()).copied();
        let tenant = self.tenants.get(caller.tenant().as_str()).copied();
        let project = caller.project().and_then(|name| self.projects.get(name));
        let project = project.copied();
        let mut all = Few::default();
        all.extend([principal, tenant, project].into_iter().flatten());
        let roles = all.len();
        if !self.roles.is_empty() {
            let known = caller.roles().filter_map(|role| self.roles.get(role));
            all.extend(known.copied());
        }
        Known {
            principal,
            tenant,
            project,
            all,
            roles,
        }
    }
}

impl Known {
    pub(super) fn all(&self) -> &[Trait] {
        &self.all
    }

    pub(super) fn roles(&self) -> &[Trait] {
        self.all.get(self.roles..).unwrap_or_default()
    }
}

/// The conditions of a rule on who calls.
pub(super) fn callers(rule: &Rule) -> impl Iterator<Item = &Caller> {
    let conditions = rule.conditions.iter();
    conditions.filter_map(|condition| match condition {
        Condition::Caller(caller) => Some(caller),
        _ => None,
    })
}
