//! Tools with their schemas: whatever a module says of them, there is an end to the look at it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_core::json::{check, tokens};
use mcpo2_route::Quarantine;

fuzz_target!(|data: &[u8]| {
    let Ok(tool) = std::str::from_utf8(data) else {
        return;
    };
    let has_tokens = tokens(tool).all(|token| token.is_ok());
    assert!(has_tokens || check(data).is_err(), "{tool}");
    let _ = Quarantine::of_tool(tool);
});
