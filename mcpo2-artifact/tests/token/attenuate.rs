//! A caveat narrows, whatever it is, and the order of caveats does not matter.

use std::time::SystemTime;

use mcpo2_artifact::{
    range::Ranges,
    token::{AttenuateError, Caveat, Grant, Presenter, Reason, Verb, Verbs},
};
use proptest::prelude::*;

use crate::gateway::{Gateway, ada, all_verbs, mint, now, principal, seconds, verbs};

fn ranges() -> impl Strategy<Value = Ranges> {
    let one = (0..99_u64, 1..60_u64).prop_map(|(start, bytes)| start..start + bytes);
    prop::collection::vec(one, 1..6).prop_map(|list| Ranges::new(list).unwrap())
}

fn caveat() -> impl Strategy<Value = Caveat> {
    let verbs = (1..15_u8).prop_map(|bits| {
        let mut verbs = Verbs::NONE;
        if bits & 1 != 0 {
            verbs = verbs.stat();
        }
        if bits & 2 != 0 {
            verbs = verbs.read();
        }
        if bits & 4 != 0 {
            verbs = verbs.search();
        }
        if bits & 8 != 0 || bits & 7 == 0 {
            verbs = verbs.pass_to_tool("*__push".parse().unwrap());
        }
        Caveat::Verbs(verbs)
    });
    prop_oneof![
        ranges().prop_map(Caveat::Ranges),
        (0..2_000_u64).prop_map(|after| Caveat::before(now() - seconds(100) + seconds(after))),
        verbs,
        prop::sample::select(vec!["ada", "bob"]).prop_map(|id| Caveat::principal(&principal(
            "acme",
            id,
            mcpo2_core::AuthMethod::Jwt
        ))),
        prop::sample::select(vec!["ide", "ci"]).prop_map(|it| Caveat::Client(it.parse().unwrap())),
        prop::sample::select(vec!["run-1", "run-2"])
            .prop_map(|it| Caveat::Run(it.parse().unwrap())),
    ]
}

/// What a token grants for each verb at some times, to ada through the client `ide` in `run-1`.
fn granted(gateway: &Gateway, token: &str) -> Vec<Option<Ranges>> {
    let ada = ada();
    let presenter = Presenter::new(&ada).with_client("ide").with_run("run-1");
    let verify = |verb: &Verb, now: SystemTime| -> Option<Grant> {
        gateway.verifier.verify(token, presenter, verb, now).ok()
    };
    let times = [0, 10, 500, 899, 900].map(|after| gateway.now + seconds(after));
    let mut all = Vec::new();
    for verb in all_verbs() {
        all.extend(times.map(|now| verify(&verb, now).map(|grant| *grant.ranges())));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn a_caveat_never_widens(own in ranges(), caveats in prop::collection::vec(caveat(), 1..5)) {
        let gateway = Gateway::new();
        let mut reference = gateway.sign(mint().with_ranges(own));
        let mut before = granted(&gateway, reference.token());
        for caveat in &caveats {
            reference = reference.attenuate(caveat).unwrap();
            let after = granted(&gateway, reference.token());
            for (wide, narrow) in before.iter().zip(&after) {
                let Some(narrow) = narrow else { continue };
                prop_assert!(wide.is_some_and(|wide| wide.covers(narrow)), "{caveat:?}");
            }
            before = after;
        }
    }

    #[test]
    fn the_order_of_caveats_does_not_matter(caveats in prop::collection::vec(caveat(), 2..5)) {
        let gateway = Gateway::new();
        let signed = gateway.sign(mint());
        let narrowed = |caveats: &[Caveat]| {
            let mut caveats = caveats.iter();
            let narrowed = caveats.try_fold(signed.clone(), |it, caveat| it.attenuate(caveat));
            granted(&gateway, narrowed.unwrap().token())
        };
        let forth = narrowed(&caveats);
        let back: Vec<_> = caveats.into_iter().rev().collect();
        prop_assert_eq!(forth, narrowed(&back));
    }
}

#[test]
fn each_caveat_narrows_what_it_names() {
    let gateway = Gateway::new();
    let signed = gateway.sign(mint());
    let refused = |caveat: Caveat, verb: Verb| {
        let narrow = signed.attenuate(&caveat).unwrap();
        gateway.verify(narrow.token(), &ada(), &verb).err()
    };
    let reads = || Caveat::Verbs(Verbs::NONE.read());
    assert_eq!(refused(reads(), Verb::Read), None);
    assert_eq!(refused(reads(), Verb::Search), Some(Reason::Verb));
    let caveat = Caveat::Client("ci".parse().unwrap());
    assert_eq!(refused(caveat, Verb::Read), Some(Reason::Audience));
    let caveat = Caveat::before(gateway.now);
    assert_eq!(refused(caveat, Verb::Read), Some(Reason::Expired));
    // Passing to tools on both sides: only what both patterns match.
    let push = Verb::PassToTool("github__push".into());
    let only = |pattern: &str| Caveat::Verbs(Verbs::NONE.pass_to_tool(pattern.parse().unwrap()));
    assert_eq!(refused(only("*__push"), push.clone()), None);
    assert_eq!(refused(only("*__pull"), push), Some(Reason::Verb));
    let gitlab = Verb::PassToTool("gitlab__push".into());
    assert_eq!(refused(only("*"), gitlab), Some(Reason::Verb));
}

#[test]
fn ranges_that_do_not_meet_leave_nothing() {
    let gateway = Gateway::new();
    let signed = gateway.sign(mint().with_ranges(Ranges::one(0..10)));
    let caveat = Caveat::Ranges(Ranges::one(10..20));
    let narrow = signed.attenuate(&caveat).unwrap();
    assert_eq!(
        gateway.read(narrow.token(), &ada()).unwrap_err(),
        Reason::Range
    );

    // Sixteen of each that meet in thirty-one pieces: none of them, rather than some.
    let comb = |from: u64| Ranges::new((0..16).map(|n| from + 4 * n..from + 4 * n + 3)).unwrap();
    let signed = gateway.sign(mint().with_ranges(comb(0)));
    let narrow = signed.attenuate(&Caveat::Ranges(comb(2))).unwrap();
    assert_eq!(
        gateway.read(narrow.token(), &ada()).unwrap_err(),
        Reason::Range
    );
}

#[test]
fn what_leaves_nothing_or_does_not_fit_is_no_caveat() {
    let signed = Gateway::new().sign(mint());
    let empty = signed.attenuate(&Caveat::Ranges(Ranges::NONE));
    assert_eq!(empty.unwrap_err(), AttenuateError::Empty);
    let empty = signed.attenuate(&Caveat::Verbs(Verbs::NONE));
    assert_eq!(empty.unwrap_err(), AttenuateError::Empty);

    let mut narrow = signed;
    let caveat = Caveat::Verbs(verbs());
    let full = loop {
        match narrow.attenuate(&caveat) {
            Ok(narrower) => narrow = narrower,
            Err(error) => break error,
        }
    };
    assert_eq!(full, AttenuateError::TooLong);
    assert!(narrow.token().len() <= 683);
    assert!(Gateway::new().read(narrow.token(), &ada()).is_ok());
}

#[test]
fn a_holder_sees_the_earliest_end() {
    let signed = Gateway::new().sign(mint());
    assert_eq!(signed.expires(), Some(now() + seconds(900)));
    let narrow = signed
        .attenuate(&Caveat::before(now() + seconds(60)))
        .unwrap();
    let again = narrow
        .attenuate(&Caveat::before(now() + seconds(600)))
        .unwrap();
    assert_eq!(again.expires(), Some(now() + seconds(60)));
    let read = mcpo2_artifact::token::SignedReference::from_token(again.token());
    assert_eq!(read, Ok(again));
}
