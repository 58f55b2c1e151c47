//! How fast a ledger is verified: `cargo bench -p mcpo2-verify`. Prints; judges nothing.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement that fails should say so"
)]

use std::{hint::black_box, path::Path, time::Instant};

use mcpo2_verify::{
    Kind, LEAF, Leaf, chain_next, leaf_hash,
    log::{Options, verify},
    node_hash, record_digest,
};

#[path = "../tests/support/mod.rs"]
mod support;

use support::writer::Writer;

const RECORDS: u64 = 200_000;
const SEGMENT: u64 = 50_000;

fn main() {
    for (body, group) in [(300, 64), (900, 64), (900, 8), (900, 1)] {
        ledger(body, group);
    }
    parts();
}

/// A ledger of records with bodies of so many bytes, so many of them a commit.
fn ledger(body: usize, group: u64) {
    let records = if group < 8 { RECORDS / 10 } else { RECORDS };
    let mut writer = Writer::new("example.com/log", 1);
    let text = format!(r#"{{"kind":"call","text":"{}"}}"#, "x".repeat(body));
    for number in 1..=records {
        writer.record(Kind::CALL, &text);
        if number % group == 0 {
            writer.commit();
        }
        if number % SEGMENT == 0 {
            writer.segment();
        }
    }
    writer.commit();
    writer.publish();
    let dir = tempfile::tempdir().unwrap();
    writer.ledger.files().write_to(dir.path());
    let speed = fastest(|| time(dir.path(), &writer));
    println!(
        "{records} records of {body} bytes, {group} a commit: {:.0} records/s, of {:.0} MB/s",
        records as f64 / speed,
        records as f64 * (body as f64 + 200.0) / speed / 1e6,
    );
}

fn time(dir: &Path, writer: &Writer) -> f64 {
    let before = Instant::now();
    let report = verify(dir, &writer.ledger.trust(), &Options::default()).unwrap();
    assert_eq!(report.extent.size, writer.tree.size());
    before.elapsed().as_secs_f64()
}

/// What the hashes of a record cost, without which no verifier can do.
fn parts() {
    let body = vec![b'x'; 900];
    let leaf = [7; LEAF];
    let mut bytes = [0; LEAF];
    bytes[..4].copy_from_slice(b"M2A1");
    let hash = leaf_hash(&leaf);
    let times = 100_000_u32;
    let each = |what: &dyn Fn()| {
        let seconds = fastest(|| {
            let before = Instant::now();
            (0..times).for_each(|_| what());
            before.elapsed().as_secs_f64()
        });
        seconds / f64::from(times) * 1e9
    };
    println!(
        "digest of 900 bytes {:.0} ns, chain {:.0} ns, leaf {:.0} ns, node {:.0} ns, reading {:.0} ns",
        each(&|| _ = black_box(record_digest(&body))),
        each(&|| _ = black_box(chain_next(&hash, &leaf))),
        each(&|| _ = black_box(leaf_hash(&leaf))),
        each(&|| _ = black_box(node_hash(&hash, &hash))),
        each(&|| _ = black_box(Leaf::decode(black_box(&bytes)))),
    );
}

fn fastest(run: impl Fn() -> f64) -> f64 {
    (0..5).map(|_| run()).fold(f64::INFINITY, f64::min)
}
