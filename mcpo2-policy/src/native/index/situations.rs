use std::collections::HashSet;

use crate::{
    native::{
        Rule,
        condition::{Condition, Moment},
    },
    query::Query,
};

/// Where the conditions on the situation stand, each distinct one once.
#[derive(Debug, Default)]
pub(super) struct Situations(Vec<Place>);

#[derive(Debug, Clone, Copy)]
struct Place {
    rule: usize,
    condition: usize,
    /// Of an exception: which, and which condition of it.
    exception: Option<(usize, usize)>,
}

impl Situations {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut seen = HashSet::new();
        let places = all(rules).filter(|place| {
            let moment = place.find(rules);
            moment.is_some_and(|moment| seen.insert(format!("{moment:?}")))
        });
        Self(places.collect())
    }

    /// What they say of a query, each by a byte.
    pub(super) fn key(&self, rules: &[Rule], query: &Query<'_>) -> Box<[u8]> {
        let moments = self.0.iter().filter_map(|place| place.find(rules));
        moments.map(|moment| moment.holds(query) as u8).collect()
    }
}

impl Place {
    fn find(self, rules: &[Rule]) -> Option<&Moment> {
        let condition = rules.get(self.rule)?.conditions.get(self.condition)?;
        match (condition, self.exception) {
            (Condition::Situation(moment), None) => Some(moment),
            (Condition::Unless(exceptions), Some((at, condition))) => {
                match exceptions.get(at)?.get(condition)? {
                    Condition::Situation(moment) => Some(moment),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// The places of all conditions, of rules and of their exceptions.
fn all(rules: &[Rule]) -> impl Iterator<Item = Place> {
    rules.iter().enumerate().flat_map(|(rule, of)| {
        of.conditions
            .iter()
            .enumerate()
            .flat_map(move |(condition, of)| {
                let place = move |exception| Place {
                    rule,
                    condition,
                    exception,
                };
                let exceptions = match of {
                    Condition::Unless(exceptions) => exceptions.as_slice(),
                    _ => &[],
                };
                let within = exceptions
                    .iter()
                    .enumerate()
                    .flat_map(move |(at, conditions)| {
                        (0..conditions.len()).map(move |condition| place(Some((at, condition))))
                    });
                std::iter::once(place(None)).chain(within)
            })
    })
}
