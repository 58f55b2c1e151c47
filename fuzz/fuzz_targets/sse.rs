//! Events are the same in whatever pieces their bytes come.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_route::upstream::http::{SseDecoder, SseEvent};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (size, max, bytes) = input;
    let (size, max) = (usize::from(size) % 16 + 1, usize::from(max));
    let decode = |size: usize| -> Option<Vec<SseEvent>> {
        let mut decoder = SseDecoder::new(max);
        let mut events = Vec::new();
        for piece in bytes.chunks(size) {
            events.extend(decoder.push(piece).ok()?);
        }
        Some(events)
    };
    let whole = decode(bytes.len().max(1));
    assert_eq!(whole, decode(size));
    for event in whole.iter().flatten() {
        assert!(event.data.len() <= max);
    }
});
