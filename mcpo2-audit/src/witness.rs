//! Witnesses: others who sign what a log says of itself, so that it cannot go back on it, nor say
//! something else to somebody else.
//!
//! They are those of <https://c2sp.org/tlog-witness>. [`Witness`] does no I/O but what its
//! [`Store`] does: it is given the body of a request and the time, and gives a reply.

mod cosigner;
mod server;
mod store;

pub use cosigner::{Cosigner, SecretError};
pub use server::Witness;
pub use store::{DirectoryStore, MemoryStore, Store};
