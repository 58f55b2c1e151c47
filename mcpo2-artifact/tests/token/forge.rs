//! Nothing but what an issuer signed, or a holder narrowed, is a token.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mcpo2_artifact::{
    range::Ranges,
    token::{Caveat, Keys, KeysError, Reason, SignedReference, Uses},
};
use proptest::prelude::*;

use crate::gateway::{Gateway, ada, mint, principal, seconds, secret};

fn bytes(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token).unwrap()
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn narrowed(gateway: &Gateway) -> SignedReference {
    let reference = gateway.sign(mint());
    let reference = reference.attenuate(&Caveat::Ranges(Ranges::one(3..900)));
    reference
        .unwrap()
        .attenuate(&Caveat::Before(1_800_000_100))
        .unwrap()
}

#[test]
fn every_flipped_bit_is_refused() {
    let gateway = Gateway::new();
    let token = bytes(narrowed(&gateway).token());
    assert!(gateway.read(&text(&token), &ada()).is_ok());
    for at in 0..token.len() * 8 {
        let mut flipped = token.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(gateway.read(&text(&flipped), &ada()).is_err(), "bit {at}");
    }
}

#[test]
fn every_other_length_is_refused() {
    let gateway = Gateway::new();
    let token = bytes(narrowed(&gateway).token());
    for length in 0..token.len() {
        assert!(gateway.read(&text(&token[..length]), &ada()).is_err());
        let tail = [&token[..length], &[0], &token[length..]].concat();
        assert!(gateway.read(&text(&tail), &ada()).is_err(), "at {length}");
    }
}

/// This token with each other last character: some of them decode to the same bytes, where a decoder is lax.
fn ends_otherwise(token: &str) -> impl Iterator<Item = String> {
    let (start, last) = token.split_at(token.len() - 1);
    let others = ('A'..='Z').chain('a'..='z').chain('0'..='9');
    let others = others.chain(['-', '_']).map(String::from);
    others.filter_map(move |other| (other != last).then(|| format!("{start}{other}")))
}

#[test]
fn each_token_has_one_text() {
    let gateway = Gateway::new();
    let reference = narrowed(&gateway);
    let token = reference.token();
    assert_eq!(SignedReference::from_token(token), Ok(reference.clone()));
    let plain = token.replace('-', "+").replace('_', "/");
    for other in [
        format!("{token}="),
        format!("{token}=="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}A"),
        "A".repeat(100_000),
        String::new(),
    ]
    .into_iter()
    .chain(ends_otherwise(token))
    {
        let refused = gateway.read(&other, &ada()).unwrap_err();
        assert!(
            matches!(refused, Reason::Malformed | Reason::Forged),
            "{other}"
        );
    }
    assert!(plain == token || gateway.read(&plain, &ada()).is_err());
}

/// A caveat cannot be taken off, changed, doubled under the old tag or moved.
#[test]
fn what_was_narrowed_stays_narrow() {
    let gateway = Gateway::new();
    let wide = bytes(gateway.sign(mint()).token());
    let reference = SignedReference::from_token(&text(&wide)).unwrap();
    let narrow = reference.attenuate(&Caveat::Before(1_800_000_100)).unwrap();
    let narrow = bytes(narrow.token());
    let (payload, tag) = (&wide[..wide.len() - 32], &narrow[narrow.len() - 32..]);
    let caveat = &narrow[payload.len()..narrow.len() - 32];
    for forged in [
        [payload, tag].concat(),
        [payload, caveat, caveat, tag].concat(),
        [payload, caveat, &wide[payload.len()..]].concat(),
        [payload, &[2, 0x81, 0xa8, 0xa7, 0xda, 6], tag].concat(),
    ] {
        let refused = gateway.read(&text(&forged), &ada()).unwrap_err();
        assert!(matches!(refused, Reason::Forged | Reason::Malformed));
    }
}

#[test]
fn a_key_that_is_not_in_the_ring_is_refused() {
    let gateway = Gateway::new();
    let other = Gateway::with(Keys::new(&secret(8)), Uses::default());
    let token = other.sign(mint());
    let refused = gateway.read(token.token(), &ada()).unwrap_err();
    assert_eq!(refused, Reason::UnknownKey);

    // Its name in place of that of ours helps nobody.
    let [mut theirs, ours] = [&token, &gateway.sign(mint())].map(|it| bytes(it.token()));
    theirs[1..9].copy_from_slice(&ours[1..9]);
    let refused = gateway.read(&text(&theirs), &ada()).unwrap_err();
    assert_eq!(refused, Reason::Forged);
}

#[test]
fn an_older_key_verifies_and_the_first_one_signs() {
    let old = Gateway::new();
    let keys = Keys::new(&secret(8)).with_older(&secret(7)).unwrap();
    let new = Gateway::with(keys, Uses::default());
    assert!(new.read(old.sign(mint()).token(), &ada()).is_ok());
    let grant = new.read(new.sign(mint()).token(), &ada()).unwrap();
    assert_eq!(Some(grant.key()), new.keys.ids().next());

    let ring = (0..16).try_fold(Keys::new(&secret(99)), |ring, key| {
        ring.with_older(&secret(key))
    });
    assert_eq!(ring.unwrap_err(), KeysError::TooMany);
    let twice = Keys::new(&secret(1)).with_older(&secret(1));
    assert_eq!(twice.unwrap_err(), KeysError::Twice);
}

#[test]
fn another_gateway_with_the_same_keys_is_another_gateway() {
    let gateway = Gateway::new();
    let other = mcpo2_artifact::token::Verifier::new(
        "other.example".parse().unwrap(),
        gateway.keys.clone(),
        gateway.revocations.clone(),
        gateway.uses.clone(),
    );
    let token = gateway.sign(mint());
    let refused = other.verify(
        token.token(),
        &ada(),
        &mcpo2_artifact::token::Verb::Read,
        gateway.now,
    );
    assert_eq!(refused.unwrap_err().reason(), Reason::Authority);
}

/// Forged, expired, borrowed and revoked ones, 2,500 of each.
#[test]
fn of_ten_thousand_bad_tokens_none_verifies() {
    let gateway = Gateway::new();
    let mallory = Gateway::with(Keys::new(&secret(66)), Uses::default());
    let bob = principal("acme", "bob", mcpo2_core::AuthMethod::Jwt);
    let mut found = [0; 4];
    for n in 0..2_500_usize {
        let good = gateway.sign(mint());
        assert!(gateway.read(good.token(), &ada()).is_ok());

        let theirs = mallory.sign(mint());
        let mut forged = bytes(if n % 2 == 0 { &theirs } else { &good }.token());
        let at = n % forged.len();
        forged[at] = forged[at].wrapping_add(u8::try_from(n % 255).unwrap() + 1);
        found[0] += usize::from(gateway.read(&text(&forged), &ada()).is_ok());

        let old = gateway.now - seconds(900 + n as u64);
        let old = gateway.issuer.sign(mint(), old).unwrap();
        let expired = gateway.read(old.token(), &ada()).err();
        found[1] += usize::from(expired != Some(Reason::Expired));

        let borrowed = gateway.read(good.token(), &bob).err();
        found[2] += usize::from(borrowed != Some(Reason::Audience));

        gateway.revocations.revoke_id(
            &"acme".parse().unwrap(),
            good.id(),
            good.expires().unwrap(),
            gateway.now,
        );
        let revoked = gateway.read(good.token(), &ada()).err();
        found[3] += usize::from(revoked != Some(Reason::Revoked));
    }
    assert_eq!(found, [0; 4]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn whatever_is_read_is_written_the_same(noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)) {
        let mut token = bytes(narrowed(&Gateway::new()).token());
        for (at, byte) in noise {
            let at = at.index(token.len());
            token[at] = byte;
        }
        let token = text(&token);
        if let Ok(reference) = SignedReference::from_token(&token) {
            prop_assert_eq!(reference.token(), token);
        }
    }
}
