//! The native engine: it finds the rules that could match, asks them, and joins what they say.
//! Nothing depends on the order in which rules were written.

mod approvals;
mod argument;
mod bits;
mod compile;
mod condition;
mod expression;
mod few;
mod index;
mod json;
mod jurisdiction;
mod methods;
mod moment;
mod needed;
mod number;
mod outcome;
mod path;
mod pattern;
mod policy;
mod range;
mod rule;
mod said;
mod sql;
mod truth;
mod without;

pub use policy::Policy;
pub use truth::Truth;

pub(crate) use argument::{ArgumentCondition, Predicate, Scalar};
#[cfg(any(feature = "cedar", feature = "opa", feature = "rego"))]
pub(crate) use compile::{asked, owed};
pub(crate) use condition::{Caller as CallerCondition, Condition, Items, Owner as OwnerCondition};
pub(crate) use expression::Expressions;
pub(crate) use json::{Node, decode, decode_checked};
pub(crate) use jurisdiction::Jurisdiction;
pub(crate) use methods::METHODS;
pub(crate) use number::Decimal;
pub(crate) use outcome::{ELSEWHERE, Outcome, gate, reserved_allowance, rule_id, runs_within};
pub(crate) use path::{Anchor, Located, Template};
pub(crate) use pattern::{NameGlob, PlainPath};
pub(crate) use range::range;
pub(crate) use rule::Rule;
pub(crate) use said::Said;
pub(crate) use truth::Matched;
pub(crate) use without::{matched_without, matters};
