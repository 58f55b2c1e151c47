//! Bytes are a note and come out as they went in, or are refused; and nobody but the owner of a key
//! signs one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_verify::{key::VerifierKey, note::Note, rotation::Rotation};

const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SIGNED: &str = "This is an example message.\n";

fuzz_target!(|bytes: &[u8]| {
    let Ok(note) = Note::parse(bytes) else {
        return;
    };
    assert_eq!(note.to_string().as_bytes(), bytes);
    let key: VerifierKey = KEY.parse().expect("a key");
    assert!(note.verify(&[&key]).is_err() || note.text() == SIGNED);
    if let Ok(rotation) = Rotation::parse(note.text()) {
        assert_eq!(rotation.text(), note.text());
    }
});
