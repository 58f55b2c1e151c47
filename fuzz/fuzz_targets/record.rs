//! A leaf, a body and values have one encoding each: what is read is written as it stood.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_verify::{Body, LEAF, Leaf, Values, encode_body, encode_values};

fuzz_target!(|bytes: &[u8]| {
    if let Some((leaf, body)) = bytes.split_first_chunk::<LEAF>() {
        if let Ok(leaf) = Leaf::decode(leaf) {
            assert_eq!(leaf.encode(), bytes[..LEAF]);
        }
        read_body(body);
    }
    read_body(bytes);
    if let Ok(values) = Values::decode(bytes) {
        let values: Vec<_> = values.map(|it| (it.path, *it.salt, it.value)).collect();
        assert_eq!(encode_values(&values).expect("it was read"), bytes);
    }
});

fn read_body(bytes: &[u8]) {
    if let Ok(body) = Body::decode(bytes) {
        let commitments: Vec<_> = body.commitments().map(|it| (it.path, it.hash)).collect();
        assert_eq!(commitments.len(), body.commitments().count());
        let again = encode_body(body.public().as_bytes(), &commitments);
        assert_eq!(again.expect("it was read"), bytes);
    }
}
