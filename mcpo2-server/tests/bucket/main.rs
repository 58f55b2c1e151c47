//! A library whose blobs are in a bucket: uploaded and read through a gateway, over restarts and while
//! the bucket is down, and by modules that are given URLs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod house;
mod kept;
#[path = "../../../mcpo2-artifact/tests/objects/server.rs"]
#[allow(dead_code, reason = "it can do more than is asked of it here")]
mod server;
#[path = "../support/mod.rs"]
mod support;
mod urls;
