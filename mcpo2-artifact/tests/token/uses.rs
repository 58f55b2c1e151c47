//! What may be used so often, or read so far, is, and no further; under threads too.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use mcpo2_artifact::{
    range::Ranges,
    token::{Caveat, Keys, Mint, Reason, Uses, Verb},
};

use crate::gateway::{Gateway, ada, allow, mint, seconds, secret};

fn uses(uses: u32) -> Mint {
    mint().with_uses(NonZeroU32::new(uses).unwrap())
}

fn bytes(bytes: u64) -> Mint {
    mint().with_max_bytes(NonZeroU64::new(bytes).unwrap())
}

#[test]
fn a_use_is_spent_by_the_first_delivery_and_given_back_without_one() {
    let gateway = Gateway::new();
    let signed = gateway.sign(uses(2));
    let access = gateway.access(&signed);
    for _ in 0..5 {
        drop(access.open(&Ranges::one(0..9), gateway.now).unwrap());
    }
    for _ in 0..2 {
        let mut reading = access.open(&Ranges::NONE, gateway.now).unwrap();
        reading.deliver(0).unwrap();
        reading.deliver(0).unwrap();
    }
    let refused = access.open(&Ranges::NONE, gateway.now).unwrap_err();
    assert_eq!(refused.reason(), Reason::Uses);
    assert_eq!(
        gateway.read(signed.token(), &ada()).unwrap_err(),
        Reason::Uses
    );
}

#[test]
fn verifying_spends_nothing() {
    let gateway = Gateway::new();
    let signed = gateway.sign(uses(1));
    for _ in 0..3 {
        assert!(gateway.read(signed.token(), &ada()).is_ok());
    }
    assert_eq!(gateway.uses.counted(), 0);
}

#[test]
fn a_reader_who_leaves_has_paid_for_what_he_got() {
    let gateway = Gateway::new();
    let signed = gateway.sign(bytes(100));
    let access = gateway.access(&signed);
    let mut reading = access.open(&Ranges::one(0..80), gateway.now).unwrap();
    assert_eq!(
        (reading.bytes_left(), access.grant().bytes_left()),
        (80, Some(20))
    );
    reading.deliver(30).unwrap();
    drop(reading);
    assert_eq!(access.grant().bytes_left(), Some(70));

    let more = access.open(&Ranges::one(0..71), gateway.now).unwrap_err();
    assert_eq!(more.reason(), Reason::Bytes);
    let mut reading = access.open(&Ranges::one(0..70), gateway.now).unwrap();
    let refused = reading.deliver(71).unwrap_err();
    assert_eq!(refused.reason(), Reason::Bytes);
    reading.deliver(70).unwrap();
    drop(reading);
    assert_eq!(
        gateway.read(signed.token(), &ada()).unwrap_err(),
        Reason::Bytes
    );
}

#[test]
fn more_bytes_than_there_are_do_not_overflow() {
    let gateway = Gateway::new();
    let access = gateway.access(&gateway.sign(bytes(u64::MAX)));
    let all = access.open(&Ranges::all(), gateway.now).unwrap();
    let refused = access.open(&Ranges::one(0..9), gateway.now).unwrap_err();
    assert_eq!(refused.reason(), Reason::Bytes);
    assert_eq!(all.bytes_left(), u64::MAX);
}

#[test]
fn bytes_outside_the_grant_are_refused() {
    let gateway = Gateway::new();
    let ranges = Ranges::new([10..20, 30..40]).unwrap();
    let signed = gateway.sign(mint().with_ranges(ranges));
    let open = |wanted| gateway.access(&signed).open(&wanted, gateway.now).err();
    assert!(open(Ranges::new([12..15, 30..40]).unwrap()).is_none());
    for wanted in [10..21, 9..20, 15..35, 0..u64::MAX] {
        let refused = open(Ranges::one(wanted)).unwrap();
        assert_eq!(refused.reason(), Reason::Range);
    }
    let stat = gateway.verify(signed.token(), &ada(), &Verb::Stat).unwrap();
    let stat = allow(stat);
    assert!(stat.open(&Ranges::NONE, gateway.now).is_ok());
    let refused = stat.open(&Ranges::one(10..11), gateway.now).unwrap_err();
    assert_eq!(refused.reason(), Reason::Verb);
}

#[test]
fn copies_that_are_narrowed_count_with_their_original() {
    let gateway = Gateway::new();
    let signed = gateway.sign(uses(2));
    let narrow = signed
        .attenuate(&Caveat::Ranges(Ranges::one(0..5)))
        .unwrap();
    for reference in [&signed, &narrow] {
        let mut reading = gateway
            .access(reference)
            .open(&Ranges::one(0..5), gateway.now)
            .unwrap();
        reading.deliver(5).unwrap();
    }
    for reference in [&signed, &narrow] {
        let refused = gateway.read(reference.token(), &ada()).unwrap_err();
        assert_eq!(refused, Reason::Uses);
    }
}

#[test]
fn threads_together_use_it_no_oftener() {
    let gateway = Gateway::new();
    let signed = gateway.sign(uses(50).with_max_bytes(NonZeroU64::new(120).unwrap()));
    let delivered = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let Ok(grant) = gateway.read(signed.token(), &ada()) else {
                        return;
                    };
                    let Ok(mut reading) = allow(grant).open(&Ranges::one(0..3), gateway.now) else {
                        continue;
                    };
                    reading.deliver(3).unwrap();
                    delivered.fetch_add(3, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(delivered.into_inner(), 120);
}

#[test]
fn a_full_table_refuses_until_something_expires() {
    let gateway = Gateway::with(Keys::new(&secret(7)), Uses::new(2));
    let open = |mint: Mint, after: u64| {
        let now = gateway.now + seconds(after);
        let signed = gateway.issuer.sign(mint, now).unwrap();
        let granted = gateway
            .verifier
            .verify(signed.token(), &ada(), &Verb::Read, now);
        let opened = allow(granted.unwrap()).open(&Ranges::one(0..1), now);
        opened
            .map(|mut reading| reading.deliver(1).unwrap())
            .map_err(|it| it.reason())
    };
    assert_eq!(open(uses(1).expires_in(seconds(10)), 0), Ok(()));
    assert_eq!(open(uses(1).expires_in(seconds(20)), 0), Ok(()));
    assert_eq!(open(uses(1), 9), Err(Reason::Full));
    // What is not counted needs no room.
    assert_eq!(open(mint(), 9), Ok(()));
    assert_eq!(open(uses(1), 10), Ok(()));
    assert_eq!(gateway.uses.counted(), 2);
}

/// A count that a clock ahead has dropped does not begin anew under one that is behind.
#[test]
fn a_clock_that_goes_back_gives_no_uses_back() {
    let gateway = Gateway::new();
    let signed = gateway.sign(uses(1));
    let access = gateway.access(&signed);
    let spend = |access: &mcpo2_artifact::token::Access, now| {
        let opened = access.open(&Ranges::one(0..1), now);
        opened
            .map(|mut reading| reading.deliver(1).unwrap())
            .map_err(|it| it.reason())
    };
    assert_eq!(spend(&access, gateway.now), Ok(()));
    let later = gateway.now + seconds(1_000);
    let other = gateway.issuer.sign(uses(1), later).unwrap();
    let other = gateway
        .verifier
        .verify(other.token(), &ada(), &Verb::Read, later);
    assert_eq!(spend(&allow(other.unwrap()), later), Ok(()));
    assert_eq!(spend(&access, gateway.now), Err(Reason::Expired));
}
