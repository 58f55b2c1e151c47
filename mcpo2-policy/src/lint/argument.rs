//! Conditions on one argument that no value fulfils.

use serde_json::Value;

use crate::{
    config::{ArgumentConfig, PredicateConfig},
    native::Decimal,
};

/// What the conditions on one argument leave of it.
#[derive(Debug, Default)]
struct Left<'c> {
    least: Option<Decimal>,
    most: Option<Decimal>,
    /// The values that it can have; none where any.
    values: Option<Vec<&'c Value>>,
    prefixes: Vec<&'c str>,
    is_absent: bool,
    is_there: bool,
}

/// The positions of conditions that no value of an argument fulfils with those before them on the
/// same argument.
pub(super) fn contradictions(arguments: &[ArgumentConfig]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut seen: Vec<(&str, Left<'_>)> = Vec::new();
    for (at, argument) in arguments.iter().enumerate() {
        // What holds of some items need not be what holds of others.
        if argument.items.is_some() {
            continue;
        }
        let pointer = argument.pointer.as_str();
        let known = seen.iter().position(|(of, _)| *of == pointer);
        let before = known.map(|known| seen.swap_remove(known).1);
        match before.unwrap_or_default().and(&argument.predicate) {
            Some(left) => seen.push((pointer, left)),
            None => found.push(at),
        }
    }
    found
}

impl<'c> Left<'c> {
    /// What this condition leaves; none where that is nothing.
    fn and(mut self, predicate: &'c PredicateConfig) -> Option<Self> {
        let number = |number: &serde_json::Number| Decimal::parse(&number.to_string());
        match predicate.present {
            Some(false) => self.is_absent = true,
            _ => self.is_there = true,
        }
        if let Some(least) = predicate.at_least.as_ref().and_then(number) {
            self.least = self.least.max(Some(least));
        }
        if let Some(most) = predicate.at_most.as_ref().and_then(number) {
            self.most = Some(self.most.map_or(most, |before| before.min(most)));
        }
        self.prefixes.extend(predicate.prefix.as_deref());
        if let Some(values) = one_of(predicate) {
            self.values = Some(match self.values.take() {
                Some(before) => common(before, &values),
                None => values,
            });
        }
        self.is_possible().then_some(self)
    }

    fn is_possible(&self) -> bool {
        let crossed = match (self.least, self.most) {
            (Some(least), Some(most)) => least > most,
            _ => false,
        };
        let values = self.values.as_ref();
        let valued = values.is_none_or(|values| values.iter().any(|value| self.admits(value)));
        let prefixes = self.prefixes.iter().all(|one| {
            let mut others = self.prefixes.iter();
            others.all(|two| one.starts_with(two) || two.starts_with(one))
        });
        !crossed && valued && prefixes && !(self.is_absent && self.is_there)
    }

    /// Whether the argument can have this value. Values of another type than a condition reads
    /// are unknown to it, and so not ruled out here.
    fn admits(&self, value: &Value) -> bool {
        match value {
            Value::Number(number) => match Decimal::parse(&number.to_string()) {
                Some(number) => {
                    self.least.is_none_or(|least| least <= number)
                        && self.most.is_none_or(|most| number <= most)
                }
                None => true,
            },
            Value::String(text) => self.prefixes.iter().all(|prefix| text.starts_with(prefix)),
            _ => true,
        }
    }
}

fn one_of(predicate: &PredicateConfig) -> Option<Vec<&Value>> {
    let listed = predicate
        .one_of
        .as_ref()
        .map(|values| values.iter().collect());
    listed.or_else(|| predicate.equals.as_ref().map(|value| vec![value]))
}

/// The values that stand in both. One that is of another type than those on the other side is
/// unknown there, and so stays.
fn common<'c>(one: Vec<&'c Value>, two: &[&'c Value]) -> Vec<&'c Value> {
    let kept = one.into_iter().filter(|one| {
        let mut alike = two.iter().filter(|two| kind(one) == kind(two)).peekable();
        alike.peek().is_none() || two.iter().any(|two| same(one, two))
    });
    kept.collect()
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Bool(_) => 0,
        Value::Number(_) => 1,
        Value::String(_) => 2,
        _ => 3,
    }
}

fn same(one: &Value, two: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Number(number) => Decimal::parse(&number.to_string()),
        _ => None,
    };
    match (number(one), number(two)) {
        (Some(one), Some(two)) => one == two,
        _ => one == two,
    }
}
