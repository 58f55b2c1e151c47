//! The records of a store of blobs are read as they were written or not at all, and the names of its
//! files are written in one way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_artifact::blob::{ChunkIndex, PinRecord, RootRecord, Space, UploadId};

fuzz_target!(|bytes: &[u8]| {
    let digest = mcpo2_core::Digest::of(bytes);
    // With the digest that it must end in, so that what is before it is looked at.
    let sealed = [bytes, digest.as_bytes()].concat();
    for bytes in [bytes, &sealed] {
        if let Ok(root) = RootRecord::from_bytes(bytes) {
            assert_eq!(root.to_bytes(), bytes);
            let members = root.members().to_vec();
            let again = RootRecord::new(root.logical_bytes(), members);
            let again = again.with_subject(root.subject().unwrap_or_default());
            assert_eq!(again, root);
        }
        if let Ok(pin) = PinRecord::from_bytes(bytes) {
            assert_eq!(pin.to_bytes(), bytes);
        }
    }
    if let Ok(index) = ChunkIndex::from_bytes(bytes) {
        assert_eq!(index.to_bytes(), bytes);
        let lengths = index.chunks().iter().map(|chunk| u64::from(chunk.length));
        assert_eq!(lengths.sum::<u64>(), index.size());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Some(space) = Space::from_hex(text) {
            assert_eq!(space.to_string(), text);
        }
        if let Ok(id) = text.parse::<UploadId>() {
            assert_eq!(id.to_string(), text);
        }
    }
});
