//! JSON as bytes: what is well formed is kept, never re-encoded.

mod check;
mod splice;

pub(crate) use splice::Splice;

pub use check::{Fault, MAX_DEPTH, check};
