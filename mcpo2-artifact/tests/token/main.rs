//! Signed references: who gets what, and who gets nothing.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod attenuate;
mod deputy;
mod forge;
mod gateway;
mod mint;
mod revoke;
#[cfg(feature = "ed25519")]
mod signed;
mod time;
mod uri;
mod uses;
