//! The depot over its stores: names, quotas, leases, pins, sweeping, and what fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod chunks;
mod depot;
mod faults;
#[cfg(unix)]
mod fs;
mod laws;
#[cfg(all(feature = "encrypt", unix))]
mod sealed;
mod support;
mod sweep;
#[cfg(unix)]
mod uploads;
