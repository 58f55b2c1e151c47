//! Nothing that is found in a message stays in it, and nothing else of it changes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcpo2_core::json::{self, Token, tokens};
use mcpo2_policy::{BlobsConfig, Finders, RedactConfig};

static FINDERS: LazyLock<Finders> = LazyLock::new(|| {
    let mut config = RedactConfig::default();
    config.blobs = BlobsConfig::Allow;
    config
        .finders
        .insert("employee".into(), "EMP-[0-9]{3}".into());
    config.compile().expect("finders")
});

const ALL: [&str; 6] = ["card", "email", "employee", "ip", "phone", "secret"];

fuzz_target!(|message: &str| {
    let Ok((text, counts)) = FINDERS.redact(ALL, message) else {
        return;
    };
    if counts.is_empty() {
        assert_eq!(text, message);
    }
    let (again, found) = FINDERS.redact(ALL, &text).expect("read before");
    assert_eq!((again.as_str(), found.len()), (text.as_str(), 0));
    assert_eq!(
        json::check(message.as_bytes()).is_ok(),
        json::check(text.as_bytes()).is_ok()
    );
    let mut after = tokens(&text).map(|token| token.expect("still JSON"));
    for before in tokens(message) {
        let (before, after) = (before.expect("JSON"), after.next().expect("as many"));
        let is_text = matches!((before, after), (Token::Text(_), Token::Text(_)));
        assert!(before == after || is_text, "{before:?} {after:?}");
    }
    assert_eq!(after.next(), None);
});
