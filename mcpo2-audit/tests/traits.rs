//! What this crate brings keeps what its traits promise.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use mcpo2_audit::{DirDisk, KeySigner, SystemClock, conformance};

#[test]
fn disks_signers_and_clocks_of_this_crate_keep_their_promises() {
    let dir = tempfile::tempdir().unwrap();
    conformance::disk(&DirDisk::new(dir.path()).unwrap()).unwrap();
    conformance::disk(&conformance::ModelDisk::new()).unwrap();
    conformance::signer(&KeySigner::from_seed(&[7; 32])).unwrap();
    conformance::clock(&SystemClock::default()).unwrap();
}

#[test]
fn broken_ones_are_found() {
    #[derive(Debug)]
    struct Forgetful;
    impl mcpo2_audit::Signer for Forgetful {
        fn public_key(&self) -> [u8; 32] {
            KeySigner::from_seed(&[7; 32]).public_key()
        }
        fn sign(&self, _: &[u8]) -> Result<[u8; 64], mcpo2_core::BoxError> {
            KeySigner::from_seed(&[7; 32]).sign(b"something else")
        }
    }
    let broken = conformance::signer(&Forgetful).unwrap_err();
    assert!(broken.to_string().contains("verifies"), "{broken}");
}
