//! The evaluator: every rule that could match is asked about a call, and nothing depends on the
//! order in which rules were written.

mod argument;
mod compile;
mod condition;
mod expression;
mod index;
mod json;
mod needed;
mod number;
mod path;
mod pattern;
mod policy;
mod rule;
mod truth;

pub use policy::Policy;
pub use truth::Truth;

pub(crate) use json::{Node, decode, decode_checked};
pub(crate) use path::{Located, Template};
pub(crate) use policy::{Outcome, rule_id};
pub(crate) use rule::Rule;
pub(crate) use truth::Matched;
