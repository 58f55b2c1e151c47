//! The attack matrix: whatever is done to an honest ledger is found, named, and found no later than
//! where it begins.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::{collections::BTreeMap, sync::LazyLock};

use mcpo2_verify::{
    checkpoint::SignedCheckpoint,
    log::{Options, verify},
};
use support::{Ledger, attack::OPERATORS, rng::Rng, writer::honest};

/// Ledgers by pairs: each with another history by the same keys, and then one of another log.
static POOL: LazyLock<Vec<Ledger>> = LazyLock::new(|| {
    let ours = (0..60).map(|seed| honest("example.com/log", seed, 6 + seed));
    ours.collect()
});
static TWINS: LazyLock<Vec<Ledger>> = LazyLock::new(|| {
    // the same first key, as the seeds are equal modulo 100
    let ours = (0..60).map(|seed| honest("example.com/log", 100 + seed, 6 + seed));
    ours.collect()
});
static OTHERS: LazyLock<Vec<Ledger>> = LazyLock::new(|| {
    (0..20)
        .map(|seed| honest("example.com/other", seed, 30))
        .collect()
});

fn cases() -> u64 {
    let cases = std::env::var("MCPO2_CASES").ok();
    cases.map_or(10_000, |cases| cases.parse().unwrap())
}

#[test]
fn whatever_is_done_is_found_and_named() {
    let mut done = BTreeMap::<_, BTreeMap<&str, u64>>::new();
    let mut case = 0;
    let mut applied = 0;
    while applied < cases() {
        case += 1;
        let mut rng = Rng::new(case);
        let (name, operator) = OPERATORS[rng.index(OPERATORS.len())];
        let at = rng.index(POOL.len());
        let mut ledger = POOL[at].clone();
        let other = match rng.one_in(2) {
            true => &TWINS[at],
            false => &OTHERS[rng.index(OTHERS.len())],
        };
        let Some(attacked) = operator(&mut ledger, other, &mut rng) else {
            continue;
        };
        applied += 1;
        let mut options = Options::default();
        if let Some(since) = &attacked.since {
            options = options.with_since(SignedCheckpoint::parse(since.as_bytes()).unwrap());
        }
        let said = verify(&attacked.files, &POOL[at].trust(), &options);
        let Err(finding) = said else {
            panic!("{name} of case {case} was not found in ledger {at}");
        };
        let expected = &attacked.expected;
        assert!(
            expected.contains(&finding.attack()),
            "{name} of case {case} in ledger {at}: {expected:?} expected, and not {finding}"
        );
        assert!(
            finding.seq().is_none_or(|seq| seq <= attacked.first),
            "{name} of case {case} in ledger {at} begins at {}, and not: {finding}",
            attacked.first
        );
        assert!(
            finding.proven() <= attacked.first,
            "{name} of case {case}: {finding}"
        );
        *done
            .entry(name)
            .or_default()
            .entry(finding.attack().name())
            .or_default() += 1;
    }
    let never: Vec<_> = OPERATORS
        .iter()
        .filter(|it| !done.contains_key(it.0))
        .collect();
    assert!(never.is_empty(), "{never:?}");
    for (name, found) in done {
        println!("{name}: {found:?}");
    }
}
