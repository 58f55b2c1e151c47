//! Predicates on arguments: when they hold, and when they certainly do not.

use super::formula::{Fact, Formula, Place};
use crate::{
    input::{AnchorKind, FactKind, escaped},
    native::{Anchor, ArgumentCondition, Decimal, PlainPath, Predicate, Scalar},
};

/// Up to here a limit has an integer beside it that bounds the same numbers.
const MAX_LIMIT: i64 = 1 << 53;

/// When a condition is true and when it is false; between these it is unknown.
pub(super) struct Sides {
    pub(super) holds: Formula,
    pub(super) fails: Formula,
}

/// The pointer as the document writes it.
pub(super) fn pointer(condition: &ArgumentCondition) -> String {
    let steps = condition.steps().iter();
    steps.map(|step| format!("/{}", escaped(step))).collect()
}

/// The two sides of a condition, where the argument is there.
pub(super) fn sides(condition: &ArgumentCondition) -> Result<Sides, &'static str> {
    if condition.of_items() {
        return Err("`items` cannot be said exactly");
    }
    let at = pointer(condition);
    match condition.predicate() {
        Predicate::Prefix(prefix) => Ok(of_kind(
            &at,
            FactKind::Text,
            Fact::TextPrefix(prefix.clone()),
        )),
        Predicate::OneOf(values) => Ok(one_of(&at, values)),
        Predicate::AtLeast(limit) => Ok(number(&at, Fact::AtLeast(integer(limit)?))),
        Predicate::AtMost(limit) => Ok(number(&at, Fact::AtMost(integer(limit)?))),
        Predicate::Glob(glob) => {
            let glob = glob
                .plain()
                .ok_or("only one path, or a tree, can be said exactly")?;
            Ok(path(&at, &glob))
        }
        Predicate::Present(_) => Err("it is no predicate on a value"),
        Predicate::Regex(_) => Err("a regular expression cannot be said exactly"),
        Predicate::SqlWithin(_) => Err("`sql_within` cannot be said exactly"),
    }
}

/// Of a value of this kind it is known, of any other not.
fn of_kind(at: &str, kind: FactKind, fact: Fact) -> Sides {
    let kind = Formula::fact(at, Fact::Kind(kind));
    let fact = Formula::fact(at, fact);
    Sides {
        holds: kind.clone().and(fact.clone()),
        fails: kind.and(fact.negated()),
    }
}

fn number(at: &str, fact: Fact) -> Sides {
    let known = Formula::fact(at, Fact::IsNumber);
    let fact = Formula::fact(at, fact);
    Sides {
        holds: known.clone().and(fact.clone()),
        fails: known.and(fact.negated()),
    }
}

fn one_of(at: &str, values: &[Scalar]) -> Sides {
    let each = values.iter().map(|value| match value {
        Scalar::Bool(value) => {
            let word = if *value { "true" } else { "false" };
            of_kind(at, FactKind::Bool, Fact::Text(word.into()))
        }
        Scalar::Text(text) => of_kind(at, FactKind::Text, Fact::Text(text.clone())),
        Scalar::Number(value) => number(at, Fact::Number(value.canonical().into())),
    });
    let (holds, fails) = each.map(|one| (one.holds, one.fails)).unzip();
    Sides {
        holds: Formula::Any(holds),
        fails: Formula::All(fails),
    }
}

fn integer(limit: &Decimal) -> Result<i64, &'static str> {
    let (floor, _) = limit.bounds();
    match limit.is_integer() && (-MAX_LIMIT..=MAX_LIMIT).contains(&floor) {
        true => Ok(floor),
        false => Err("only an integer of at most sixteen digits can be said exactly"),
    }
}

fn path(at: &str, glob: &PlainPath<'_>) -> Sides {
    let is = |fact| Formula::fact(at, fact);
    // Of the root of a tree that is named by its content it is unknown.
    let matches = |place| match glob.is_tree {
        true => is(Fact::Begins(place, glob.text.into())),
        false => is(Fact::Equals(place, glob.text.into())),
    };
    let misses = |place| match glob.text.strip_suffix('/') {
        Some(root) => matches(place)
            .or(is(Fact::Equals(place, root.into())))
            .negated(),
        None => matches(place).negated(),
    };
    let bare = |side: Formula| is(Fact::Has(Place::Bare)).negated().or(side);
    let anchor = match glob.anchor {
        Anchor::Root => AnchorKind::Root,
        Anchor::Unknown => AnchorKind::Unknown,
        Anchor::Scheme => AnchorKind::Scheme,
    };
    Sides {
        holds: Formula::All(vec![matches(Place::Path), bare(matches(Place::Bare))]),
        fails: Formula::All(vec![
            is(Fact::Has(Place::Path)),
            is(Fact::Anchor(anchor)),
            misses(Place::Path),
            bare(misses(Place::Bare)),
        ]),
    }
}
