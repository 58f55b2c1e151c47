use super::{
    dimension::View,
    names::{self, Names},
};
use crate::{
    native::{
        Rule,
        bits::{Bits, Building},
        condition::Condition,
    },
    query::Query,
};

/// Which rules are about which methods.
#[derive(Debug, Default)]
pub(super) struct Methods {
    /// The rules that name none: they are about those that address something.
    addressing: Bits,
    named: Names,
    nothing: Bits,
    /// Some rule names methods.
    is_named: bool,
}

impl Methods {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let (mut addressing, mut named) = <(Building, names::Collecting)>::default();
        let mut is_named = false;
        for (at, rule) in rules.iter().enumerate() {
            for condition in rule.conditions.iter() {
                match condition {
                    Condition::Addressing => addressing.insert(at),
                    Condition::Methods(globs) => {
                        globs.iter().for_each(|glob| named.insert(glob, at, None));
                        is_named = true;
                    }
                    _ => {}
                }
            }
        }
        Self {
            addressing: addressing.finish(),
            named: named.finish(),
            nothing: Bits::default(),
            is_named,
        }
    }

    pub(super) fn view(&self, query: &Query<'_>) -> Option<View<'_>> {
        let addresses = query.addresses();
        if addresses && !self.is_named {
            return None;
        }
        let any = match addresses {
            true => &self.addressing,
            false => &self.nothing,
        };
        let mut view = View::new(any, None);
        if self.is_named {
            let patterns = self.named.matching(query.method().as_str());
            let rules = patterns.iter().filter_map(|at| self.named.rules(*at));
            view.more.extend(rules.flat_map(|rules| rules.sets(&[])));
        }
        Some(view)
    }
}
