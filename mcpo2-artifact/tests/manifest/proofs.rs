use mcpo2_artifact::manifest::{AbsenceProof, InclusionProof, Malformed, ProofError, RelPath};

use crate::support::{file, link, manifest, numbered};

#[test]
fn each_entry_of_each_size_is_proven_and_to_no_other_root() {
    for count in 0..=70 {
        let tree = numbered(count);
        let others = [count.saturating_sub(1), count + 1, 70 - count / 2].map(numbered);
        for entry in tree.entries() {
            let proof = tree.prove(entry.path().as_str()).unwrap();
            let read = InclusionProof::from_bytes(&proof.to_bytes()).unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.verify(&tree.root()), Ok(entry));
            for other in others.iter().filter(|other| other.root() != tree.root()) {
                assert_eq!(read.verify(&other.root()), Err(ProofError::Root));
            }
        }
        assert!(tree.prove("f").is_none());
    }
}

#[test]
fn each_path_between_entries_of_each_size_is_absent_and_no_other_is() {
    for count in 0..=70 {
        let (tree, other) = (numbered(count), numbered(count + 1).root());
        for at in 0..=count {
            let between: RelPath = match at {
                0 => "a".parse().unwrap(),
                at => format!("f{:03}x", at - 1).parse().unwrap(),
            };
            let proof = tree.prove_absent(&between).unwrap();
            let read = AbsenceProof::from_bytes(&proof.to_bytes()).unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.verify(&tree.root(), &between), Ok(()));
            let beside = at.saturating_sub(2)..count.min(at + 2);
            for entry in &tree.entries()[beside] {
                let verified = read.verify(&tree.root(), entry.path());
                assert_eq!(verified, Err(ProofError::Elsewhere));
            }
            assert_eq!(read.verify(&other, &between), Err(ProofError::Root));
        }
        for entry in tree.entries() {
            assert!(tree.prove_absent(entry.path()).is_none());
        }
    }
}

#[test]
fn absence_holds_between_its_neighbours_alone() {
    let tree = manifest(vec![file("b", b""), file("d", b""), file("f", b"")]);
    let paths = ["a", "b", "c", "c/c", "d", "e", "f", "g"].map(|path| path.parse().unwrap());
    for path in &paths {
        let Some(proof) = tree.prove_absent(path) else {
            continue;
        };
        for other in &paths {
            let gap = |path: &RelPath| {
                tree.entries()
                    .iter()
                    .filter(|entry| entry.path() < path)
                    .count()
            };
            let absent = tree.get(other.as_str()).is_none();
            let holds = absent && gap(path) == gap(other);
            assert_eq!(
                proof.verify(&tree.root(), other).is_ok(),
                holds,
                "{path} {other}"
            );
        }
    }
}

#[test]
fn each_flipped_bit_of_a_proof_is_refused() {
    let tree = manifest(vec![file("a", b"1"), link("b", "x"), file("d/é", b"22")]);
    let bytes = tree.prove("b").unwrap().to_bytes();
    flip(&bytes, |bytes| {
        let proof = InclusionProof::from_bytes(bytes)?;
        proof.verify(&tree.root()).map(drop)
    });
    for path in ["Z", "c", "e"].map(|path| path.parse().unwrap()) {
        let bytes = tree.prove_absent(&path).unwrap().to_bytes();
        flip(&bytes, |bytes| {
            AbsenceProof::from_bytes(bytes)?.verify(&tree.root(), &path)
        });
    }
}

fn flip(bytes: &[u8], verify: impl Fn(&[u8]) -> Result<(), ProofError>) {
    assert_eq!(verify(bytes), Ok(()));
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&bytes).is_err(), "bit {bit}");
    }
    for end in 0..bytes.len() {
        assert!(verify(&bytes[..end]).is_err());
    }
    let longer = [bytes, &[0]].concat();
    assert_eq!(verify(&longer), Err(Malformed::Trailing.into()));
}

#[test]
fn one_neighbour_does_not_make_the_rest_absent() {
    // What a liar would send: the first entry alone, as if it were the last.
    let tree = numbered(2);
    let honest = tree.prove_absent(&"g".parse().unwrap()).unwrap().to_bytes();
    let one = numbered(1);
    let short = one.prove_absent(&"f001".parse().unwrap()).unwrap();
    assert!(short.verify(&one.root(), &"f001".parse().unwrap()).is_ok());
    assert!(
        short
            .verify(&tree.root(), &"f001".parse().unwrap())
            .is_err()
    );
    // The count says how many neighbours follow: with the position of the middle, one is missing.
    let mut bytes = honest;
    let at = "mcpo2 absence\n".len() + 1 + 32 + 1 + 1;
    assert_eq!(bytes[at], 2);
    bytes[at] = 1;
    assert_eq!(AbsenceProof::from_bytes(&bytes), Err(Malformed::End.into()));
}
