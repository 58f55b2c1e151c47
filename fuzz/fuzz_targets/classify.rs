//! Any text is classified, in the same way each time, and what a rule matched is named.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcpo2_classify::{Config, Rules};
use mcpo2_core::Message;

static RULES: LazyLock<Rules> =
    LazyLock::new(|| Config::builtin().compile().expect("the built-in pack"));

fuzz_target!(|text: &str| {
    let report = RULES.classify_text(text);
    assert_eq!(report, RULES.classify_text(text));
    assert!(report.family().is_none() || !report.evidence.is_empty());

    let request = serde_json::json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "run", "arguments": { "task": text, "content": [text] } },
    });
    let Ok(Message::Request(request)) = Message::parse(request.to_string()) else {
        panic!("a request")
    };
    let report = RULES.classify_request(&request);
    assert!(report.family().is_none() || !report.evidence.is_empty());
});
