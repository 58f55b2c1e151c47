use std::collections::BTreeSet;

use mcpo2_core::{AuthMethod, Principal, PrincipalKind};

use super::{
    Filters,
    dimension::{Collecting, Dimension},
};
use crate::native::{
    Rule,
    condition::{Caller, Condition},
};

type Name = Box<str>;

/// Which rules let which callers through.
#[derive(Debug)]
pub(super) struct Callers {
    tenants: Dimension<Name>,
    principals: Dimension<Name>,
    projects: Dimension<Name>,
    roles: Dimension<Name>,
    scopes: Dimension<Name>,
    kinds: Dimension<PrincipalKind>,
    auth: Dimension<AuthMethod>,
}

impl Callers {
    pub(super) fn new(rules: &[Rule]) -> Self {
        Self {
            tenants: names(rules, |caller| match caller {
                Caller::Tenants(names) => Some(names),
                _ => None,
            }),
            principals: names(rules, |caller| match caller {
                Caller::Principals(names) => Some(names),
                _ => None,
            }),
            projects: names(rules, |caller| match caller {
                Caller::Projects(names) => Some(names),
                _ => None,
            }),
            roles: names(rules, |caller| match caller {
                Caller::Roles(names) => Some(names),
                _ => None,
            }),
            scopes: names(rules, |caller| match caller {
                Caller::Scopes(names) => Some(names),
                _ => None,
            }),
            kinds: values(rules, |caller| match caller {
                Caller::Kinds(kinds) => Some(kinds),
                _ => None,
            }),
            auth: values(rules, |caller| match caller {
                Caller::Auth(methods) => Some(methods),
                _ => None,
            }),
        }
    }

    pub(super) fn filter<'a>(&'a self, caller: &Principal, to: &mut Filters<'a>) {
        to.add(self.tenants.of(Some(caller.tenant().as_str())));
        to.add(self.principals.of(Some(caller.id().as_str())));
        to.add(self.projects.of(caller.project()));
        to.add(self.roles.of_any(caller.roles()));
        to.add(self.scopes.of_any(caller.scopes()));
        to.add(self.kinds.of(Some(&caller.kind())));
        to.add(self.auth.of(Some(&caller.auth())));
    }
}

fn names(rules: &[Rule], of: impl Fn(&Caller) -> Option<&Vec<Name>>) -> Dimension<Name> {
    values(rules, of)
}

/// Who calls is always known, so what is unknown matters to no rule.
fn values<K: Clone + std::hash::Hash + Ord>(
    rules: &[Rule],
    of: impl Fn(&Caller) -> Option<&Vec<K>>,
) -> Dimension<K> {
    let mut collecting = Collecting::default();
    let mut conditional = false;
    for (at, rule) in rules.iter().enumerate() {
        let conditions = rule
            .conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Caller(caller) => of(caller),
                _ => None,
            });
        // A rule can have two such conditions: its own, and the jurisdiction of its bundle.
        let values = conditions
            .map(|values| values.iter().cloned().collect::<BTreeSet<_>>())
            .reduce(|one, two| one.intersection(&two).cloned().collect());
        conditional |= values.is_some();
        collecting.insert(at, values, false);
    }
    collecting.finish(conditional)
}
