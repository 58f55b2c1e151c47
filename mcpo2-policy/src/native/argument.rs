use std::{cmp::Ordering, collections::BTreeSet};

use serde_json::{Number, Value};

use super::{
    Node, Truth,
    expression::{Expression, Expressions},
    number::Decimal,
    pattern::PathGlob,
    sql,
};
use crate::{
    config::{ArgumentConfig, PredicateConfig, QuantifierConfig},
    error::Fault,
    query::{Argument, Query},
};

const MAX_TEXT: usize = 4096;
const MAX_STEPS: usize = 64;

/// A condition on one argument.
#[derive(Debug)]
pub(crate) struct ArgumentCondition {
    pointer: Box<str>,
    steps: Vec<Box<str>>,
    items: Option<QuantifierConfig>,
    predicate: Predicate,
}

/// What must hold of a value.
#[derive(Debug)]
pub(crate) enum Predicate {
    Glob(PathGlob),
    Prefix(Box<str>),
    Regex(Expression),
    OneOf(Vec<Scalar>),
    AtLeast(Decimal),
    AtMost(Decimal),
    Present(bool),
    SqlWithin(Box<[Box<str>]>),
}

#[derive(Debug)]
pub(crate) enum Scalar {
    Bool(bool),
    Number(Decimal),
    Text(Box<str>),
}

impl ArgumentCondition {
    pub(crate) fn compile(
        config: &ArgumentConfig,
        expressions: &Expressions,
    ) -> Result<Self, Fault> {
        Ok(Self {
            pointer: config.pointer.as_str().into(),
            steps: steps(&config.pointer)?,
            items: config.items,
            predicate: predicate(&config.predicate, expressions)?,
        })
    }

    /// Its JSON pointer.
    pub(crate) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The same, read.
    pub(crate) fn steps(&self) -> &[Box<str>] {
        &self.steps
    }

    /// Whether it is on the items of a list.
    pub(crate) fn of_items(&self) -> bool {
        self.items.is_some()
    }

    pub(crate) fn predicate(&self) -> &Predicate {
        &self.predicate
    }

    pub(crate) fn holds(&self, query: &Query<'_>) -> Truth {
        match (query.argument(&self.steps), &self.predicate) {
            (Argument::Inapplicable, _) => Truth::False,
            (Argument::Unreadable, _) => Truth::Unknown,
            (Argument::Open, _) => Truth::Open,
            (Argument::Missing, Predicate::Present(wanted)) if self.items.is_none() => {
                Truth::of(!wanted)
            }
            (Argument::Missing, _) => Truth::Unknown,
            (Argument::Found(node), predicate) => match (self.items, node) {
                (None, node) => predicate.holds(node),
                (Some(of), Node::Array(items)) => {
                    let each = items.iter().map(|item| predicate.holds(item));
                    match of {
                        QuantifierConfig::Any => Truth::any(each),
                        QuantifierConfig::All => Truth::all(each),
                    }
                }
                // One value where a list is meant: some servers take it for a list of one.
                (Some(_), _) => Truth::Unknown,
            },
        }
    }
}

impl Predicate {
    fn holds(&self, node: &Node<'_>) -> Truth {
        match (self, node) {
            (Self::Present(wanted), _) => Truth::of(*wanted),
            (Self::Glob(glob), Node::Text(text)) => {
                (text.located()).map_or(Truth::Unknown, |located| glob.matches(located))
            }
            (Self::Prefix(prefix), Node::Text(text)) => Truth::of(text.starts_with(&**prefix)),
            (Self::Regex(regex), Node::Text(text)) => Truth::of(regex.matches(text)),
            (Self::OneOf(values), node) => Truth::any(values.iter().map(|v| v.equals(node))),
            (Self::AtLeast(limit), Node::Number(text)) => {
                ordered(text, |value| value.cmp(limit) != Ordering::Less)
            }
            (Self::AtMost(limit), Node::Number(text)) => {
                ordered(text, |value| value.cmp(limit) != Ordering::Greater)
            }
            (Self::SqlWithin(allowed), Node::Text(text)) => {
                let known = |verb: &String| allowed.iter().any(|allowed| **allowed == **verb);
                let within = |verbs: BTreeSet<_>| verbs.iter().all(known);
                sql::verbs(text).map_or(Truth::Unknown, |verbs| Truth::of(within(verbs)))
            }
            // A value of another type: some servers convert it, and nobody knows to what.
            _ => Truth::Unknown,
        }
    }
}

impl Scalar {
    fn equals(&self, node: &Node<'_>) -> Truth {
        match (self, node) {
            (Self::Bool(one), Node::Bool(two)) => Truth::of(one == two),
            (Self::Text(one), Node::Text(two)) => Truth::of(**one == **two),
            (Self::Number(one), Node::Number(two)) => ordered(two, |two| two == *one),
            _ => Truth::Unknown,
        }
    }
}

fn ordered(text: &str, holds: impl FnOnce(Decimal) -> bool) -> Truth {
    Decimal::parse(text).map_or(Truth::Unknown, |number| Truth::of(holds(number)))
}

fn steps(pointer: &str) -> Result<Vec<Box<str>>, Fault> {
    let fault = |problem| Err(Fault::new("pointer", problem));
    let Some(rest) = pointer.strip_prefix('/') else {
        return fault("is a JSON pointer, and so begins with `/`");
    };
    let steps: Vec<&str> = rest.split('/').collect();
    if steps.len() > MAX_STEPS || pointer.len() > MAX_TEXT {
        return fault("is too long");
    }
    let escaped = |step: &str| step.replace("~0", "").replace("~1", "").contains('~');
    if steps.iter().any(|step| escaped(step)) {
        return fault("has a `~` that is neither `~0` nor `~1`");
    }
    let plain = |step: &str| step.replace("~1", "/").replace("~0", "~").into();
    Ok(steps.into_iter().map(plain).collect())
}

fn predicate(config: &PredicateConfig, expressions: &Expressions) -> Result<Predicate, Fault> {
    let kinds = [
        config.glob.as_deref().map(|text| glob(text, expressions)),
        config.prefix.as_deref().map(prefix),
        (config.regex.as_deref()).map(|text| whole_regex(text, expressions)),
        config.one_of.as_deref().map(one_of),
        config.equals.as_ref().map(equals),
        config.at_least.as_ref().map(at_least),
        config.at_most.as_ref().map(at_most),
        config.present.map(|wanted| Ok(Predicate::Present(wanted))),
        config.sql_within.as_deref().map(sql_within),
    ];
    let mut given = kinds.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(predicate), None) => predicate,
        (None, _) => Err(Fault::new(
            "",
            "has no predicate: one of `glob`, `prefix`, `regex`, `one_of`, `equals`, `at_least`, \
             `at_most`, `present` and `sql_within`",
        )),
        (Some(_), Some(_)) => Err(Fault::new(
            "",
            "has more than one predicate: write one condition for each",
        )),
    }
}

fn glob(glob: &str, expressions: &Expressions) -> Result<Predicate, Fault> {
    let glob = PathGlob::for_arguments(glob, expressions)
        .map_err(|problem| Fault::new("glob", problem))?;
    Ok(Predicate::Glob(glob))
}

fn prefix(text: &str) -> Result<Predicate, Fault> {
    if text.is_empty() || text.len() > MAX_TEXT {
        return Err(Fault::new("prefix", format!("has 1 to {MAX_TEXT} bytes")));
    }
    Ok(Predicate::Prefix(text.into()))
}

fn whole_regex(pattern: &str, expressions: &Expressions) -> Result<Predicate, Fault> {
    if pattern.len() > MAX_TEXT {
        return Err(Fault::new("regex", format!("has at most {MAX_TEXT} bytes")));
    }
    let whole = expressions.whole(pattern);
    whole
        .map(Predicate::Regex)
        .map_err(|refused| Fault::new("regex", refused))
}

fn one_of(values: &[Value]) -> Result<Predicate, Fault> {
    if values.is_empty() {
        return Err(Fault::new("one_of", "is empty, and so matches nothing"));
    }
    let scalars = values.iter().enumerate();
    let scalars = scalars.map(|(at, value)| scalar(&format!("one_of[{at}]"), value));
    Ok(Predicate::OneOf(scalars.collect::<Result<_, _>>()?))
}

fn sql_within(verbs: &[String]) -> Result<Predicate, Fault> {
    if verbs.is_empty() {
        return Err(Fault::new("sql_within", "is empty, and so matches nothing"));
    }
    let verb = |(at, verb): (usize, &String)| {
        let is_word = !verb.is_empty() && verb.bytes().all(|b| b.is_ascii_alphabetic());
        match is_word && verb.len() <= 64 {
            true => Ok(verb.to_ascii_lowercase().into()),
            false => Err(Fault::new(
                format!("sql_within[{at}]"),
                "is no verb of SQL, such as `select`",
            )),
        }
    };
    let verbs = verbs.iter().enumerate().map(verb);
    Ok(Predicate::SqlWithin(verbs.collect::<Result<_, _>>()?))
}

fn equals(value: &Value) -> Result<Predicate, Fault> {
    Ok(Predicate::OneOf(vec![scalar("equals", value)?]))
}

fn at_least(number: &Number) -> Result<Predicate, Fault> {
    decimal("at_least", number).map(Predicate::AtLeast)
}

fn at_most(number: &Number) -> Result<Predicate, Fault> {
    decimal("at_most", number).map(Predicate::AtMost)
}

fn scalar(field: &str, value: &Value) -> Result<Scalar, Fault> {
    match value {
        Value::Bool(value) => Ok(Scalar::Bool(*value)),
        Value::String(text) if text.len() <= MAX_TEXT => Ok(Scalar::Text(text.as_str().into())),
        Value::Number(number) => decimal(field, number).map(Scalar::Number),
        _ => Err(Fault::new(
            field,
            "is no text of at most 4096 bytes, number or truth value",
        )),
    }
}

fn decimal(field: &str, number: &Number) -> Result<Decimal, Fault> {
    Decimal::parse(&number.to_string())
        .ok_or_else(|| Fault::new(field, "has more than fifteen digits, so readers round it"))
}
