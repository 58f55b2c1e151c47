//! JSON as bytes: what is well formed is kept, never re-encoded.

mod check;
mod lexer;
mod member;
mod members;
mod needle;
mod object;
mod pieces;
mod splice;
mod tokens;

pub(crate) use {
    check::{Note, check_noting},
    member::may_be_deep,
    members::find,
    pieces::Text,
    splice::spliced,
};

pub use check::{MAX_DEPTH, check, text};
pub use lexer::{Fault, unescape};
pub use member::Member;
pub use members::{Members, members};
pub use needle::Needle;
pub use object::Object;
pub use pieces::Pieces;
pub use tokens::{Token, tokens};
