//! A text is a checkpoint, of which the first three lines come out as they went in, or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_verify::{checkpoint::Checkpoint, key::VerifierKey};

fuzz_target!(|text: &str| {
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert!(text.starts_with(&checkpoint.text()));
        let again = Checkpoint::parse(&checkpoint.text());
        assert_eq!(again, Ok(checkpoint));
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
});
