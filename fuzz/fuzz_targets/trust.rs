//! Bytes are a policy, whose quorum more signatures never break, or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_verify::trust::{Trust, Witness};

fuzz_target!(|bytes: &[u8]| {
    let Ok(trust) = Trust::parse(bytes) else {
        return;
    };
    let keys: Vec<_> = trust.witnesses().iter().map(Witness::key).collect();
    let mut held = false;
    for signed in 0..=keys.len() {
        let signed = keys.get(..signed).expect("a prefix");
        let holds = trust.quorum().satisfied(|key| signed.contains(&key));
        assert!(holds || !held);
        held = holds;
    }
    assert!(held);
});
