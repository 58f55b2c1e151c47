//! Each token has one text, whatever is narrowed stays a token, and nobody without the key makes one
//! that verifies.
#![no_main]

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use mcpo2_artifact::{
    Reference,
    range::Ranges,
    token::{Caveat, Keys, Revocations, SignedReference, Uri, Verb, Verifier},
};
use mcpo2_core::{AuthMethod, Principal};

static ADA: LazyLock<Principal> = LazyLock::new(|| {
    let tenant = "acme".parse().expect("a tenant");
    Principal::new(tenant, "ada".parse().expect("an id"), AuthMethod::Jwt)
});

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let keys = Keys::ephemeral().expect("randomness");
    let authority = "gw.example".parse().expect("an authority");
    let revocations = Revocations::new(SystemTime::UNIX_EPOCH);
    Verifier::new(authority, Arc::new(keys), Arc::new(revocations), Arc::default())
});

fuzz_target!(|bytes: &[u8]| {
    token(&URL_SAFE_NO_PAD.encode(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    token(text);
    match text.parse::<Uri>() {
        Ok(Uri::Kept(reference, _)) => {
            assert!(text.parse::<SignedReference>().is_err());
            assert!(text.starts_with(&reference.uri()));
        }
        Ok(Uri::Signed(reference, ..)) => {
            assert!(Reference::parse(text).is_err());
            assert_eq!(text.split('?').next(), Some(&*reference.uri()));
        }
        _ => {}
    }
});

fn token(text: &str) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let refused = VERIFIER.verify(text, &*ADA, &Verb::Read, now);
    assert!(refused.is_err());
    let Ok(reference) = SignedReference::from_token(text) else {
        return;
    };
    assert_eq!(reference.token(), text);
    assert_eq!(reference.uri().parse(), Ok(reference.clone()));
    for caveat in [Caveat::Ranges(Ranges::one(3..9)), Caveat::before(now)] {
        let Ok(narrow) = reference.attenuate(&caveat) else {
            continue;
        };
        assert_eq!(SignedReference::from_token(narrow.token()), Ok(narrow.clone()));
        assert!(narrow.expires() <= reference.expires());
        let refused = VERIFIER.verify(narrow.token(), &*ADA, &Verb::Read, now);
        assert!(refused.is_err());
    }
}
