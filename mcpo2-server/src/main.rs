//! The `mcpo2` command.

use std::process::ExitCode;

// A call takes some dozens of small allocations, which this one makes for less.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mcpo2_server::cli::run()
}
