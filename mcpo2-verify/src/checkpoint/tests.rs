use proptest::prelude::*;

use super::*;
use crate::testing::Pair;

/// From <https://c2sp.org/tlog-cosignature>.
const NOTE: &str = "example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
";

#[test]
fn checkpoint_of_the_specification_reads_and_writes() {
    let signed = SignedCheckpoint::parse(NOTE.as_bytes()).unwrap();
    let checkpoint = signed.checkpoint();
    assert_eq!(checkpoint.origin(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.size(), 20_852_163);
    assert_eq!(checkpoint.text(), signed.note().text());
    assert_eq!(signed.to_string(), NOTE);
    let cosignature = signed.note().signatures()[1].signature();
    let cosignature = crate::cosignature::Cosignature::from_bytes(cosignature).unwrap();
    assert_eq!(cosignature.time(), 1_679_315_147);
}

#[test]
fn malformed_checkpoints_are_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    assert!(Checkpoint::parse(&format!("a\n0\n{root}\n")).is_ok());
    assert!(Checkpoint::parse(&format!("a b\n0\n{root}\nmore\nlines\n")).is_ok());
    let cases = [
        (format!("\n0\n{root}\n"), CheckpointError::Origin),
        (format!("a\n00\n{root}\n"), CheckpointError::Size),
        (format!("a\n-1\n{root}\n"), CheckpointError::Size),
        (
            format!("a\n18446744073709551616\n{root}\n"),
            CheckpointError::Size,
        ),
        (format!("a\n\n{root}\n"), CheckpointError::Size),
        ("a\n0\n".to_owned(), CheckpointError::Root),
        ("a\n0\nAAAA\n".to_owned(), CheckpointError::Root),
        (format!("a\n0\n{root} \n"), CheckpointError::Root),
        (format!("a\n0\n{root}"), CheckpointError::Root),
        (format!("a\n0\n{root}\n\n"), CheckpointError::Extension),
        (
            format!("a\n0\n{root}\nmore\n\nlines\n"),
            CheckpointError::Extension,
        ),
    ];
    for (text, error) in cases {
        assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
    }
}

#[test]
fn checkpoint_under_another_name_is_not_of_the_log() {
    let (log, other) = (Pair::log("a.example", 1), Pair::log("b.example", 1));
    let signed = log.checkpoint(3, [3; 32]);
    assert_eq!(signed.verify(&log.key).unwrap().size(), 3);
    assert_eq!(signed.verify(&other.key), Err(CheckpointError::OtherOrigin));

    // The text names one log and the signature the other.
    let text = signed.checkpoint().text();
    let spliced = SignedCheckpoint::new(signed.checkpoint(), other.sign(&text)).unwrap();
    assert_eq!(
        spliced.verify(&other.key),
        Err(CheckpointError::OtherOrigin)
    );
    assert_eq!(spliced.verify(&log.key), Err(NoteError::Unsigned.into()));
}

#[test]
fn cosignatures_hold_for_the_text_with_all_its_lines_and_their_time() {
    let (log, witness) = (Pair::log("a.example", 1), Pair::witness("w.example", 2));
    let text = format!(
        "{}more\n",
        Checkpoint::new(log.key.name(), 3, [3; 32]).text()
    );
    let mut signed = SignedCheckpoint::try_from(log.note(&text)).unwrap();
    assert_eq!(signed.cosigners(&[&witness.key]), Ok(vec![]));
    signed.add(witness.cosign(&text, 1_700_000_000)).unwrap();
    let cosigners = signed.cosigners(&[&witness.key]).unwrap();
    assert_eq!(cosigners[0].time(), Some(1_700_000_000));

    signed
        .add(witness.cosign(&signed.checkpoint().text(), 1))
        .unwrap();
    assert!(signed.cosigners(&[&witness.key]).is_err());
}

#[test]
fn changed_time_of_a_cosignature_is_noticed() {
    let (log, witness) = (Pair::log("a.example", 1), Pair::witness("w.example", 2));
    let mut signed = log.checkpoint(3, [3; 32]);
    let line = witness.cosign(signed.note().text(), 256);
    for (byte, time) in [(7, 257), (0, 1 << 56), (0, 1 << 63)] {
        let mut bytes = line.signature().to_vec();
        bytes[..8].copy_from_slice(&u64::to_be_bytes(time));
        assert_ne!(bytes[byte], line.signature()[byte]);
        let changed = SignatureLine::new(line.name().clone(), line.id(), &bytes);
        signed.add(changed).unwrap();
        assert!(signed.cosigners(&[&witness.key]).is_err());
    }
    signed.add(line).unwrap();
    assert_eq!(signed.cosigners(&[&witness.key]).unwrap().len(), 1);
}

proptest! {
    #[test]
    fn any_text_is_a_checkpoint_or_is_refused(text in "(\\PC{0,9}\n){0,5}|a\n[0-9]{1,3}\n[A-Za-z0-9+/]{43}=\n(.{0,3}\n){0,2}") {
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert!(text.starts_with(&checkpoint.text()));
        }
    }

    #[test]
    fn checkpoints_round_trip(size: u64, root: [u8; 32]) {
        let checkpoint = Checkpoint::new(&"a.example/log".parse().unwrap(), size, root);
        prop_assert_eq!(Checkpoint::parse(&checkpoint.text()), Ok(checkpoint));
    }
}
