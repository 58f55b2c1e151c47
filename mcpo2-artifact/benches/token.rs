//! What it costs to sign, narrow, verify and refuse a reference:
//! `cargo bench -p mcpo2-artifact --features ed25519 --bench token`. Prints; judges nothing. Where
//! the system tells (Linux does), it is the time of the processor, and others on the machine do not
//! count.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement that fails should say so"
)]

use std::{
    hint::black_box,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use mcpo2_artifact::{
    range::Ranges,
    token::{
        Audience, Caveat, Issuer, Keys, Limits, Mint, Object, Revocations, SignedReference, Verb,
        Verifier,
    },
};
use mcpo2_core::{AuthMethod, Digest, Principal};

/// How long each figure is measured for.
const TIME: Duration = Duration::from_millis(300);

fn main() {
    println!("{:>44} {:>8} {:>10} {:>12}", "", "bytes", "ns", "a second");
    gateway("keyed", Keys::ephemeral().unwrap());
    #[cfg(feature = "ed25519")]
    gateway(
        "Ed25519",
        Keys::signing(&mcpo2_artifact::token::Secret::random().unwrap()),
    );
}

/// All figures of one way to sign.
fn gateway(name: &str, keys: Keys) {
    let now = SystemTime::now();
    let (keys, revocations) = (Arc::new(keys), Arc::new(Revocations::new(now)));
    let authority = "gw.example".parse().unwrap();
    let limits = Limits::default();
    let issuer = Issuer::new(authority, keys.clone(), revocations.clone(), limits);
    let verifier = Verifier::new(
        "gw.example".parse().unwrap(),
        keys,
        revocations.clone(),
        Arc::default(),
    );
    let [ada, bob] = ["ada", "bob"].map(principal);
    let plain = issuer.sign(blob(&ada), now).unwrap();
    row(&format!("{name}, sign"), &plain, || {
        black_box(issuer.sign(blob(black_box(&ada)), now).unwrap());
    });
    let verify = |what: &str, reference: &SignedReference, presenter: &Principal, holds: bool| {
        let verified = || {
            let token = black_box(reference.token());
            let granted = verifier.verify(token, black_box(presenter), &Verb::Read, now);
            granted.is_ok()
        };
        assert_eq!(verified(), holds, "{what}");
        row(&format!("{name}, {what}"), reference, || {
            black_box(verified());
        });
    };
    verify("verify a blob", &plain, &ada, true);
    let entry = issuer.sign(entry(&ada), now).unwrap();
    verify("verify an entry, four ranges, uses", &entry, &ada, true);
    if let Ok(narrow) = plain.attenuate(&Caveat::Ranges(Ranges::one(0..4096))) {
        let narrow = narrow.attenuate(&Caveat::before(now + TIME * 100)).unwrap();
        verify("verify a blob, two caveats", &narrow, &ada, true);
        row(&format!("{name}, narrow"), &plain, || {
            black_box(plain.attenuate(&Caveat::principal(&bob)).unwrap());
        });
    }
    verify("refuse a borrowed one", &plain, &bob, false);
    verify("refuse a forged one", &forged(&plain), &ada, false);
    let expired = issuer.sign(blob(&ada), now - Duration::from_secs(1000));
    verify("refuse an expired one", &expired.unwrap(), &ada, false);
    for n in 0..4000_u32 {
        let object = Object::Blob(Digest::of(&n.to_be_bytes()));
        revocations.revoke_object(ada.tenant(), object, now);
    }
    verify("verify a blob, 4,000 others revoked", &plain, &ada, true);
    revocations.revoke_id(ada.tenant(), plain.id(), now + TIME, now);
    verify("refuse a revoked one", &plain, &ada, false);
}

fn principal(id: &str) -> Principal {
    let tenant = "acme".parse().unwrap();
    Principal::new(tenant, id.parse().unwrap(), AuthMethod::Jwt)
}

fn blob(principal: &Principal) -> Mint {
    let object = Object::Blob(Digest::of(b"a log"));
    let audience = Audience::principal(principal);
    Mint::new(principal.tenant().clone(), object, audience)
}

fn entry(principal: &Principal) -> Mint {
    let root = Digest::of(b"a tree");
    let path = "crates/gateway/src/transport/http/session.rs";
    let path = path.parse().unwrap();
    let object = Object::Entry { root, path };
    let audience = Audience::principal(principal);
    Mint::new(principal.tenant().clone(), object, audience)
        .with_ranges(Ranges::new((0..4).map(|n| n * 10_000..n * 10_000 + 800)).unwrap())
        .with_uses(NonZeroU32::new(10).unwrap())
}

/// The same with another last character of its tag.
fn forged(reference: &SignedReference) -> SignedReference {
    let token = reference.token();
    let (body, tag) = token.split_at(token.len() - 4);
    let other = if tag.starts_with('A') { "B" } else { "A" };
    SignedReference::from_token(&format!("{body}{other}{}", &tag[1..])).unwrap()
}

fn row(name: &str, reference: &SignedReference, work: impl Fn()) {
    let (began, before, mut times) = (Instant::now(), processor(), 0_u32);
    while began.elapsed() < TIME {
        for _ in 0..64 {
            work();
        }
        times += 64;
    }
    let passed = match (before, processor()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => began.elapsed(),
    };
    let each = passed.as_secs_f64() / f64::from(times);
    println!(
        "{name:>44} {:>8} {:>10.0} {:>12.0}",
        reference.token().len() * 3 / 4,
        each * 1e9,
        1.0 / each
    );
}

/// The time that this thread has had so far.
fn processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
