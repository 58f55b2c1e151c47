//! Uploads over HTTP: begun, resumed, completed with their digest, and read by signed references.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod platform;
mod resuming;
mod trees;
