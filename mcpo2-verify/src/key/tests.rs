use proptest::prelude::*;

use super::*;

/// From <https://c2sp.org/signed-note>.
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

#[test]
fn key_of_the_specification_reads_and_writes() {
    let key: VerifierKey = VKEY.parse().unwrap();
    assert_eq!(key.name().as_str(), "example.com/foo");
    assert_eq!(key.id().to_string(), "530d903a");
    assert_eq!(key.algorithm(), Algorithm::Ed25519);
    assert_eq!(key.to_string(), VKEY);
    let again = VerifierKey::new(key.name().clone(), key.public()).unwrap();
    assert_eq!(again, key);
}

#[test]
fn same_key_has_another_id_as_a_cosigner() {
    let key: VerifierKey = VKEY.parse().unwrap();
    let cosigner = VerifierKey::cosigner(key.name().clone(), key.public()).unwrap();
    assert_ne!(cosigner.id(), key.id());
    assert_eq!(cosigner.to_string().parse(), Ok(cosigner));
}

#[test]
fn names_with_spaces_control_characters_or_plus_are_refused() {
    let long = "a".repeat(KeyName::MAX_BYTES + 1);
    let wrong = [
        "",
        " ",
        "a b",
        "a\u{a0}b",
        "a\u{2003}b",
        "a+b",
        "a\nb",
        "a\tb",
        "a\u{7f}",
        &long,
    ];
    for name in wrong {
        assert_eq!(name.parse::<KeyName>(), Err(KeyError::Name), "{name:?}");
    }
    assert!("тест.example/ß".parse::<KeyName>().is_ok());
}

#[test]
fn damaged_keys_are_refused() {
    let weak = {
        let name: KeyName = "a".parse().unwrap();
        // The neutral element: any signature by it fits many texts.
        let mut public = [0; 32];
        public[0] = 1;
        VerifierKey::new(name, &public)
    };
    assert_eq!(weak, Err(KeyError::Public));
    let cases = [
        ("example.com/foo", KeyError::Form),
        ("example.com/foo+530d903a", KeyError::Form),
        (&VKEY.replace("530d903a", "530D903A"), KeyError::Form),
        (&VKEY.replace("530d903a", "530d903"), KeyError::Form),
        (&VKEY.replace("530d903a", "530d903b"), KeyError::Id),
        (&VKEY.replace("foo", "bar"), KeyError::Id),
        (&VKEY.replace("+Aek", "+Bek"), KeyError::Algorithm(5)),
        (&VKEY.replace("+Aek", "+Cek"), KeyError::Algorithm(9)),
        (&VKEY.replace("3U2k", "3U2kAA=="), KeyError::Form),
        (&VKEY.replace("3U2k", "3U2"), KeyError::Form),
        (&format!("{VKEY}\n"), KeyError::Form),
        (&format!("+{VKEY}"), KeyError::Name),
    ];
    for (vkey, error) in cases {
        assert_eq!(vkey.parse::<VerifierKey>(), Err(error), "{vkey}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_key_or_is_refused(vkey in "\\PC{0,40}|[a-z/]{1,5}\\+[0-9a-f]{8}\\+[A-Za-z0-9+/]{44}") {
        if let Ok(key) = vkey.parse::<VerifierKey>() {
            prop_assert_eq!(key.to_string(), vkey);
        }
    }
}
