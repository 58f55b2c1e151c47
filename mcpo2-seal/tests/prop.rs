//! What holds of every token.

use std::time::{Duration, SystemTime};

use mcpo2_seal::{KeyRing, OpenError, Secret};
use proptest::prelude::*;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn ring() -> KeyRing {
    KeyRing::new(Secret::new([1; 32]), [])
}

const MINUTE: Duration = Duration::from_secs(60);

proptest! {
    #[test]
    fn what_is_sealed_opens(payload: Vec<u8>, parts: Vec<Vec<u8>>) {
        let context: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let token = ring().seal("p", &context, now() + MINUTE, &payload).unwrap();
        prop_assert_eq!(ring().open("p", &context, now(), &token), Ok(payload));
    }

    #[test]
    fn no_edit_of_a_token_opens(payload: Vec<u8>, at: prop::sample::Index, with in "[A-Za-z0-9_=./-]") {
        let token = ring().seal("p", &[], now() + MINUTE, &payload).unwrap();
        let at = at.index(token.len());
        let edited = format!("{}{with}{}", &token[..at], &token[at + 1..]);
        prop_assume!(edited != token);
        prop_assert_eq!(ring().open("p", &[], now(), &edited), Err(OpenError::Sealed));
        prop_assert_eq!(ring().open("p", &[], now(), &token[..at]), Err(OpenError::Sealed));
        prop_assert_eq!(ring().open("p", &[], now(), &format!("{token}{with}")), Err(OpenError::Sealed));
    }

    #[test]
    fn no_text_opens(text: String) {
        prop_assert_eq!(ring().open("p", &[], now(), &text), Err(OpenError::Sealed));
    }

    #[test]
    fn a_context_cannot_be_cut_otherwise(one: Vec<u8>, two: Vec<u8>, three: Vec<u8>) {
        let token = ring().seal("p", &[&one, &two], now() + MINUTE, b"x").unwrap();
        let joined = [&one[..], &two].concat();
        for other in [&[&joined[..]][..], &[&two, &one], &[&one, &two, &three], &[&one], &[]] {
            if other != [&one[..], &two] {
                prop_assert_eq!(ring().open("p", other, now(), &token), Err(OpenError::Sealed));
            }
        }
    }
}

#[test]
fn a_token_is_for_one_purpose_and_one_ring() {
    let token = ring()
        .seal("cursor", &[b"ada"], now() + MINUTE, b"x")
        .unwrap();
    let open = |ring: &KeyRing, purpose| ring.open(purpose, &[b"ada"], now(), &token);
    assert_eq!(open(&ring(), "cursor"), Ok(b"x".to_vec()));
    assert_eq!(open(&ring(), "session"), Err(OpenError::Sealed));
    assert_eq!(
        open(&KeyRing::ephemeral().unwrap(), "cursor"),
        Err(OpenError::Sealed)
    );
}

#[test]
fn a_token_holds_until_it_expires_and_not_at_that_second() {
    let token = ring().seal("p", &[], now() + MINUTE, b"x").unwrap();
    let open = |at| ring().open("p", &[], at, &token);
    assert_eq!(
        open(now() + MINUTE - Duration::from_secs(1)),
        Ok(b"x".to_vec())
    );
    assert_eq!(open(now() + MINUTE), Err(OpenError::Expired));
    assert_eq!(open(now() + 1000 * MINUTE), Err(OpenError::Expired));
}

#[test]
fn what_an_older_key_sealed_opens_until_that_key_is_gone() {
    let (old, new) = (Secret::new([1; 32]), Secret::new([2; 32]));
    let token = KeyRing::new(old.clone(), [])
        .seal("p", &[], now() + MINUTE, b"x")
        .unwrap();
    let rotated = KeyRing::new(new.clone(), [old]);
    assert_eq!(rotated.open("p", &[], now(), &token), Ok(b"x".to_vec()));
    let newer = rotated.seal("p", &[], now() + MINUTE, b"y").unwrap();
    let without = KeyRing::new(new, []);
    assert_eq!(without.open("p", &[], now(), &newer), Ok(b"y".to_vec()));
    assert_eq!(
        without.open("p", &[], now(), &token),
        Err(OpenError::Sealed)
    );
}

#[test]
fn a_ring_shows_the_names_of_its_keys_and_no_key() {
    let shown = format!(
        "{:?}",
        KeyRing::new(Secret::new([1; 32]), [Secret::new([2; 32])])
    );
    assert_eq!(shown.len(), r#"["00112233", "00112233"]"#.len(), "{shown}");
}
