use proptest::prelude::*;

use super::*;
use crate::testing::Pair;

/// From <https://c2sp.org/signed-note>.
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
";
const POEM: &str = "Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
";

fn parse(note: &str) -> Result<Note, NoteError> {
    Note::parse(note.as_bytes())
}

#[test]
fn notes_of_the_specification_read_and_verify() {
    let key: VerifierKey = VKEY.parse().unwrap();
    let note = parse(NOTE).unwrap();
    let signers = note.verify(&[&key]).unwrap();
    assert_eq!(signers.len(), 1);
    assert_eq!((signers[0].key(), signers[0].time()), (&key, None));
    assert_eq!(note.to_string(), NOTE);

    let poem = parse(POEM).unwrap();
    assert!(poem.text().ends_with("sole:\n\ned è subito sera.\n"));
    assert_eq!(poem.to_string(), POEM);
    assert_eq!(poem.verify(&[&key]), Err(NoteError::Unsigned));
}

#[test]
fn another_verifier_agrees_on_what_was_signed_here() {
    use signed_note::{StandardVerifier, Verifier as _, VerifierList};

    let pair = Pair::log("example.com/log", 1);
    let vkey = pair.key.to_string();
    let verifier = StandardVerifier::new(&vkey).unwrap();
    assert_eq!(verifier.name(), "example.com/log");
    let written = pair.note("one\n\ntwo\n").to_string();
    let note = signed_note::Note::from_bytes(written.as_bytes()).unwrap();
    let (known, unknown) = note
        .verify(&VerifierList::new(vec![Box::new(verifier)]))
        .unwrap();
    assert_eq!((known.len(), unknown.len()), (1, 0));
}

#[test]
fn what_another_signer_signed_is_believed_here() {
    let log = Pair::log("example.com/log", 1);
    let secret = [[1].as_slice(), &[1; 32]].concat();
    let secret = crate::text::to_base64(secret);
    let secret = format!("PRIVATE+KEY+example.com/log+{}+{secret}", log.key.id());
    let signer = signed_note::StandardSigner::new(&secret).unwrap();
    let mut note = signed_note::Note::new("è\n\ntwo\n".as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let note = Note::parse(&note.to_bytes()).unwrap();
    assert_eq!(note.verify(&[&log.key]).unwrap()[0].key(), &log.key);
    assert_eq!(note, log.note("è\n\ntwo\n"));
}

#[test]
fn malformed_notes_are_refused() {
    let line = "— a AAAAAAA=\n";
    assert!(parse(&format!("text\n\n{line}")).is_ok());
    assert!(parse(&format!("\n\n{line}")).is_ok());
    for note in ["", "text\n", "text\n\n", "text\n\n\n", &format!("\n{line}")] {
        assert_eq!(parse(note), Err(NoteError::Form), "{note:?}");
    }
    assert_eq!(parse("text\n\n— a AAAAAAA="), Err(NoteError::Form));
    assert_eq!(
        parse(&format!("te\rxt\n\n{line}")),
        Err(NoteError::Encoding)
    );
    assert_eq!(
        parse(&format!("te\0xt\n\n{line}")),
        Err(NoteError::Encoding)
    );
    assert_eq!(Note::parse(b"te\xffxt\n\n"), Err(NoteError::Encoding));
    let wrong = [
        "- a AAAAAAA=",
        "—  AAAAAAA=",
        "— a",
        "— a ",
        "— a AAAAAA==",
        "— a AAAAAAA",
        "— a b AAAAAAA=",
        "— a+b AAAAAAA=",
        "—a AAAAAAA=",
        " — a AAAAAAA=",
        "— a AAAAAAA= ",
        "— a\u{2003}b AAAAAAA=",
    ];
    for line in wrong {
        let note = format!("text\n\n— a AAAAAAA=\n{line}\n");
        assert_eq!(parse(&note), Err(NoteError::Signature(1)), "{line:?}");
    }
}

#[test]
fn long_notes_and_many_signatures_are_refused() {
    let lines = |count| "— a AAAAAAA=\n".repeat(count);
    assert!(parse(&format!("text\n\n{}", lines(Note::MAX_SIGNATURES))).is_ok());
    let many = format!("text\n\n{}", lines(Note::MAX_SIGNATURES + 1));
    assert_eq!(parse(&many), Err(NoteError::TooManySignatures));
    let long = format!("{}\n\n{}", "a".repeat(Note::MAX_BYTES), lines(1));
    assert_eq!(parse(&long), Err(NoteError::TooLong));
}

#[test]
fn sixteen_signatures_of_five_kilobytes_are_read() {
    let name: KeyName = "witness.example/w".parse().unwrap();
    let line = SignatureLine::new(name, KeyId::from_bytes([6; 4]), &[7; 5000]);
    let note = assemble("text\n", &vec![line; 16]);
    assert_eq!(parse(&note).unwrap().signatures().len(), 16);
}

#[test]
fn signatures_by_strangers_are_passed_over_and_wrong_ones_refused() {
    let (log, other) = (Pair::log("a.example/log", 1), Pair::log("a.example/log", 2));
    let text = "text\n";
    let both = assemble(text, &[other.sign(text), log.sign(text)]);
    let both = parse(&both).unwrap();
    assert_eq!(both.verify(&[&log.key]).unwrap()[0].key(), &log.key);
    assert_eq!(both.verify(&[&log.key, &other.key]).unwrap().len(), 2);

    let wrong = assemble(text, &[other.sign(text), log.sign("other\n")]);
    let wrong = parse(&wrong).unwrap();
    assert_eq!(wrong.verify(&[&other.key]).unwrap().len(), 1);
    let refused = wrong.verify(&[&other.key, &log.key]);
    assert!(matches!(refused, Err(NoteError::Mismatch { id, .. }) if id == log.key.id()));

    // One that fits does not excuse one that does not.
    let twice = assemble(text, &[log.sign(text), log.sign("other\n")]);
    assert!(parse(&twice).unwrap().verify(&[&log.key]).is_err());
    let twice = assemble(text, &[log.sign(text), log.sign(text)]);
    assert_eq!(parse(&twice).unwrap().verify(&[&log.key]).unwrap().len(), 1);
    assert_eq!(parse(&twice).unwrap().verify(&[]), Err(NoteError::Unsigned));
}

#[test]
fn signature_by_the_same_secret_in_another_role_does_not_count() {
    let (log, witness) = (Pair::log("a.example", 1), Pair::witness("a.example", 1));
    let text = "text\n";
    let note = parse(&assemble(text, &[log.sign(text)])).unwrap();
    assert_eq!(note.verify(&[&witness.key]), Err(NoteError::Unsigned));
    let note = parse(&assemble(text, &[witness.cosign(text, 7)])).unwrap();
    assert_eq!(note.verify(&[&log.key]), Err(NoteError::Unsigned));
    assert_eq!(note.verify(&[&witness.key]).unwrap()[0].time(), Some(7));
}

#[test]
fn added_signature_takes_the_place_of_one_by_the_same_key() {
    let witness = Pair::witness("w.example", 1);
    let mut note = Pair::log("a.example", 1).note("text\n");
    note.add(witness.cosign("text\n", 7)).unwrap();
    note.add(witness.cosign("text\n", 8)).unwrap();
    assert_eq!(note.signatures().len(), 2);
    assert_eq!(note.verify(&[&witness.key]).unwrap()[0].time(), Some(8));
    assert_eq!(parse(&note.to_string()), Ok(note));
}

proptest! {
    #[test]
    fn any_bytes_are_a_note_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn notes_round_trip_and_no_changed_text_verifies(text in "[^\\p{Cc}]{0,40}(\\n[^\\p{Cc}]{0,9}){0,3}", at in any::<usize>()) {
        let log = Pair::log("a.example/log", 1);
        let text = format!("{text}\n");
        let note = log.note(&text);
        prop_assert_eq!(note.text(), &text);
        prop_assert!(note.verify(&[&log.key]).is_ok());
        let mut bytes = note.to_string().into_bytes();
        let at = at % text.len();
        bytes[at] ^= 1;
        if let Ok(changed) = Note::parse(&bytes) {
            prop_assert!(changed.verify(&[&log.key]).is_err());
        }
    }
}
