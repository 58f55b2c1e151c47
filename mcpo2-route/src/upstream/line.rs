//! Modules that speak one message a line over a pair of pipes.
//!
//! [`LineLink`] carries any number of calls at once over one reader and one writer. What runs in
//! the same process is reached through [`PipeUpstream`]; child processes are in
//! `stdio` and end here too.
//!
//! A message has no line feed on the wire: those between the tokens of a client's JSON are sent
//! as spaces, every other byte as it came.

mod answer;
mod codec;
mod core;
mod handshake;
mod link;
pub(crate) mod mailbox;
mod pipe;
mod pump;
mod table;

#[cfg(feature = "http")]
pub(super) use codec::one_line;
pub use codec::{LineDecoder, LineTooLong};
pub use link::LineLink;
pub use pipe::PipeUpstream;
