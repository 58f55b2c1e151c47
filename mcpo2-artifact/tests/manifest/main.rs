//! Manifests: what is a path, what is a tree, what its root binds, and what is proven from it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod derived;
mod diffs;
mod laws;
mod paths;
mod proofs;
mod support;
mod trees;
