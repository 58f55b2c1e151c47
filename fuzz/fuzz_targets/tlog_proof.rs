//! Bytes are a proof and come out as they went in, or are refused; none proves a record of a log
//! whose key nobody has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_verify::{proof::Proof, trust::Trust};

const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

fuzz_target!(|bytes: &[u8]| {
    let Ok(proof) = Proof::parse(bytes) else {
        return;
    };
    assert_eq!(proof.to_string().as_bytes(), bytes);
    let trust = Trust::without_witnesses(KEY.parse().expect("a key"));
    let leaf = proof.path().first().copied().unwrap_or_default();
    assert!(proof.verify(&leaf, &trust, &[]).is_err());
});
