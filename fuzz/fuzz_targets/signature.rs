//! A text is a signature and a key, or it is not: nothing but the key's owner makes one that holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_policy::signed::{PublicKey, verify};

const KEY: &str = "RWSBL8SuozKBcjsN71ZbL4NO/8kZhaiMCNODjG6sXLZZ62LWkxZ+Q34m";

fuzz_target!(|text: &str| {
    let key: PublicKey = KEY.parse().expect("a key");
    assert!(verify(b"what nobody signed", text, &[key]).is_err());
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.id().to_string().len(), 16);
    }
});
