//! Servers and helpers for tests.

pub mod fixture;
