//! JSON as bytes: what is well formed is kept, never re-encoded.

mod check;
mod lexer;
mod splice;

pub(crate) use {
    check::{Note, check_noting},
    splice::Splice,
};

pub use check::{MAX_DEPTH, check};
pub use lexer::Fault;
