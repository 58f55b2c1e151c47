//! Bytes are frames and then zeros, or they are refused where they are not; what was read is
//! written as it stood.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_verify::{FrameKind, Frames, SegmentHeader, write_frame};

fuzz_target!(|bytes: &[u8]| {
    let mut frames = Frames::new(bytes);
    let mut again = Vec::new();
    let end = loop {
        match frames.next() {
            Ok(Some((offset, frame))) => {
                assert_eq!(offset, again.len());
                write_frame(&mut again, frame.kind, frame.seq, &[frame.payload])
                    .expect("it was read");
                if frame.kind == FrameKind::Header
                    && let Ok(header) = SegmentHeader::decode(frame.payload)
                {
                    assert_eq!(header.encode().expect("it was read"), frame.payload);
                }
            }
            Ok(None) => break frames.offset(),
            Err(error) => break error.offset,
        }
    };
    assert_eq!(end, again.len());
    assert!(bytes.starts_with(&again));
});
