//! Engines in other languages beside the rules: Rego and Cedar in the process, an Open Policy Agent
//! over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod agent;
mod beside;
mod cli;
mod files;
mod house;
#[path = "../support/mod.rs"]
mod support;
