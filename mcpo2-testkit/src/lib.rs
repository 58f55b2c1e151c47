//! Servers and helpers for tests.
