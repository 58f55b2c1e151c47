//! How fast rows go into an index, and how long it takes to find some:
//! `cargo bench -p mcpo2-audit --features sqlite --bench index`. Prints; judges nothing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that fails should say so"
)]

use std::{ops::Range, time::Instant};

use mcpo2_audit::index::{Filter, Index, MemoryIndex, Query, Row, SqliteIndex, TenantScope, check};
use mcpo2_core::BoxError;

#[path = "../tests/support/mod.rs"]
mod support;

const ROWS: u64 = 300_000;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    for batch in [1, 100, 1000] {
        let path = dir.path().join(format!("{batch}.sqlite"));
        let mut index = SqliteIndex::open(&path, "bench").unwrap();
        let rows = if batch == 1 { ROWS / 30 } else { ROWS };
        fill(
            &format!("sqlite, batches of {batch}"),
            &mut index,
            rows,
            batch,
        );
    }
    let mut memory = MemoryIndex::new();
    fill("memory, batches of 1000", &mut memory, ROWS / 10, 1000);
    let index = SqliteIndex::open(dir.path().join("1000.sqlite"), "bench").unwrap();
    queries(&index);
    let mut source = |after: Option<u64>, max: usize| -> Result<Vec<Row>, BoxError> {
        let from = after.map_or(0, |after| after + 1);
        let until = ROWS.min(from + u64::try_from(max)?);
        Ok(rows(from..until))
    };
    let started = Instant::now();
    let checked = check(&index, &mut source, drop).unwrap();
    assert_eq!((checked.rows, checked.difference), (ROWS, None));
    per_second("compared with the ledger", ROWS, started);
}

fn rows(seqs: Range<u64>) -> Vec<Row> {
    seqs.map(support::row).collect()
}

fn fill(what: &str, index: &mut dyn Index, count: u64, batch: u64) {
    let rows = rows(0..count);
    let started = Instant::now();
    for rows in rows.chunks(usize::try_from(batch).unwrap()) {
        index.apply(rows).unwrap();
    }
    per_second(what, count, started);
}

fn queries(index: &SqliteIndex) {
    let acme = Query::new(TenantScope::One("acme".parse().unwrap()));
    let with = |filter| acme.clone().with(filter);
    for (what, query) in [
        ("newest of a tenant", acme.clone()),
        ("denied of a tenant", with(Filter::Outcome("denied".into()))),
        ("of a principal", with(Filter::Principal("acme-7".into()))),
        ("by a rule", with(Filter::Rule("reads".into()))),
        ("what nobody did", with(Filter::Outcome("unknown".into()))),
        ("of a trace that is not", with(Filter::Trace("none".into()))),
    ] {
        let started = Instant::now();
        let page = index.query(&query).unwrap();
        let took = started.elapsed();
        println!("{what}, of {ROWS}: {} rows in {took:.1?}", page.rows.len());
    }
}

fn per_second(what: &str, rows: u64, started: Instant) {
    let rate = u128::from(rows) * 1_000_000 / started.elapsed().as_micros().max(1);
    println!("{what}: {rate} rows/s");
}
