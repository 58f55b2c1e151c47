use std::{fmt::Write as _, net::IpAddr, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

/// A record of the ledger, with where it stands in it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Exported {
    /// The name of the ledger.
    pub origin: Arc<str>,
    /// Its number.
    pub seq: u64,
    /// The hash of its leaf in the tree of the ledger.
    pub leaf: [u8; 32],
    /// The record, as JSON; what was erased is not in it.
    pub record: Value,
    /// Of an outcome, the intent that it closes, where that is known.
    pub intent: Option<Arc<Value>>,
}

impl Exported {
    /// A record at this place.
    pub fn new(origin: impl Into<Arc<str>>, seq: u64, leaf: [u8; 32], record: Value) -> Self {
        Self {
            origin: origin.into(),
            seq,
            leaf,
            record,
            intent: None,
        }
    }

    /// The same with the intent that it closes.
    #[must_use]
    pub fn with_intent(mut self, intent: impl Into<Arc<Value>>) -> Self {
        self.intent = Some(intent.into());
        self
    }

    /// The tenant that it is of, where it is of one.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.text("/principal/tenant")
    }

    /// The hash of the leaf in hexadecimal digits.
    pub(super) fn leaf(&self) -> String {
        self.leaf
            .iter()
            .fold(String::with_capacity(64), |mut text, byte| {
                // Writing to a String cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    pub(super) fn own(&self, member: &str) -> &str {
        let member = self.record.get(member).and_then(Value::as_str);
        member.unwrap_or_default()
    }

    pub(super) fn kind(&self) -> &str {
        self.own("kind")
    }

    pub(super) fn time(&self) -> Timestamp {
        self.own("time").parse().unwrap_or_default()
    }

    /// The id of the intent, of both an intent and its outcome.
    pub(super) fn call_id(&self) -> Option<&str> {
        match self.kind() {
            "intent" => self.record.get("id")?.as_str(),
            _ => self.record.get("intent")?.as_str(),
        }
    }

    /// What stands there in the record, or else in its intent.
    pub(super) fn at(&self, pointer: &str) -> Option<&Value> {
        let of_intent = || self.intent.as_ref()?.pointer(pointer);
        self.record.pointer(pointer).or_else(of_intent)
    }

    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer)?.as_str()
    }

    pub(super) fn number(&self, pointer: &str) -> Option<u64> {
        self.at(pointer)?.as_u64()
    }

    /// What stands there in the last fact of this kind.
    pub(super) fn fact(&self, kind: &str, member: &str) -> Option<&Value> {
        let of = |record: &'_ Value| -> Option<usize> {
            let facts = record.get("facts")?.as_array()?;
            facts.iter().rposition(|fact| fact.get(kind).is_some())
        };
        let found = [Some(&self.record), self.intent.as_deref()];
        let mut found = found.into_iter().flatten();
        found.find_map(|record| {
            let at = of(record)?;
            record.get("facts")?.get(at)?.get(kind)?.get(member)
        })
    }

    pub(super) fn effect(&self) -> Option<&str> {
        self.fact("decided", "effect")?.as_str()
    }

    pub(super) fn bundle(&self) -> Option<&str> {
        self.fact("decided", "bundle")?.as_str()
    }

    pub(super) fn module(&self) -> Option<&str> {
        self.fact("routed", "module")?.as_str()
    }

    pub(super) fn rules(&self) -> Vec<&str> {
        let rules = self.fact("decided", "rules").and_then(Value::as_array);
        rules
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    pub(super) fn roles(&self) -> Vec<&str> {
        let roles = self.at("/principal/roles").and_then(Value::as_array);
        roles
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// What was done: the method of a call, the action of others.
    pub(super) fn operation(&self) -> &str {
        let operation = self
            .text("/request/method")
            .or_else(|| self.text("/action"));
        operation.unwrap_or_else(|| self.kind())
    }

    pub(super) fn outcome(&self) -> Option<&str> {
        self.record.pointer("/end/outcome")?.as_str()
    }

    /// The code of an error, or the kind of a failure; of a reject, its reason.
    pub(super) fn fault(&self) -> Option<String> {
        let code = || self.record.pointer("/end/code")?.as_i64();
        let kind = self.record.pointer("/end/kind").and_then(Value::as_str);
        let kind = kind.or_else(|| self.record.get("reason")?.as_str());
        let kind = kind.map(ToOwned::to_owned);
        kind.or_else(|| code().map(|code| code.to_string()))
    }

    /// The address of the peer and its port.
    pub(super) fn remote(&self) -> Option<(IpAddr, Option<u16>)> {
        let remote = self.text("/remote")?;
        let with_port = remote.parse::<std::net::SocketAddr>().ok();
        let with_port = with_port.map(|it| (it.ip(), Some(it.port())));
        with_port.or_else(|| Some((remote.parse().ok()?, None)))
    }

    /// How it went.
    pub(super) fn result(&self) -> Went {
        match (self.kind(), self.outcome()) {
            (_, Some("ok")) => Went::Well,
            (_, Some("denied")) => Went::Denied,
            (_, Some("unknown" | "detached")) | ("intent", _) => Went::Unknown,
            (_, Some(_)) | ("reject", _) => Went::Wrong,
            ("recovered", _) => Went::Wrong,
            _ => Went::Well,
        }
    }
}

/// How something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    Well,
    Denied,
    Wrong,
    Unknown,
}
