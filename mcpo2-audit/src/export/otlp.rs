//! Log records of OpenTelemetry: what is sent to `/v1/logs` as `application/json`.
//!
//! Attributes have the names of the semantic conventions where there are any, those of MCP and
//! generative AI among them, which are still being developed; the rest begin with `mcpo2.`.

use serde_json::{Value, json};

use super::{Exported, Format, VERSION, exported::Went};

/// The body of a request: an `ExportLogsServiceRequest` as JSON.
#[must_use]
pub fn request(records: &[Exported]) -> Vec<u8> {
    let logs: Vec<_> = records.iter().map(log).collect();
    let service = [
        text("service.name", "mcpo2"),
        text("service.version", VERSION),
    ];
    let request = json!({ "resourceLogs": [{
        "resource": { "attributes": service },
        "scopeLogs": [{
            "scope": { "name": "mcpo2-audit", "version": VERSION },
            "logRecords": logs,
        }],
    }] });
    request.to_string().into_bytes()
}

/// A line of JSON for each batch, as OpenTelemetry has it in files.
#[derive(Debug, Clone, Copy)]
pub struct Otlp;

impl Format for Otlp {
    fn encode(&self, records: &[Exported]) -> Vec<u8> {
        let mut line = request(records);
        line.push(b'\n');
        line
    }
}

fn log(record: &Exported) -> Value {
    let (severity, name) = match record.result() {
        Went::Well | Went::Unknown => (9, "INFO"),
        Went::Denied | Went::Wrong => (13, "WARN"),
    };
    let nanos = record.time().as_nanosecond().max(0).to_string();
    let mut log = json!({
        "timeUnixNano": nanos,
        "observedTimeUnixNano": nanos,
        "severityNumber": severity,
        "severityText": name,
        "eventName": format!("mcpo2.audit.{}", record.kind()),
        "body": { "stringValue": record.operation() },
        "attributes": attributes(record),
    });
    let trace = record
        .text("/trace")
        .filter(|trace| trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if let (Some(trace), Some(log)) = (trace, log.as_object_mut()) {
        log.insert("traceId".into(), trace.into());
    }
    log
}

fn attributes(record: &Exported) -> Vec<Value> {
    let error = error_type(record);
    let called = [
        ("log.record.uid", record.text("/id")),
        ("mcp.method.name", record.text("/request/method")),
        ("mcp.protocol.version", record.text("/request/version")),
        ("error.type", error.as_deref()),
        ("user.id", record.text("/principal/id")),
    ];
    let mut all: Vec<_> = called
        .into_iter()
        .filter_map(|(key, value)| Some(text(key, value?)))
        .collect();
    all.extend(item(record));
    all.extend(peer(record));
    all.extend(own(record));
    all
}

/// What is addressed, as the conventions of generative AI and of MCP have it.
fn item(record: &Exported) -> Vec<Value> {
    let kind = record.text("/request/item/kind").unwrap_or_default();
    let name = record.text("/request/item/name");
    let key = match kind {
        "tool" => "gen_ai.tool.name",
        "prompt" => "gen_ai.prompt.name",
        "resource" => "mcp.resource.uri",
        _ => "mcpo2.item",
    };
    let mut all: Vec<_> = name.map(|name| text(key, name)).into_iter().collect();
    if record.text("/request/method") == Some("tools/call") {
        all.push(text("gen_ai.operation.name", "execute_tool"));
    }
    all
}

fn peer(record: &Exported) -> Vec<Value> {
    let mut all = Vec::new();
    match record.text("/transport") {
        Some("stdio") => all.push(text("network.transport", "pipe")),
        Some(transport) if transport.starts_with("http") => {
            all.push(text("network.transport", "tcp"));
        }
        _ => {}
    }
    if let Some((ip, port)) = record.remote() {
        all.push(text("client.address", &ip.to_string()));
        all.extend(port.map(|port| int("client.port", port.into())));
    }
    let code = record.record.pointer("/end/code").and_then(Value::as_i64);
    all.extend(code.map(|code| text("rpc.response.status_code", &code.to_string())));
    all
}

/// What only MCPO2 knows of.
fn own(record: &Exported) -> Vec<Value> {
    let leaf = record.leaf();
    let texts = [
        ("mcpo2.origin", Some(&*record.origin)),
        ("mcpo2.leaf", Some(&*leaf)),
        ("mcpo2.kind", Some(record.kind())),
        ("mcpo2.call.id", record.call_id()),
        ("mcpo2.tenant", record.text("/principal/tenant")),
        (
            "mcpo2.principal.pseudonym",
            record.text("/principal/pseudonym"),
        ),
        ("mcpo2.family", record.text("/family")),
        ("mcpo2.module", record.module()),
        ("mcpo2.effect", record.effect()),
        ("mcpo2.bundle", record.bundle()),
        ("mcpo2.outcome", record.outcome()),
    ];
    let numbers = [
        ("mcpo2.seq", Some(record.seq)),
        ("mcpo2.bytes.in", record.number("/request/bytes")),
        ("mcpo2.bytes.out", record.number("/end/bytes")),
        ("mcpo2.duration_us", record.number("/end/duration_us")),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(key, value)| Some(text(key, value?)));
    let numbers = numbers
        .into_iter()
        .filter_map(|(key, value)| Some(int(key, value?)));
    let mut all: Vec<_> = texts.chain(numbers).collect();
    let rules = record.rules();
    if !rules.is_empty() {
        let values: Vec<_> = rules
            .iter()
            .map(|rule| json!({ "stringValue": rule }))
            .collect();
        let rules = json!({ "arrayValue": { "values": values } });
        all.push(json!({ "key": "mcpo2.rules", "value": rules }));
    }
    all
}

/// Of an error its code, of a tool that says that it failed `tool_error`, of others the outcome.
fn error_type(record: &Exported) -> Option<String> {
    let failed = matches!(record.result(), Went::Denied | Went::Wrong);
    let outcome = || record.outcome().map(ToOwned::to_owned);
    failed.then(|| record.fault().or_else(outcome)).flatten()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// A number is of 64 bits with a sign, and in JSON a text.
fn int(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.min(MOST).to_string() } })
}

const MOST: u64 = i64::MAX.unsigned_abs();
