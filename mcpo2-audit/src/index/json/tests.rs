use serde_json::json;

use super::*;

const ID: &str = "01a1fbaa-0000-7000-8000-000000000000";

fn record(kind: &str, more: Value) -> Value {
    let mut record = json!({ "id": ID, "kind": kind, "time": "2026-11-21T01:13:45.000000001Z" });
    let members = record.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    record
}

fn row(record: &Value) -> Row {
    Row::from_json(3, 1, 2, record).unwrap()
}

#[test]
fn a_call_fills_its_columns() {
    let row = row(&record(
        "call",
        json!({
            "principal": { "tenant": "acme", "id": "ada", "pseudonym": "p1" },
            "trace": "4bf9", "generation": 2,
            "request": {
                "method": "tools/call", "bytes": 254,
                "item": { "kind": "tool", "name": "git__get" },
            },
            "family": "engineering",
            "facts": [
                { "decided": { "effect": "deny", "rules": ["r1", "r2"], "bundle": "b3:00" } },
                { "routed": { "module": "git" } },
            ],
            "end": { "outcome": "failed", "kind": "timeout", "bytes": 9, "duration_us": 31 },
        }),
    ));
    assert_eq!(row.who.tenant.unwrap().as_str(), "acme");
    assert_eq!(row.who.principal.as_deref(), Some("ada"));
    assert_eq!(row.what.module.as_deref(), Some("git"));
    assert_eq!(row.decided.rules, ["r1".into(), "r2".into()]);
    assert_eq!(row.ended.fault.as_deref(), Some("timeout"));
    assert_eq!(row.ended.duration_us, Some(31));
    assert_eq!((row.what.bytes, row.ended.bytes), (Some(254), Some(9)));
    assert_eq!(row.context.detail, None);
}

#[test]
fn a_record_that_is_no_call_keeps_the_rest_as_detail() {
    let row = row(&record(
        "admin",
        json!({ "action": "reload", "detail": { "file": "a\0b" }, "remote": "192.0.2.1" }),
    ));
    assert_eq!(row.what.action.as_deref(), Some("reload"));
    let detail = row.context.detail.unwrap();
    assert_eq!(&*detail, "{\"detail\":{\"file\":\"a\u{fffd}b\"}}");
}

#[test]
fn no_record_can_stop_an_index() {
    let odd = record(
        "call",
        json!({
            "principal": { "tenant": "no tenant", "id": 7 }, "request": "?", "family": null,
            "facts": [1, { "decided": [] }], "end": { "bytes": -1, "code": "x" }, "intent": "x",
        }),
    );
    assert_eq!(row(&odd).who.tenant, None);
    let huge = record(
        "call",
        json!({ "request": { "bytes": u64::MAX, "method": "\0" } }),
    );
    assert_eq!(row(&huge).what.bytes, Some(i64::MAX.unsigned_abs()));
    assert_eq!(row(&huge).what.method.as_deref(), Some("\u{fffd}"));
    let mut late = record("call", json!({}));
    late["time"] = "9999-12-01T00:00:00Z".into();
    assert_eq!(row(&late).time.as_nanosecond(), i64::MAX.into());
    for (missing, is) in [("id", "`id`"), ("time", "`time`"), ("kind", "`kind`")] {
        let mut less = record("call", json!({}));
        less.as_object_mut().unwrap().remove(missing);
        let error = Row::from_json(0, 0, 0, &less).unwrap_err();
        assert!(error.to_string().contains(is), "{error}");
    }
}
