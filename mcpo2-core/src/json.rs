//! JSON as bytes: what is well formed is kept, never re-encoded.

mod check;
mod lexer;
mod members;
mod splice;

pub(crate) use {
    check::{Note, check_noting},
    splice::Splice,
};

pub use check::{MAX_DEPTH, check, text};
pub use lexer::Fault;
pub use members::{Members, members};
