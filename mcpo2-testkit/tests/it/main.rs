//! The servers of this crate, from outside.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets one of these has failed"
)]

mod chaos;
mod exchange;
mod fixture;
mod raw;
