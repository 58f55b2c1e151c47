//! What a module can do to a gateway, over real sockets and processes: the rows U of the catalogue
//! of faults. SECURITY.md says which test shows which row.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod bench;

mod answers;
mod broken;
mod era;
mod floods;
mod replicas;
mod slow;
