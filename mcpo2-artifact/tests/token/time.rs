//! The second it begins it holds, the second it expires it does not.

use std::time::{Duration, SystemTime};

use mcpo2_artifact::{
    range::Ranges,
    token::{Reason, Verb},
};

use crate::gateway::{Gateway, ada, allow, mint, seconds};

#[test]
fn a_token_holds_from_its_first_second_to_before_its_last() {
    let gateway = Gateway::new();
    let signed = gateway.sign(
        mint()
            .not_before(gateway.now + seconds(10))
            .expires_in(seconds(60)),
    );
    let verify = |time| {
        let granted = gateway
            .verifier
            .verify(signed.token(), &ada(), &Verb::Read, time);
        granted.err().map(|refused| refused.reason())
    };
    let nanosecond = Duration::from_nanos(1);
    let (begins, expires) = (gateway.now + seconds(10), gateway.now + seconds(60));
    assert_eq!(verify(gateway.now), Some(Reason::Early));
    assert_eq!(verify(begins - nanosecond), Some(Reason::Early));
    assert_eq!(verify(begins), None);
    assert_eq!(verify(expires - nanosecond), None);
    assert_eq!(verify(expires), Some(Reason::Expired));
    assert_eq!(verify(SystemTime::UNIX_EPOCH), Some(Reason::Early));
    assert_eq!(
        verify(SystemTime::UNIX_EPOCH - seconds(1)),
        Some(Reason::Early)
    );
}

#[test]
fn a_read_that_waits_too_long_is_refused() {
    let gateway = Gateway::new();
    let signed = gateway.sign(mint());
    let access = allow(gateway.read(signed.token(), &ada()).unwrap());
    let open = |after| access.open(&Ranges::one(0..1), gateway.now + seconds(after));
    assert!(open(899).is_ok());
    assert_eq!(open(900).unwrap_err().reason(), Reason::Expired);
}
