//! Honest ledgers raise no alarm.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::sync::LazyLock;

use mcpo2_verify::{
    checkpoint::SignedCheckpoint,
    log::{Options, Vault, verify, verify_range},
};
use support::{Ledger, writer::honest};

static POOL: LazyLock<Vec<(u64, Ledger)>> = LazyLock::new(|| {
    let seeds = (0..120).map(|seed| {
        let records = if seed % 20 == 19 { 700 } else { 5 + seed };
        (seed, honest("example.com/log", seed, records))
    });
    seeds.collect()
});

#[test]
fn honest_ledgers_hold() {
    for (seed, ledger) in POOL.iter() {
        let report = verify(&ledger.files(), &ledger.trust(), &Options::default());
        let report = report.unwrap_or_else(|finding| panic!("{seed}: {finding}"));
        assert_eq!(report.extent.size, ledger.committed(), "{seed}");
        assert_eq!(report.published, Some(ledger.committed()), "{seed}");
        assert_eq!(report.extent.first, ledger.segments[0].first);
        let tail = report.counts.records() + report.extent.first - report.extent.size;
        assert_eq!(tail, report.tail.records);
    }
}

#[test]
fn whoever_remembers_an_earlier_checkpoint_sees_it_again() {
    for (seed, ledger) in POOL.iter().step_by(3) {
        let files = ledger.files();
        for (_, note) in ledger.commits().into_iter().step_by(4) {
            let since = SignedCheckpoint::parse(note.as_bytes()).unwrap();
            let options = Options::default()
                .with_since(since)
                .with_vault(Vault::Required);
            let report = verify(&files, &ledger.trust(), &options);
            report.unwrap_or_else(|finding| panic!("{seed}: {finding}"));
        }
    }
}

#[test]
fn every_range_of_records_holds_by_itself() {
    for (seed, ledger) in POOL.iter() {
        let (committed, files, trust) = (ledger.committed(), ledger.files(), ledger.trust());
        for start in (ledger.segments[0].first..committed).step_by(7) {
            let range = start..committed.min(start + 5);
            let mut seen = Vec::new();
            let report = verify_range(&files, &trust, range.clone(), &mut |event| {
                if let mcpo2_verify::log::Event::Record(leaf, _) = event {
                    seen.push(leaf.seq);
                }
            });
            let report = report.unwrap_or_else(|finding| panic!("{seed} {range:?}: {finding}"));
            assert!(range.clone().all(|seq| seen.contains(&seq)));
            assert!(report.extent.size >= range.end);
        }
        let beyond = committed..committed + 10;
        assert!(verify_range(&files, &trust, beyond, &mut |_| {}).is_err());
    }
}

#[test]
fn a_ledger_is_read_from_a_directory() {
    let ledger = honest("example.com/log", 9, 60);
    let dir = tempfile::tempdir().unwrap();
    ledger.files().write_to(dir.path());
    let report = verify(dir.path(), &ledger.trust(), &Options::default()).unwrap();
    assert_eq!(report.extent.size, ledger.committed());
}
