//! The `mcpo2` command.

fn main() {}
