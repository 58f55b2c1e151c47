//! Blobs over `object_store`: in memory, in files, and in a bucket of a server on loopback that
//! verifies each signature.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[cfg(feature = "s3")]
mod bucket;
#[cfg(feature = "s3")]
#[path = "../common/mod.rs"]
mod common;
#[cfg(feature = "s3")]
mod depot;
#[cfg(feature = "s3")]
mod down;
mod local;
#[cfg(feature = "s3")]
mod passing;
#[cfg(feature = "s3")]
#[allow(dead_code, reason = "others test with it as well")]
mod server;
mod support;
