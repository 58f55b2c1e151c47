//! JSON as bytes: what is well formed is kept, never re-encoded.

mod check;
mod lexer;
mod members;
mod object;
mod pieces;
mod splice;
mod tokens;

pub(crate) use {
    check::{Note, check_noting},
    pieces::Text,
    splice::Splice,
};

pub use check::{MAX_DEPTH, check, text};
pub use lexer::{Fault, unescape};
pub use members::{Members, members};
pub use object::Object;
pub use pieces::Pieces;
pub use tokens::{Token, tokens};
