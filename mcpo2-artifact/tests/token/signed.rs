//! References for readers in another trust domain: they verify, and cannot sign.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mcpo2_artifact::token::{
    AttenuateError, Caveat, Issuer, Keys, Limits, MintError, PublicKey, Reason, SignedReference,
    Uses, Verb, Verifier,
};

use crate::gateway::{GATEWAY, Gateway, ada, mint, secret};

/// Ours signs with Ed25519; theirs has the public key alone.
fn pair() -> (Gateway, Verifier) {
    let ours = Gateway::with(Keys::signing(&secret(7)), Uses::default());
    let text = ours.keys.public_key().unwrap().to_string();
    let keys = Keys::verifying(text.parse().unwrap());
    let revocations = Arc::clone(&ours.revocations);
    let theirs = Verifier::new(
        GATEWAY.parse().unwrap(),
        Arc::new(keys),
        revocations,
        Arc::default(),
    );
    (ours, theirs)
}

fn read(verifier: &Verifier, token: &str, gateway: &Gateway) -> Option<Reason> {
    let granted = verifier.verify(token, &ada(), &Verb::Read, gateway.now);
    granted.err().map(|refused| refused.reason())
}

#[test]
fn a_reader_with_the_public_key_verifies_and_cannot_sign() {
    let (ours, theirs) = pair();
    let signed = ours.sign(mint());
    assert_eq!(read(&theirs, signed.token(), &ours), None);
    assert_eq!(read(&ours.verifier, signed.token(), &ours), None);

    let keys = Keys::verifying(ours.keys.public_key().unwrap());
    assert_eq!(keys.public_key(), None);
    let issuer = Issuer::new(
        GATEWAY.parse().unwrap(),
        Arc::new(keys),
        Arc::clone(&ours.revocations),
        Limits::default(),
    );
    assert_eq!(issuer.sign(mint(), ours.now), Err(MintError::NoKey));
}

#[test]
fn every_flipped_bit_of_a_signature_is_refused() {
    let (ours, theirs) = pair();
    let token = URL_SAFE_NO_PAD.decode(ours.sign(mint()).token()).unwrap();
    // Each bit of the payload, and one in seven of the signature: verifying is slow in a debug build.
    let payload = (token.len() - 64) * 8;
    for at in (0..payload).chain((payload..token.len() * 8).step_by(7)) {
        let mut flipped = token.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        let text = URL_SAFE_NO_PAD.encode(&flipped);
        assert!(read(&theirs, &text, &ours).is_some(), "bit {at}");
    }
}

#[test]
fn only_the_issuer_narrows_what_it_signed() {
    let (ours, _) = pair();
    let signed = ours.sign(mint());
    let narrow = signed.attenuate(&Caveat::before(ours.now));
    assert_eq!(narrow.unwrap_err(), AttenuateError::Signed);
    // A caveat that somebody puts before the signature anyway.
    let mut bytes = URL_SAFE_NO_PAD.decode(signed.token()).unwrap();
    let tag = bytes.split_off(bytes.len() - 64);
    let token = URL_SAFE_NO_PAD.encode([&bytes[..], &[2, 0], &tag].concat());
    assert!(SignedReference::from_token(&token).is_err());
}

/// The public key as the secret of a keyed hash, which a verifier that lets the token choose takes.
#[test]
fn a_token_does_not_choose_how_it_is_verified() {
    let (ours, theirs) = pair();
    let keyed = Gateway::with(Keys::new(&secret(7)), Uses::default());
    let mut bytes = URL_SAFE_NO_PAD.decode(keyed.sign(mint()).token()).unwrap();
    let signed = URL_SAFE_NO_PAD.decode(ours.sign(mint()).token()).unwrap();
    bytes[1..9].copy_from_slice(&signed[1..9]);
    let token = URL_SAFE_NO_PAD.encode(&bytes);
    assert_eq!(read(&theirs, &token, &ours), Some(Reason::UnknownKey));
    // And one ring may have both.
    let keys = Keys::new(&secret(8))
        .with_public(ours.keys.public_key().unwrap())
        .unwrap();
    let both = Gateway::with(keys, Uses::default());
    assert_eq!(read(&both.verifier, ours.sign(mint()).token(), &both), None);
    assert_eq!(read(&both.verifier, both.sign(mint()).token(), &both), None);
}

#[test]
fn a_weak_point_is_no_public_key() {
    for bad in [
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AQAAAA==",
        "",
    ] {
        assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
    }
}
