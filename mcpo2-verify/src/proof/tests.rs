use proptest::prelude::*;

use super::*;
use crate::{leaf_hash, node_hash, testing::Pair};

const ORIGIN: &str = "a.example/log";

/// A log of three records, and the proof that the second of them is in it.
fn proof(log: &Pair) -> (Hash, Proof) {
    let [a, b, c] = [b"a", b"b", b"c"].map(|entry| leaf_hash(entry));
    let root = node_hash(&node_hash(&a, &b), &c);
    let proof = Proof::new(1, vec![a, c], log.checkpoint(3, root));
    (b, proof.with_extra(b"b"))
}

#[test]
fn proof_holds_for_its_leaf_and_its_log_only() {
    let (log, other) = (Pair::log(ORIGIN, 1), Pair::log(ORIGIN, 2));
    let trust = Trust::without_witnesses(log.key.clone());
    let (leaf, proof) = proof(&log);
    assert_eq!(proof.verify(&leaf, &trust, &[]).unwrap().log(), &log.key);
    let inclusion = proof.verify(&leaf_hash(b"x"), &trust, &[]);
    assert!(matches!(inclusion, Err(ProofError::Inclusion(_))));
    let trust = Trust::without_witnesses(other.key);
    let stranger = proof.verify(&leaf, &trust, &[]);
    assert!(matches!(stranger, Err(ProofError::Trust(_))));
}

#[test]
fn proof_at_another_place_is_refused() {
    let log = Pair::log(ORIGIN, 1);
    let trust = Trust::without_witnesses(log.key.clone());
    let (leaf, mut proof) = proof(&log);
    for index in [0, 2, 3, u64::MAX] {
        proof.index = index;
        assert!(proof.verify(&leaf, &trust, &[]).is_err(), "{index}");
    }
    proof.index = 1;
    proof.path.push([0; 32]);
    assert!(proof.verify(&leaf, &trust, &[]).is_err());
    proof.path.truncate(1);
    assert!(proof.verify(&leaf, &trust, &[]).is_err());
}

#[test]
fn file_is_what_the_specification_says() {
    let (_, proof) = proof(&Pair::log(ORIGIN, 1));
    let [a, c] = [b"a", b"c"].map(|entry| text::to_base64(leaf_hash(entry)));
    let note = proof.checkpoint.to_string();
    let file = format!("c2sp.org/tlog-proof@v1\nextra Yg==\nindex 1\n{a}\n{c}\n\n{note}");
    assert_eq!(proof.to_string(), file);
    assert_eq!(Proof::parse(file.as_bytes()), Ok(proof.clone()));
    let bare = file.replace("extra Yg==\n", "");
    assert_eq!(Proof::parse(bare.as_bytes()).unwrap().extra(), None);
    let empty = file.replace("extra Yg==\n", "extra \n");
    assert_eq!(Proof::parse(empty.as_bytes()).unwrap().to_string(), empty);

    let wrong = [
        file.replace("@v1", "@v2"),
        file.replace("extra Yg==", "extra Yg="),
        file.replace("extra Yg==", "extra Yg==\nextra Yg=="),
        file.replace("extra Yg==", "other Yg=="),
        file.replace("index 1", "index 01"),
        file.replace("index 1\n", ""),
        file.replace("index 1\n", "index 1\nindex 1\n"),
        file.replace(&a, "AAAA"),
        file.replace(&a, &format!("{a}\n").repeat(65)),
        file.replace(&format!("{c}\n\n"), &format!("{c}\n")),
        format!("\n{file}"),
        format!("{file}\n"),
        file.trim_end().to_owned(),
    ];
    for file in wrong {
        assert!(Proof::parse(file.as_bytes()).is_err(), "{file}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_proof_or_are_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        lines in "(extra [A-Za-z0-9]{0,8}\n)?index [0-9]{1,3}\n([A-Za-z0-9+/]{42}[AEIM]=\n){0,3}",
    ) {
        let _ = Proof::parse(&bytes);
        let note = Pair::log(ORIGIN, 1).checkpoint(3, [3; 32]);
        let file = format!("{HEADER}\n{lines}\n{note}");
        if let Ok(proof) = Proof::parse(file.as_bytes()) {
            prop_assert_eq!(proof.to_string(), file);
        }
    }
}
