//! What an ingest promises: the same root of the same tree from each source, nothing from outside
//! the tree, no secret, and no more than its limits.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod planted;
mod sources;
mod threats;
mod tree;
mod withheld;
