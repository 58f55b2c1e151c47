//! An issuer signs what is within its limits, and nothing that grants nothing.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use mcpo2_artifact::{
    range::Ranges,
    token::{Audience, Issuer, Limits, Mint, MintError, Object, Verbs},
};
use mcpo2_core::Digest;

use crate::gateway::{GATEWAY, Gateway, ada, mint, seconds, tenant};

fn issuer(gateway: &Gateway, limits: Limits) -> Issuer {
    let (keys, revocations) = (gateway.keys.clone(), gateway.revocations.clone());
    Issuer::new(GATEWAY.parse().unwrap(), keys, revocations, limits)
}

fn why(limits: Limits, mint: Mint) -> Option<MintError> {
    let gateway = Gateway::new();
    issuer(&gateway, limits).sign(mint, gateway.now).err()
}

fn hour() -> Limits {
    Limits {
        lifetime: seconds(3600),
        bytes: NonZeroU64::new(1000),
        uses: NonZeroU32::new(3),
    }
}

#[test]
fn nothing_goes_further_than_the_limits() {
    let now = Gateway::new().now;
    for (mint, expected) in [
        (mint().expires_in(seconds(3600)), None),
        (mint().expires_in(seconds(3601)), Some(MintError::Lifetime)),
        (mint().expires_in(Duration::ZERO), Some(MintError::Lifetime)),
        (mint().expires_in(Duration::MAX), Some(MintError::Lifetime)),
        (
            mint().expires_in(Duration::from_millis(999)),
            Some(MintError::Lifetime),
        ),
        (
            mint().not_before(now + seconds(900)),
            Some(MintError::Lifetime),
        ),
        (mint().not_before(now + seconds(899)), None),
        (
            mint().not_before(now - seconds(86_400)),
            Some(MintError::Lifetime),
        ),
        (mint().with_max_bytes(NonZeroU64::MIN), None),
        (
            mint().with_max_bytes(NonZeroU64::MAX),
            Some(MintError::Bytes),
        ),
        (mint().with_uses(NonZeroU32::MIN), None),
        (mint().with_uses(NonZeroU32::MAX), Some(MintError::Uses)),
    ] {
        let shown = format!("{mint:?}");
        assert_eq!(why(hour(), mint), expected, "{shown}");
    }
    let week = Limits {
        lifetime: seconds(7 * 86_400),
        ..Limits::default()
    };
    let day = mint().expires_in(seconds(86_401));
    assert_eq!(why(week, day), Some(MintError::Lifetime));
}

#[test]
fn what_is_not_said_is_the_limit_or_a_quarter_of_an_hour() {
    let gateway = Gateway::new();
    let signed = issuer(&gateway, hour()).sign(mint(), gateway.now).unwrap();
    let grant = gateway.read(signed.token(), &ada()).unwrap();
    assert_eq!(grant.expires_in(gateway.now), seconds(900));
    assert_eq!(grant.bytes_left(), Some(1000));
    let minute = Limits {
        lifetime: seconds(60),
        ..Limits::default()
    };
    let signed = issuer(&gateway, minute).sign(mint(), gateway.now).unwrap();
    let grant = gateway.read(signed.token(), &ada()).unwrap();
    assert_eq!(grant.expires_in(gateway.now), seconds(60));
    assert_eq!(grant.bytes_left(), None);
}

#[test]
fn what_would_grant_nothing_is_not_signed() {
    let limits = Limits::default();
    let nothing = mint().with_ranges(Ranges::NONE);
    assert_eq!(why(limits, nothing), Some(MintError::Ranges));
    let nothing = mint().with_verbs(Verbs::NONE);
    assert_eq!(why(limits, nothing), Some(MintError::Verbs));
    let manifest = Object::Manifest(Digest::of(b"a tree"));
    let tree = || {
        Mint::new(
            tenant("acme"),
            manifest.clone(),
            Audience::principal(&ada()),
        )
    };
    assert_eq!(why(limits, tree()), None);
    let bytes = tree().with_ranges(Ranges::one(0..9));
    assert_eq!(why(limits, bytes), Some(MintError::Ranges));
}

#[test]
fn what_does_not_fit_into_512_bytes_is_not_signed() {
    let entry = |bytes: usize| {
        let root = Digest::of(b"a tree");
        let path = "x".repeat(bytes).parse().unwrap();
        let object = Object::Entry { root, path };
        Mint::new(tenant("acme"), object, Audience::principal(&ada()))
    };
    assert_eq!(why(Limits::default(), entry(300)), None);
    assert_eq!(why(Limits::default(), entry(400)), Some(MintError::TooLong));
}

#[test]
fn the_grant_says_what_was_signed() {
    let gateway = Gateway::new();
    let root = Digest::of(b"a tree");
    let path = "src/lib.rs".parse().unwrap();
    let object = Object::Entry { root, path };
    let mint = Mint::new(tenant("acme"), object.clone(), Audience::principal(&ada()));
    let ranges = Ranges::new([0..9, 100..u64::MAX]).unwrap();
    let signed = gateway.sign(mint.with_ranges(ranges).with_policy_revision(42));
    let grant = gateway.read(signed.token(), &ada()).unwrap();
    assert_eq!((grant.object(), grant.ranges()), (&object, &ranges));
    assert_eq!((grant.id(), grant.policy_revision()), (signed.id(), 42));
    assert_eq!(grant.tenant(), &tenant("acme"));
    assert!(!grant.is_bearer());
}

#[test]
fn no_key_and_no_token_is_ever_shown() {
    let gateway = Gateway::new();
    let signed = gateway.sign(mint());
    let shown = format!("{:?} {:?} {:?}", gateway.issuer, gateway.verifier, signed);
    assert!(!shown.contains(signed.token()));
    // The id is random, so anything may be in it.
    let shown = shown.replace(&signed.id().to_string(), "");
    // The secret is 32 times seven.
    assert!(!shown.contains("7, 7") && !shown.contains("0707"));
}
