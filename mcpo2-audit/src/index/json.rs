use jiff::Timestamp;
use mcpo2_core::TenantId;
use serde_json::{Map, Value};

use super::{Context, Ending, Position, Row, Verdict, What, Who};

/// Why a record makes no row: it has no id, no kind or no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record without `{0}`")]
pub struct RowError(&'static str);

/// Members that have columns of their own, or that an index has no need of.
const KNOWN: [&str; 16] = [
    "action",
    "end",
    "facts",
    "family",
    "format",
    "generation",
    "id",
    "intent",
    "kind",
    "principal",
    "reason",
    "remote",
    "request",
    "subject",
    "time",
    "trace",
];

impl Row {
    /// The row of a record, from its JSON as the ledger has it.
    ///
    /// What is missing, erased or of another version is left out, so that no record can stop an
    /// index.
    ///
    /// ```
    /// use mcpo2_audit::index::Row;
    /// let record = serde_json::json!({
    ///     "format": "mcpo2.audit.record/v1", "id": "01a1fbaa-0000-7000-8000-000000000000",
    ///     "time": "2026-11-21T01:13:45Z", "kind": "intent",
    ///     "principal": { "tenant": "acme", "pseudonym": "p-7", "kind": "service", "auth": "jwt" },
    ///     "request": { "method": "tools/call", "item": { "kind": "tool", "name": "search" } },
    ///     "facts": [{ "decided": { "effect": "allow", "rules": ["r1"] } }],
    /// });
    /// let row = Row::from_json(7, 0, 4096, &record)?;
    /// assert_eq!(row.what.item.as_deref(), Some("search"));
    /// assert_eq!(row.who.principal, None);
    /// # Ok::<(), mcpo2_audit::index::RowError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RowError`] where it is no record at all.
    pub fn from_json(
        seq: u64,
        segment: u64,
        offset: u64,
        record: &Value,
    ) -> Result<Self, RowError> {
        let id = record.get("id").and_then(Value::as_str);
        let id = id.and_then(|id| id.parse().ok()).ok_or(RowError("id"))?;
        let kind = text(record, "/kind").ok_or(RowError("kind"))?;
        let time = record.get("time").and_then(Value::as_str);
        let time = time.and_then(|time| time.parse().ok());
        let mut row = Self::new(seq, id, kind, within(time.ok_or(RowError("time"))?));
        row.position = Position {
            segment: segment.min(MOST),
            offset: offset.min(MOST),
        };
        row.who = who(record);
        row.what = what(record);
        row.decided = verdict(record);
        row.ended = ending(record);
        row.context = context(record);
        if !matches!(&*row.kind, "call" | "intent" | "outcome") {
            row.context.detail = detail(record);
        }
        Ok(row)
    }
}

fn who(record: &Value) -> Who {
    let tenant = record
        .pointer("/principal/tenant")
        .and_then(Value::as_str)
        .and_then(|tenant| TenantId::new(tenant).ok());
    Who {
        tenant,
        pseudonym: text(record, "/principal/pseudonym"),
        principal: text(record, "/principal/id"),
    }
}

fn what(record: &Value) -> What {
    let found = |name: &str| fact(record, "classified").and_then(|fact| text(fact, name));
    What {
        method: text(record, "/request/method"),
        item_kind: text(record, "/request/item/kind"),
        item: text(record, "/request/item/name"),
        family: text(record, "/family").or_else(|| found("/family")),
        module: fact(record, "routed").and_then(|routed| text(routed, "/module")),
        action: text(record, "/action").or_else(|| text(record, "/reason")),
        bytes: number(record, "/request/bytes").or_else(|| number(record, "/bytes")),
    }
}

fn verdict(record: &Value) -> Verdict {
    let Some(decided) = fact(record, "decided") else {
        return Verdict::default();
    };
    let rules = decided.get("rules").and_then(Value::as_array);
    Verdict {
        effect: text(decided, "/effect"),
        rules: rules
            .into_iter()
            .flatten()
            .filter_map(|rule| rule.as_str().map(clean))
            .collect(),
        bundle: text(decided, "/bundle"),
    }
}

fn ending(record: &Value) -> Ending {
    let code = || record.pointer("/end/code").and_then(Value::as_i64);
    Ending {
        outcome: text(record, "/end/outcome"),
        fault: text(record, "/end/kind").or_else(|| code().map(|code| code.to_string().into())),
        duration_us: number(record, "/end/duration_us"),
        bytes: number(record, "/end/bytes"),
    }
}

fn context(record: &Value) -> Context {
    let intent = record.get("intent").and_then(Value::as_str);
    Context {
        trace: text(record, "/trace"),
        generation: number(record, "/generation"),
        intent: intent.and_then(|id| id.parse().ok()),
        subject: text(record, "/subject"),
        detail: None,
    }
}

/// What is left of a record that is no call.
fn detail(record: &Value) -> Option<Box<str>> {
    let rest: Map<_, _> = record
        .as_object()?
        .iter()
        .filter(|(name, _)| !KNOWN.contains(&name.as_str()))
        .map(|(name, value)| (String::from(clean(name)), cleaned(value)))
        .collect();
    (!rest.is_empty()).then(|| Value::Object(rest).to_string().into())
}

/// The last fact of this kind.
fn fact<'a>(record: &'a Value, kind: &str) -> Option<&'a Value> {
    let facts = record.get("facts")?.as_array()?;
    facts.iter().rev().find_map(|fact| fact.get(kind))
}

fn text(record: &Value, pointer: &str) -> Option<Box<str>> {
    record.pointer(pointer)?.as_str().map(clean)
}

fn number(record: &Value, pointer: &str) -> Option<u64> {
    let number = record.pointer(pointer)?.as_u64()?;
    Some(number.min(MOST))
}

/// As far as SQL counts.
const MOST: u64 = i64::MAX.unsigned_abs();

/// The time, or the nearest that 64 bits of nanoseconds can say.
fn within(time: Timestamp) -> Timestamp {
    let nanos = time.as_nanosecond();
    let near = nanos.clamp(i64::MIN.into(), i64::MAX.into());
    Timestamp::from_nanosecond(near).unwrap_or(time)
}

/// The text without NUL.
pub(super) fn clean(text: &str) -> Box<str> {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}").into(),
        false => text.into(),
    }
}

fn cleaned(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(text).into()),
        Value::Array(items) => items.iter().map(cleaned).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (String::from(clean(name)), cleaned(value)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
