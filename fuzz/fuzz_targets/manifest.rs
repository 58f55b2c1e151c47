//! Bytes are a manifest, a block of facts, or a proof, and come out as they went in, or are refused;
//! what a manifest has is proven, and what it has not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_artifact::manifest::{AbsenceProof, Derived, InclusionProof, Manifest, RelPath};
use mcpo2_core::Digest;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(derived) = Derived::from_bytes(bytes) {
        assert_eq!(derived.to_bytes(), bytes);
    }
    if let Ok(proof) = InclusionProof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes);
        assert!(proof.verify(&Digest::of(b"another")).is_err());
    }
    let path: RelPath = "m".parse().expect("a path");
    if let Ok(proof) = AbsenceProof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes);
        assert!(proof.verify(&Digest::of(b"another"), &path).is_err());
    }
    let Ok(manifest) = Manifest::from_bytes(bytes) else {
        return;
    };
    assert_eq!(manifest.to_bytes(), bytes);
    assert!(manifest.diff(&manifest.clone()).is_empty());
    let (root, entries) = (manifest.root(), manifest.entries());
    let mut shuffled = entries.to_vec();
    shuffled.reverse();
    let withheld = manifest.withheld().to_vec();
    let again = Manifest::new(manifest.spec(), shuffled, withheld).expect("a manifest");
    assert_eq!(again, manifest);
    for entry in entries {
        let proof = manifest.prove(entry.path().as_str()).expect("a proof");
        assert_eq!(proof.verify(&root), Ok(entry));
        assert!(manifest.prove_absent(entry.path()).is_none());
    }
    if let Some(proof) = manifest.prove_absent(&path) {
        assert_eq!(proof.verify(&root, &path), Ok(()));
    }
    let _ = manifest.collisions();
});
