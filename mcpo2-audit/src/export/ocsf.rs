use serde_json::{Map, Value, json};

use super::{Exported, Format, PRODUCT, VERSION, exported::Went, jsonl::lines};

/// Events of the Open Cybersecurity Schema Framework 1.8.0, a JSON object a line: class 6003, API
/// Activity, with the profiles `security_control` and `trace`.
///
/// An intent and its outcome are two events of one `metadata.correlation_uid`. Where the record
/// stands in the ledger is under `unmapped`: `origin`, `seq` and `leaf`.
#[derive(Debug, Clone, Copy)]
pub struct Ocsf;

const CATEGORY: u64 = 6;
const CLASS: u64 = 6003;
/// What is no creating, reading, updating or deleting.
const OTHER: u64 = 99;

impl Format for Ocsf {
    fn encode(&self, records: &[Exported]) -> Vec<u8> {
        lines(records, |record| event(record).to_string())
    }
}

fn event(record: &Exported) -> Value {
    let operation = record.operation();
    let last = operation.rsplit('/').next().unwrap_or_default();
    let (activity, activity_name) = match last {
        "list" | "read" | "get" => (2, "Read"),
        _ => (OTHER, operation),
    };
    let (severity, severity_name) = match record.result() {
        Went::Well | Went::Unknown => (1, "Informational"),
        Went::Wrong => (2, "Low"),
        Went::Denied => (3, "Medium"),
    };
    let (status, status_name) = match record.result() {
        Went::Well => (1, "Success"),
        Went::Denied | Went::Wrong => (2, "Failure"),
        Went::Unknown => (0, "Unknown"),
    };
    let event = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": CATEGORY,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "type_uid": CLASS * 100 + activity,
        "time": record.time().as_millisecond(),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "status_code": record.outcome().or_else(|| record.text("/reason")),
        "status_detail": record.fault(),
        "metadata": metadata(record),
        "actor": actor(record),
        "api": api(record),
        "src_endpoint": source(record),
        "resources": resources(record),
        "trace": record.text("/trace").map(|trace| json!({ "uid": trace })),
        "unmapped": unmapped(record),
    });
    with_control(record, without_null(event))
}

fn metadata(record: &Exported) -> Value {
    let has_trace = record.text("/trace").is_some();
    let profiles = [
        ("security_control", record.effect().is_some()),
        ("trace", has_trace),
    ];
    let profiles = profiles.into_iter().filter(|(_, used)| *used);
    let profiles: Vec<_> = profiles.map(|(name, _)| name).collect();
    json!({
        "version": "1.8.0",
        "product": { "name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION },
        "profiles": (!profiles.is_empty()).then_some(profiles),
        "uid": record.own("id"),
        "correlation_uid": record.call_id(),
        "event_code": record.kind(),
        "sequence": record.seq,
        "log_name": &*record.origin,
        "log_version": record.record.get("format"),
        "original_time": record.own("time"),
        "tenant_uid": record.text("/principal/tenant"),
    })
}

/// Somebody is always there: the gateway itself, where it has no principal.
fn actor(record: &Exported) -> Value {
    let pseudonym = record.text("/principal/pseudonym");
    let Some(uid) = record.text("/principal/id").or(pseudonym) else {
        let name = match record.kind() {
            "call" | "intent" | "outcome" | "reject" => "unknown",
            _ => "mcpo2",
        };
        return json!({ "app_name": name });
    };
    let (kind, kind_name) = match record.text("/principal/kind") {
        Some("user") => (1, "User"),
        Some("service") => (4, "Service"),
        Some("agent") => (99, "Agent"),
        _ => (0, "Unknown"),
    };
    let groups: Vec<_> = record
        .roles()
        .into_iter()
        .map(|role| json!({ "name": role }))
        .collect();
    json!({ "user": {
        "uid": uid,
        "uid_alt": pseudonym,
        "type_id": kind,
        "type": kind_name,
        "domain": record.text("/principal/tenant"),
        "groups": (!groups.is_empty()).then_some(groups),
    } })
}

fn api(record: &Exported) -> Value {
    let code = record.record.pointer("/end/code").and_then(Value::as_i64);
    let ended = record.outcome().map(|outcome| {
        let error = record.fault();
        json!({ "code": code, "error": error, "message": outcome })
    });
    let service = record.module().unwrap_or("mcpo2");
    json!({
        "operation": record.operation(),
        "version": record.text("/request/version"),
        "service": { "name": service },
        "group": record.text("/family").map(|family| json!({ "name": family })),
        "request": { "uid": record.call_id().unwrap_or_else(|| record.own("id")) },
        "response": ended,
    })
}

fn source(record: &Exported) -> Value {
    let transport = record.text("/transport");
    match record.remote() {
        Some((ip, port)) => json!({ "ip": ip, "port": port, "svc_name": transport }),
        None => json!({ "name": transport.unwrap_or("unknown"), "svc_name": transport }),
    }
}

fn resources(record: &Exported) -> Option<Value> {
    let name = record.text("/request/item/name")?;
    Some(json!([{ "name": name, "type": record.text("/request/item/kind") }]))
}

fn unmapped(record: &Exported) -> Value {
    let rules = record.rules();
    json!({
        "origin": &*record.origin,
        "seq": record.seq,
        "leaf": record.leaf(),
        "rules": (!rules.is_empty()).then_some(rules),
        "bytes_in": record.number("/request/bytes"),
        "bytes_out": record.number("/end/bytes"),
        "duration_us": record.number("/end/duration_us"),
        "generation": record.number("/generation"),
    })
}

/// What the policy said, as the profile `security_control` has it.
fn with_control(record: &Exported, mut event: Value) -> Value {
    let Some(effect) = record.effect() else {
        return event;
    };
    let (action, name) = match effect {
        "allow" => (1, "Allowed"),
        "deny" => (2, "Denied"),
        other => (OTHER, other),
    };
    let policy = record
        .bundle()
        .map(|bundle| json!({ "uid": bundle, "is_applied": true }));
    let control = json!({
        "action_id": action,
        "action": name,
        "authorizations": [{ "decision": effect, "policy": policy }],
    });
    if let (Some(event), Value::Object(control)) = (event.as_object_mut(), without_null(control)) {
        event.extend(control);
    }
    event
}

/// The value without members that are null: what is not known is left out.
pub(super) fn without_null(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            let members = members.map(|(name, value)| (name, without_null(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(without_null).collect(),
        other => other,
    }
}
