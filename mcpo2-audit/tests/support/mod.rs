//! Rows, and a ledger that is a list of them.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests; each uses a part"
)]

use std::sync::{Arc, Mutex};

use mcpo2_audit::index::{Row, Source};
use mcpo2_core::BoxError;
use serde_json::{Value, json};

/// The id of the record of this number.
pub(crate) fn id(seq: u64) -> String {
    format!("01a1fbaa-0000-7000-8000-{seq:012x}")
}

/// The record of this number: calls, and each third time an intent with its outcome.
pub(crate) fn record(seq: u64) -> Value {
    let tenant = ["acme", "umbrella"][usize::try_from(seq / 2 % 2).unwrap()];
    let mut record = json!({
        "format": "mcpo2.audit.record/v1", "id": id(seq),
        "time": format!("2026-11-21T01:00:{:02}.{seq:09}Z", seq % 60),
    });
    let rest = match seq % 3 {
        1 => json!({
            "kind": "outcome", "intent": id(seq - 1),
            "facts": [{ "routed": { "module": "git" } }],
            "end": { "outcome": "ok", "messages": 1, "bytes": 812, "duration_us": 3128 },
        }),
        part => json!({
            "kind": if part == 0 { "intent" } else { "call" },
            "principal": {
                "tenant": tenant, "id": "ci-bot", "pseudonym": format!("{tenant}-7"),
                "kind": "service", "auth": "api_key",
            },
            "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
            "request": {
                "version": "2026-07-28", "method": "tools/call", "bytes": 254,
                "argument_bytes": 40, "item": { "kind": "tool", "name": "git__get_issue" },
            },
            "family": "engineering",
            "facts": [{ "decided": {
                "effect": if part == 0 { "allow" } else { "deny" }, "rules": ["reads", "r2"],
                "reason": "", "bundle": "b3:00",
            } }],
        }),
    };
    record
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    if seq % 3 == 2 {
        record["end"] = json!({ "outcome": "denied", "bytes": 0, "duration_us": 81 });
    }
    record
}

pub(crate) fn row(seq: u64) -> Row {
    Row::from_json(seq, seq / 100, seq * 512, &record(seq)).unwrap()
}

pub(crate) fn rows(seqs: std::ops::Range<u64>) -> Vec<Row> {
    seqs.map(row).collect()
}

/// A ledger that is a list of rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows(pub(crate) Arc<Mutex<Vec<Row>>>);

impl Rows {
    pub(crate) fn new(seqs: std::ops::Range<u64>) -> Self {
        Self(Arc::new(Mutex::new(rows(seqs))))
    }

    pub(crate) fn push(&self, row: Row) {
        self.0.lock().unwrap().push(row);
    }
}

impl Source for Rows {
    fn next_after(&mut self, seq: Option<u64>, max: usize) -> Result<Vec<Row>, BoxError> {
        let rows = self.0.lock().unwrap();
        let behind = rows.iter().filter(|row| Some(row.seq) > seq);
        Ok(behind.take(max).cloned().collect())
    }

    fn head(&mut self) -> Result<Option<u64>, BoxError> {
        Ok(self.0.lock().unwrap().last().map(|row| row.seq))
    }
}
