//! The reference evaluator: every rule is asked about every call, in the order it was written,
//! and nothing depends on that order.

mod argument;
mod compile;
mod condition;
mod json;
mod number;
mod path;
mod pattern;
mod policy;
mod rule;
mod truth;

pub use policy::Policy;
pub use truth::Truth;

pub(crate) use json::{Node, decode};
pub(crate) use path::{Located, Template};
pub(crate) use policy::{Outcome, rule_id};
pub(crate) use rule::Rule;
pub(crate) use truth::Matched;
