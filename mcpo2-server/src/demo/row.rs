//! What the ledger says of each call.

use std::path::Path;

use mcpo2_audit::{CallRecord, Caller, Event, Outcome, Reject};
use mcpo2_core::BoxError;
use serde_json::Value;

/// One call, or one refusal, as it stands in the ledger.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) seq: u64,
    pub(super) asked: Asked,
    pub(super) found: Facts,
    pub(super) outcome: String,
    pub(super) micros: Option<u64>,
}

/// Who asked what.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) tenant: String,
    pub(super) caller: String,
    pub(super) method: String,
    pub(super) item: Option<String>,
    pub(super) family: Option<String>,
}

/// What the layers found.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// `allow`, `require_approval` or `deny`; none where nobody decided.
    pub(super) effect: Option<String>,
    pub(super) rules: Vec<String>,
    /// The modules that the router looked at, each with its verdict.
    pub(super) route: Vec<(String, String)>,
    /// The id and the digest of the preamble.
    pub(super) preamble: Option<(String, String)>,
    /// Entries of a list that the caller sees, and those that it does not.
    pub(super) filtered: Option<(u64, u64)>,
    /// The length and the digest of what became a reference.
    pub(super) reference: Option<(u64, String)>,
}

/// The calls and refusals behind the record `after`.
pub(super) fn read(ledger: &Path, after: u64) -> Result<Vec<Row>, BoxError> {
    let mut rows = Vec::new();
    for entry in mcpo2_audit::calls(ledger)? {
        let entry = entry?;
        let row = match entry.record.event {
            _ if entry.seq < after => continue,
            Event::Call(call) => Row::of_call(&call),
            Event::Reject(reject) => Row::of_reject(&reject),
            _ => continue,
        };
        rows.push(Row {
            seq: entry.seq,
            ..row
        });
    }
    Ok(rows)
}

impl Row {
    fn of_call(call: &CallRecord) -> Self {
        let mut found = Facts::default();
        for fact in &call.facts {
            if let Value::Object(fact) = fact {
                fact.iter().for_each(|(kind, fact)| found.add(kind, fact));
            }
        }
        Self {
            asked: Asked {
                method: call.request.method.to_string(),
                item: call
                    .request
                    .item
                    .as_ref()
                    .and_then(|item| Some(item.name.as_ref()?.to_string())),
                family: call.family.as_ref().map(ToString::to_string),
                ..Asked::by(&call.principal)
            },
            found,
            outcome: outcome(&call.end.outcome),
            micros: Some(call.end.duration_us),
            ..Self::default()
        }
    }

    fn of_reject(reject: &Reject) -> Self {
        let status = reject
            .status
            .map(|status| format!(" ({status})"))
            .unwrap_or_default();
        Self {
            asked: reject.principal.as_ref().map(Asked::by).unwrap_or_default(),
            outcome: format!("{}{status}", reject.reason),
            ..Self::default()
        }
    }
}

impl Asked {
    fn by(caller: &Caller) -> Self {
        let tenant = caller.tenant.to_string();
        let caller = caller
            .id
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        Self {
            tenant,
            caller,
            ..Self::default()
        }
    }
}

impl Facts {
    fn add(&mut self, kind: &str, fact: &Value) {
        match kind {
            "decided" => {
                self.effect = text(fact, "/effect");
                let rules = fact.get("rules").and_then(Value::as_array);
                let rules = rules.into_iter().flatten().filter_map(Value::as_str);
                self.rules = rules.map(str::to_owned).collect();
            }
            "routed" => {
                let candidates = fact.get("candidates").and_then(Value::as_array);
                let candidates = candidates.into_iter().flatten();
                let verdict = |of| Some((text(of, "/module")?, text(of, "/verdict")?));
                self.route = candidates.filter_map(verdict).collect();
            }
            "preamble" => {
                let profile = (text(fact, "/profile/id"), text(fact, "/profile/digest"));
                self.preamble = profile.0.zip(profile.1);
            }
            "filtered" => self.filtered = number(fact, "/shown").zip(number(fact, "/hidden")),
            "offloaded" => self.reference = number(fact, "/bytes").zip(text(fact, "/digest")),
            _ => {}
        }
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok => "ok".to_owned(),
        Outcome::ToolError => "tool error".to_owned(),
        Outcome::Error { code } => format!("error {code}"),
        Outcome::Denied => "denied".to_owned(),
        Outcome::Failed { kind } => kind.to_string(),
        Outcome::Cancelled => "cancelled".to_owned(),
        _ => "no response".to_owned(),
    }
}

fn text(fact: &Value, pointer: &str) -> Option<String> {
    fact.pointer(pointer)?.as_str().map(str::to_owned)
}

fn number(fact: &Value, pointer: &str) -> Option<u64> {
    fact.pointer(pointer)?.as_u64()
}
