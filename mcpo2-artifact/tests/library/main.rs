//! What a library has is read by signed references, by whom they are for, as far as they go.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod house;
mod reading;
#[cfg(feature = "archive")]
mod unpacking;
