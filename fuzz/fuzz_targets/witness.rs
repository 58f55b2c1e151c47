//! Bytes are what a log asks of a witness, or what the witness replies, and come out as they went in;
//! or they are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_verify::witness::{AddCheckpoint, Reply};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(request.to_string().as_bytes(), bytes);
    }
    for status in [200, 403, 409] {
        let reply = Reply::parse(status, Some(Reply::SIZE_TYPE), bytes);
        if let Ok(reply @ (Reply::Cosigned(_) | Reply::Conflict(_))) = reply {
            assert_eq!(reply.body().as_bytes(), bytes);
            assert_eq!(reply.status(), status);
        }
    }
});
