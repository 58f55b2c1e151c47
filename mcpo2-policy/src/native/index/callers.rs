use std::collections::BTreeSet;

use mcpo2_core::{AuthMethod, Principal, PrincipalKind};

use super::{
    dimension::{Collecting, Dimension, View},
    traits::{Known, Trait, Traits, callers},
};
use crate::native::{Rule, condition::Caller};

/// Which rules let which callers through.
#[derive(Debug)]
pub(super) struct Callers {
    tenants: Dimension<Trait>,
    principals: Dimension<Trait>,
    projects: Dimension<Trait>,
    roles: Dimension<Trait>,
    scopes: Dimension<Box<str>>,
    kinds: Dimension<PrincipalKind>,
    auth: Dimension<AuthMethod>,
}

impl Callers {
    pub(super) fn new(rules: &[Rule], traits: &Traits) -> Self {
        let named = |is: fn(&Caller) -> bool| {
            values(rules, |caller| {
                is(caller).then(|| traits.of_condition(caller))?
            })
        };
        Self {
            tenants: named(|caller| matches!(caller, Caller::Tenants(_))),
            principals: named(|caller| matches!(caller, Caller::Principals(_))),
            projects: named(|caller| matches!(caller, Caller::Projects(_))),
            roles: named(|caller| matches!(caller, Caller::Roles(_))),
            scopes: values(rules, |caller| match caller {
                Caller::Scopes(names) => Some(names.clone()),
                _ => None,
            }),
            kinds: values(rules, |caller| match caller {
                Caller::Kinds(kinds) => Some(kinds.clone()),
                _ => None,
            }),
            auth: values(rules, |caller| match caller {
                Caller::Auth(methods) => Some(methods.clone()),
                _ => None,
            }),
        }
    }

    pub(super) fn views<'a>(
        &'a self,
        caller: &Principal,
        known: &Known,
        to: &mut impl Extend<View<'a>>,
    ) {
        to.extend(self.tenants.of(known.tenant.as_ref()));
        to.extend(self.principals.of(known.principal.as_ref()));
        to.extend(self.projects.of(known.project.as_ref()));
        to.extend(self.roles.of_any(known.roles().iter()));
        to.extend(self.scopes.of_any(caller.scopes()));
        to.extend(self.kinds.of(Some(&caller.kind())));
        to.extend(self.auth.of(Some(&caller.auth())));
    }
}

/// Who calls is always known, so what is unknown matters to no rule.
fn values<K: Clone + std::hash::Hash + Ord>(
    rules: &[Rule],
    of: impl Fn(&Caller) -> Option<Vec<K>>,
) -> Dimension<K> {
    let mut collecting = Collecting::default();
    let mut conditional = false;
    for (at, rule) in rules.iter().enumerate() {
        // A rule can have two such conditions: its own, and the jurisdiction of its bundle.
        let values = callers(rule)
            .filter_map(&of)
            .map(|values| values.into_iter().collect::<BTreeSet<_>>())
            .reduce(|one, two| one.intersection(&two).cloned().collect());
        conditional |= values.is_some();
        collecting.insert(at, values, false);
    }
    collecting.finish(conditional)
}
