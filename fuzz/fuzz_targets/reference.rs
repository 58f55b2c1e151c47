//! Each reference has one text, and a range reads as it is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_artifact::{Reference, Selector};

fuzz_target!(|uri: &str| {
    let _ = uri.parse::<Selector>();
    let Ok((reference, selector)) = Reference::parse(uri) else {
        return;
    };
    assert!(Reference::has_scheme(uri));
    let whole = uri.split('?').next().expect("a first part");
    assert_eq!(reference.uri(), whole);
    match selector {
        Selector::Bytes { from, to } => {
            assert!(to.is_none_or(|to| from <= to));
            let written = reference.bytes_uri(from, to);
            assert_eq!(Reference::parse(&written), Ok((reference, selector)));
        }
        Selector::Lines { first, last } => {
            assert!(first > 0 && last.is_none_or(|last| first <= last));
        }
        Selector::Whole => assert_eq!(uri, whole),
        _ => panic!("a selector that nothing writes"),
    }
});
