//! Signatures that minisign made, and what becomes of them when anything is changed.
#![allow(clippy::unwrap_used, reason = "tests")]

use mcpo2_policy::signed::{PublicKey, SignatureError, verify};

const BUNDLE: &[u8] = include_bytes!("signed/bundle.yaml");
const SIGNATURE: &str = include_str!("signed/bundle.yaml.minisig");
const LEGACY: &str = include_str!("signed/legacy.minisig");
const ONE: &str = include_str!("signed/one.pub");
const OTHER: &str = include_str!("signed/other.pub");

/// The key as an operator copies it.
fn key(file: &str) -> PublicKey {
    file.lines().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_signature_of_a_key_that_counts_holds_and_names_it() {
    let keys = [key(OTHER), key(ONE)];
    let id = verify(BUNDLE, SIGNATURE, &keys).unwrap();
    assert_eq!(id.to_string(), "728132A3AEC42F81");
    assert!(ONE.contains(&id.to_string()));
    assert_eq!(id, key(ONE).id());
}

#[test]
fn a_key_that_does_not_count_is_named() {
    let id = key(ONE).id();
    for keys in [&[][..], &[key(OTHER)]] {
        assert_eq!(
            verify(BUNDLE, SIGNATURE, keys),
            Err(SignatureError::UnknownKey(id))
        );
    }
}

#[test]
fn no_changed_byte_of_the_file_is_taken() {
    let (keys, id) = ([key(ONE)], key(ONE).id());
    for at in 0..BUNDLE.len() {
        let mut bytes = BUNDLE.to_vec();
        bytes[at] ^= 1;
        assert_eq!(
            verify(&bytes, SIGNATURE, &keys),
            Err(SignatureError::Mismatch(id)),
            "{at}"
        );
    }
    let longer = [BUNDLE, b"\n"].concat();
    assert_eq!(
        verify(&longer, SIGNATURE, &keys),
        Err(SignatureError::Mismatch(id))
    );
    let shorter = BUNDLE.get(1..).unwrap();
    assert_eq!(
        verify(shorter, SIGNATURE, &keys),
        Err(SignatureError::Mismatch(id))
    );
}

#[test]
fn no_changed_byte_of_the_signature_is_taken() {
    let keys = [key(ONE)];
    // The first line says nothing that counts, and says so.
    let from = SIGNATURE.find('\n').unwrap() + 1;
    let to = SIGNATURE.trim_end().len();
    for at in from..to {
        let mut bytes = SIGNATURE.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify(BUNDLE, &changed, &keys).is_err(), "{at}: {changed}");
    }
    assert!(verify(BUNDLE, SIGNATURE, &keys).is_ok());
}

#[test]
fn the_trusted_comment_is_signed_too() {
    let changed = SIGNATURE.replace("acme-prod 7", "acme-prod 8");
    assert_ne!(changed, SIGNATURE);
    let id = key(ONE).id();
    assert_eq!(
        verify(BUNDLE, &changed, &[key(ONE)]),
        Err(SignatureError::Mismatch(id))
    );
}

#[test]
fn a_legacy_signature_is_not_taken() {
    assert_eq!(
        verify(BUNDLE, LEGACY, &[key(ONE)]),
        Err(SignatureError::Legacy)
    );
}

#[test]
fn what_is_no_signature_and_no_key_is_said_to_be_none() {
    let keys = [key(ONE)];
    let cut = |end: usize| SIGNATURE.get(..end).unwrap();
    for text in ["", "x", "a\nb\nc\nd\n", "\n\n\n\n", cut(60), cut(150), ONE] {
        assert!(verify(BUNDLE, text, &keys).is_err(), "{text}");
    }
    assert_eq!(verify(BUNDLE, "", &keys), Err(SignatureError::Malformed));
    for text in [
        "",
        "x",
        ONE,
        "RWSBL8SuozKBcjsN71ZbL4NO",
        SIGNATURE.lines().nth(1).unwrap(),
    ] {
        assert!(text.parse::<PublicKey>().is_err(), "{text}");
    }
}
