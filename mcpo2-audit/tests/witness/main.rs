//! What a witness signs and refuses, and what a ledger believes of its replies.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod client;
mod keys;
mod log;
mod server;
