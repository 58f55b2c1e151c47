//! What a client can send to a gateway, over real sockets and processes: the rows B of the
//! catalogue of faults. SECURITY.md says which test shows which row.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::too_many_lines, reason = "tables")]

#[path = "../support/mod.rs"]
mod support;

mod bench;

mod floods;
mod headers;
mod ids;
mod messages;
mod names;
mod patterns;
mod size;
mod smuggling;
mod table;
