//! Manifests: what is a path, what is a tree, and what its root binds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod paths;
mod support;
mod trees;
