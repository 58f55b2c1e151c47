//! Lines are the same in whatever pieces their bytes come, and none is longer than it may be.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use mcpo2_route::upstream::line::LineDecoder;
use tokio_util::codec::Decoder;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (size, max, bytes) = input;
    let (size, max) = (usize::from(size) % 16 + 1, usize::from(max));
    let whole = decode(bytes, bytes.len().max(1), max);
    assert_eq!(whole, decode(bytes, size, max));
    for line in &whole.0 {
        assert!(line.len() <= max && !line.contains(&b'\n'));
        assert!(!line.iter().all(u8::is_ascii_whitespace));
    }
});

/// The lines, and whether one was too long: those before it come out.
fn decode(bytes: &[u8], size: usize, max: usize) -> (Vec<Bytes>, bool) {
    let (mut decoder, mut buffer) = (LineDecoder::new(max), BytesMut::new());
    let mut lines = Vec::new();
    for piece in bytes.chunks(size) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(line)) => lines.push(line),
                Ok(None) => break,
                Err(_) => return (lines, true),
            }
        }
    }
    loop {
        match decoder.decode_eof(&mut buffer) {
            Ok(Some(line)) => lines.push(line),
            Ok(None) => return (lines, false),
            Err(_) => return (lines, true),
        }
    }
}
