//! How records are written for others, and that each gets there.
//!
//! `BLESS=1 cargo test -p mcpo2-audit --test export` writes the golden files anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{env, fs, path::Path};

use mcpo2_audit::export::{
    Cef, CursorError, CursorFile, Exported, Feed, Format, Jsonl, Lines, Ocsf, Paired, PumpError,
    Sink, otlp, pump,
};
use mcpo2_core::BoxError;
use proptest::prelude::*;
use serde_json::{Value, json};

mod support;

const ORIGIN: &str = "acme.example/mcpo2/prod-eu";

fn exported(seq: u64, record: Value) -> Exported {
    let byte = u8::try_from(seq).unwrap_or(255);
    Exported::new(ORIGIN, seq, [byte; 32], record)
}

/// One record of each sort, and names that a caller made to break out of a line.
fn records() -> Vec<Exported> {
    let record = |seq| support::record(seq);
    let mut intent = record(0);
    intent["transport"] = "http".into();
    intent["remote"] = "192.0.2.7:50112".into();
    intent["principal"]["roles"] = json!(["builder"]);
    let mut denied = record(2);
    denied["transport"] = "stdio".into();
    denied["request"]["item"]["name"] = "a|b=c\\d\r\ne\u{2028}f".into();
    denied["trace"] = "short".into();
    let mut erased = record(5);
    erased["principal"].as_object_mut().unwrap().remove("id");
    erased["principal"]["kind"] = "user".into();
    erased["request"]["method"] = "resources/read".into();
    erased["request"]["item"] = json!({ "kind": "resource" });
    erased["end"] = json!({
        "outcome": "error", "code": -32602, "bytes": 90, "duration_us": 1200,
    });
    let reject = json!({
        "format": "mcpo2.audit.record/v1", "id": support::id(6),
        "time": "2026-11-21T01:00:06.25Z", "kind": "reject", "transport": "http",
        "remote": "2001:db8::1", "reason": "duplicate_key", "status": 400, "bytes": 512,
    });
    let start = json!({
        "format": "mcpo2.audit.record/v1", "id": support::id(7), "time": "2026-11-21T01:00:07Z",
        "kind": "server_start", "action": "start", "detail": { "version": "0.1.0" },
    });
    vec![
        exported(0, intent.clone()),
        exported(1, record(1)).with_intent(intent),
        exported(2, denied),
        exported(5, erased),
        exported(6, reject),
        exported(7, start),
    ]
}

fn is_golden(name: &str, written: &[u8]) {
    let version = env!("CARGO_PKG_VERSION");
    let written = std::str::from_utf8(written).unwrap();
    let written = written
        .replace(
            &format!("\"version\":\"{version}\""),
            "\"version\":\"VERSION\"",
        )
        .replace(
            &format!("\"stringValue\":\"{version}\""),
            "\"stringValue\":\"VERSION\"",
        )
        .replace(&format!("|{version}|"), "|VERSION|");
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &written).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    // The order of members depends on how serde_json was built, and means nothing.
    let read = |line: &str| serde_json::from_str(line).unwrap_or(Value::String(line.to_owned()));
    let (written, golden): (Vec<Value>, Vec<Value>) = (
        written.lines().map(read).collect(),
        golden.lines().map(read).collect(),
    );
    assert_eq!(written, golden, "{name}");
}

#[test]
fn jsonl_is_as_it_was() {
    is_golden("jsonl.jsonl", &Jsonl.encode(&records()));
}

#[test]
fn ocsf_is_as_it_was() {
    is_golden("ocsf.jsonl", &Ocsf.encode(&records()));
}

#[test]
fn cef_is_as_it_was() {
    is_golden("cef.log", &Cef.encode(&records()));
}

#[test]
fn otlp_is_as_it_was() {
    is_golden("otlp.json", &otlp::request(&records()));
}

/// What OCSF 1.8.0 demands of objects of this type, and how it calls what they may have.
fn is_of_schema(schema: &Value, object: &str, value: &Value) {
    let rules = &schema["objects"][object];
    let has = |name: &Value| value.get(name.as_str().unwrap()).is_some();
    let required = rules["required"].as_array().unwrap();
    assert!(
        required.iter().all(has),
        "{object} lacks one of {required:?}: {value}"
    );
    if let Some(one) = rules.get("at_least_one").and_then(Value::as_array) {
        assert!(
            one.iter().any(has),
            "{object} needs one of {one:?}: {value}"
        );
    }
    let known = rules["known"].as_array().unwrap();
    for (name, value) in value.as_object().unwrap() {
        assert!(known.contains(&json!(name)), "{object} has no {name}");
        assert!(!value.is_null(), "{object} has {name} without a value");
        let inner = match (object, name.as_str()) {
            (_, "metadata" | "actor" | "api" | "product" | "user" | "service" | "trace") => name,
            (_, "request" | "response" | "policy" | "group") => name,
            (_, "src_endpoint") => "network_endpoint",
            (_, "groups") => "group",
            (_, "resources") => "resource_details",
            (_, "authorizations") => "authorization",
            _ => continue,
        };
        match value {
            Value::Array(values) => values.iter().for_each(|it| is_of_schema(schema, inner, it)),
            value => is_of_schema(schema, inner, value),
        }
    }
}

#[test]
fn ocsf_has_what_the_class_demands_and_nothing_that_it_does_not_know() {
    let schema = include_str!("golden/ocsf-1.8.0.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let mut records = records();
    records.extend([json!({}), json!({ "kind": "outcome" }), json!([])].map(|it| exported(9, it)));
    let events = String::from_utf8(Ocsf.encode(&records)).unwrap();
    assert_eq!(events.lines().count(), records.len());
    for event in events.lines() {
        let event: Value = serde_json::from_str(event).unwrap();
        is_of_schema(&schema, "api_activity", &event);
        assert_eq!(event["metadata"]["version"], schema["version"]);
        let activity = event["activity_id"].as_u64().unwrap();
        assert_eq!(event["type_uid"], json!(600_300 + activity));
    }
}

/// As a reader of CEF takes a line apart: seven fields of the header, then pairs.
fn read_cef(line: &str) -> (Vec<String>, Vec<(String, String)>) {
    let (mut fields, mut field, mut chars) = (Vec::new(), String::new(), line.chars());
    while let Some(char) = chars.next() {
        match char {
            '\\' => field.push(chars.next().unwrap()),
            '|' => fields.push(std::mem::take(&mut field)),
            _ => field.push(char),
        }
        if fields.len() == 7 {
            break;
        }
    }
    let rest = chars.as_str();
    let (mut pairs, mut starts, mut escaped) = (Vec::new(), Vec::new(), false);
    for (at, char) in rest.char_indices() {
        if char == '=' && !escaped {
            starts.push((rest[..at].rfind(' ').map_or(0, |space| space + 1), at));
        }
        escaped = char == '\\' && !escaped;
    }
    for (number, (key, equals)) in starts.iter().enumerate() {
        let end = starts
            .get(number + 1)
            .map_or(rest.len(), |(next, _)| next - 1);
        let value = rest[equals + 1..end]
            .replace("\\=", "=")
            .replace("\\\\", "\\");
        pairs.push((rest[*key..*equals].to_owned(), value));
    }
    (fields, pairs)
}

proptest! {
    #[test]
    fn no_name_breaks_out_of_its_field_in_cef(name in any::<String>(), method in any::<String>()) {
        let mut record = support::record(2);
        record["request"]["item"]["name"] = name.clone().into();
        record["request"]["method"] = method.into();
        let text = String::from_utf8(Cef.encode(&[exported(2, record)])).unwrap();
        prop_assert_eq!(text.lines().count(), 1);
        let (fields, pairs) = read_cef(text.trim_end_matches('\n'));
        prop_assert_eq!(fields.len(), 7);
        prop_assert_eq!(&fields[1..3], ["MCPO2", "mcpo2"]);
        let keys: Vec<_> = pairs.iter().map(|(key, _)| key.as_str()).collect();
        let labels = keys.iter().filter(|key| **key == "cs4").count();
        prop_assert_eq!(labels, usize::from(!name.is_empty()));
        let known = |key: &&str| {
            key.starts_with("cs") || key.starts_with("cn") || [
                "rt", "externalId", "deviceExternalId", "suid", "suser", "act", "outcome", "in",
                "out",
            ].contains(key)
        };
        prop_assert!(keys.iter().all(known), "{keys:?}");
    }

    #[test]
    fn any_record_is_written_in_every_format(text in any::<String>(), number in any::<i64>()) {
        let record = json!({
            "kind": text, "time": text, "id": number, "trace": text, "remote": text,
            "principal": { "id": text }, "request": { "method": text, "bytes": number },
            "facts": [{ "decided": { "effect": text, "rules": [text, number] } }, text],
            "end": { "outcome": text, "code": number, "duration_us": u64::MAX },
        });
        let records = [exported(1, record)];
        for format in [&Jsonl as &dyn Format, &Ocsf, &otlp::Otlp] {
            let line = format.encode(&records);
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            serde_json::from_slice::<Value>(&line).unwrap();
        }
    }
}

/// A ledger of this many records.
struct Records(u64);

impl Feed for Records {
    fn next_after(&mut self, seq: Option<u64>, max: usize) -> Result<Vec<Exported>, BoxError> {
        let from = seq.map_or(0, |seq| seq + 1);
        let seqs = (from..self.0).take(max);
        Ok(seqs
            .map(|seq| exported(seq, support::record(seq)))
            .collect())
    }
}

/// A sink that gets a part of a batch across before it fails, each second time.
#[derive(Default)]
struct Shaky(Vec<u64>, u32);

impl Sink for Shaky {
    fn send(&mut self, records: &[Exported]) -> Result<(), BoxError> {
        self.1 += 1;
        let whole = self.1.is_multiple_of(2);
        let part = if whole {
            records.len()
        } else {
            records.len() / 2
        };
        self.0.extend(records.iter().take(part).map(|it| it.seq));
        if whole {
            Ok(())
        } else {
            Err("connection reset".into())
        }
    }
}

#[test]
fn each_record_arrives_at_least_once_though_sinks_fail_and_processes_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("export.cursor");
    let (mut feed, mut sink) = (Records(25), Shaky::default());
    loop {
        // As a process that was started again.
        let mut cursor = CursorFile::open(&path, ORIGIN).unwrap();
        match pump(&mut feed, &mut sink, &mut cursor, 7) {
            Ok(0) => break,
            Ok(_) | Err(PumpError::Sink(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let mut arrived = sink.0.clone();
    arrived.sort_unstable();
    arrived.dedup();
    assert_eq!(arrived, (0..25).collect::<Vec<_>>());
    assert!(sink.0.len() > arrived.len(), "some arrived twice");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_cursor_is_of_one_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("export.cursor");
    CursorFile::open(&path, ORIGIN).unwrap().advance(7).unwrap();
    assert_eq!(CursorFile::open(&path, ORIGIN).unwrap().seq(), Some(7));
    let other = CursorFile::open(&path, "acme.example/other").unwrap_err();
    assert!(matches!(other, CursorError::OtherLedger { .. }));
    fs::write(&path, "{").unwrap();
    let torn = CursorFile::open(&path, ORIGIN).unwrap_err();
    assert!(matches!(torn, CursorError::Unreadable { .. }));
}

#[test]
fn an_outcome_is_sent_with_its_intent_the_second_time_too() {
    let mut feed = Paired::new(Records(3));
    for _ in 0..2 {
        let records = feed.next_after(None, 10).unwrap();
        let intents: Vec<_> = records.iter().map(|it| it.intent.is_some()).collect();
        assert_eq!(intents, [false, true, false]);
    }
    let mut lines = Lines::new(Ocsf, Vec::new());
    lines.send(&feed.next_after(Some(0), 1).unwrap()).unwrap();
    let event: Value = serde_json::from_slice(&lines.into_inner()).unwrap();
    assert_eq!(event["api"]["operation"], "tools/call");
    assert_eq!(event["actor"]["user"]["uid"], "ci-bot");
}
